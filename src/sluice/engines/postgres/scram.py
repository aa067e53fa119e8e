"""SCRAM-SHA-256, both ends, sans-io: messages in, messages out; nonces and salts are given from outside.

Sources: RFC 5802, RFC 7677, RFC 5929 (tls-server-end-point); the verifier's form is PostgreSQL's
(https://www.postgresql.org/docs/current/catalog-pg-authid.html).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from dataclasses import dataclass
from typing import Final

PLAIN: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"
ITERATIONS: Final = 4096
MOST_ITERATIONS: Final = 1_000_000
"""What a database may ask of Sluice: half a second of work, no more."""
_END_POINT: Final = "tls-server-end-point"
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


class ScramError(ValueError):
    """An exchange that cannot succeed; the text is for the log, never for the other side."""


@dataclass(frozen=True, slots=True, repr=False)
class Verifier:
    """What a server keeps instead of a password."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @staticmethod
    def parse(text: str) -> Verifier:
        """Reads PostgreSQL's form; ScramError when it is another."""
        match = _VERIFIER.fullmatch(text)
        if match is None:
            raise ScramError("not a SCRAM-SHA-256 verifier")
        salt, stored, server = (_decoded(part) for part in match.groups()[1:])
        return Verifier(int(match[1]), salt, stored, server)

    @staticmethod
    def make(password: str, salt: bytes, iterations: int = ITERATIONS) -> Verifier:
        """The verifier of a password."""
        salted = _salted(password, salt, iterations)
        client = _hmac(salted, b"Client Key")
        return Verifier(iterations, salt, hashlib.sha256(client).digest(), _hmac(salted, b"Server Key"))

    @staticmethod
    def mock(user: str, secret: bytes) -> Verifier:
        """A verifier for a user that does not exist: always the same, matched by no password, as PostgreSQL does it."""
        salt = _hmac(secret, b"salt:" + user.encode("utf-8", "surrogateescape"))[:16]
        return Verifier(ITERATIONS, salt, _hmac(secret, b"stored:" + salt), _hmac(secret, b"server:" + salt))

    def __str__(self) -> str:
        return f"{PLAIN}${self.iterations}:{_b64(self.salt)}${_b64(self.stored_key)}:{_b64(self.server_key)}"


class ServerExchange:
    """The server's end. `end_point` is the hash of the server's certificate when TLS is on, else None."""

    __slots__ = ("_bare", "_end_point", "_first", "_gs2", "_mechanism", "_nonce", "_verifier")

    def __init__(self, verifier: Verifier, nonce: str, end_point: bytes | None) -> None:
        self._verifier = verifier
        self._nonce = nonce
        self._end_point = end_point
        self._gs2 = b""
        self._bare = ""
        self._first = ""
        self._mechanism = ""

    def first(self, mechanism: str, message: bytes) -> bytes:
        """The client's first message to the server's first. Raises ScramError."""
        text = _utf8(message)
        flag, authzid, bare = _split(text, ",", 3)
        if authzid:
            raise ScramError("authorization identities are not supported")
        self._check_flag(mechanism, flag)
        # The order is fixed, so that no mandatory extension (m=) is overlooked; the user is the start-up packet's.
        parts = [_attribute(part) for part in bare.split(",")]
        if len(parts) < 2 or parts[0][0] != "n" or parts[1][0] != "r" or not _is_nonce(parts[1][1]):
            raise ScramError("the client's first message has no nonce or an unknown extension")
        client_nonce = parts[1][1]
        self._mechanism = mechanism
        self._gs2 = f"{flag},{authzid},".encode()
        self._bare = bare
        self._nonce = client_nonce + self._nonce
        self._first = f"r={self._nonce},s={_b64(self._verifier.salt)},i={self._verifier.iterations}"
        return self._first.encode()

    def _check_flag(self, mechanism: str, flag: str) -> None:
        if mechanism == PLUS:
            if self._end_point is None or flag != f"p={_END_POINT}":
                raise ScramError("channel binding of another type than offered")
        elif mechanism != PLAIN:
            raise ScramError("unknown mechanism")
        elif flag == "y" and self._end_point is not None:
            raise ScramError("the client saw no channel binding offered, so somebody removed it")
        elif flag not in ("n", "y"):
            raise ScramError("channel binding without its mechanism")

    def final(self, message: bytes) -> bytes:
        """The client's proof to the server's signature. Raises ScramError when the proof is wrong."""
        text = _utf8(message)
        without, _, proof = text.rpartition(",p=")
        attributes = dict(_attribute(part) for part in without.split(","))
        binding = self._gs2 + (self._end_point or b"" if self._mechanism == PLUS else b"")
        same = hmac.compare_digest(_decoded(attributes.get("c", "")), binding)
        same &= hmac.compare_digest(attributes.get("r", "").encode(), self._nonce.encode()) and "m" not in attributes
        signed = f"{self._bare},{self._first},{without}".encode()
        signature = _hmac(self._verifier.stored_key, signed)
        given = _decoded(proof)
        client_key = bytes(a ^ b for a, b in zip(given, signature, strict=False))
        same &= hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key)
        if not same or len(given) != 32:
            raise ScramError("wrong proof")
        return f"v={_b64(_hmac(self._verifier.server_key, signed))}".encode()


class ClientExchange:
    """The client's end, towards a database. `end_point` as for the server; used when the server offers binding."""

    __slots__ = ("_bare", "_end_point", "_gs2", "_nonce", "_password", "_signature", "mechanism")

    def __init__(self, password: str, nonce: str, mechanisms: tuple[str, ...], end_point: bytes | None) -> None:
        """Raises ScramError when the server offers no mechanism that is known."""
        bind = end_point is not None and PLUS in mechanisms
        if not bind and PLAIN not in mechanisms:
            raise ScramError("the database offers no SCRAM mechanism that is known")
        self.mechanism = PLUS if bind else PLAIN
        self._end_point = end_point if bind else None
        self._gs2 = f"p={_END_POINT},," if bind else ("y,," if end_point is not None else "n,,")
        self._bare = f"n=,r={nonce}"
        self._nonce = nonce
        self._password = password
        self._signature = b""

    def first(self) -> bytes:
        """The client's first message."""
        return (self._gs2 + self._bare).encode()

    def final(self, message: bytes) -> bytes:
        """The server's first message to the client's proof. Raises ScramError."""
        text = _utf8(message)
        attributes = dict(_attribute(part) for part in text.split(","))
        nonce, rounds = attributes.get("r", ""), attributes.get("i", "")
        if (
            not nonce.startswith(self._nonce)
            or nonce == self._nonce
            or not rounds.isdigit()
            or not 1 <= int(rounds) <= MOST_ITERATIONS
        ):
            raise ScramError("the database's first message is none")
        salted = _salted(self._password, _decoded(attributes.get("s", "")), int(rounds))
        without = f"c={_b64(self._gs2.encode() + (self._end_point or b''))},r={nonce}"
        signed = f"{self._bare},{text},{without}".encode()
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), signed)
        self._signature = _hmac(_hmac(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without},p={_b64(proof)}".encode()

    def verify(self, message: bytes) -> None:
        """Checks that the server knows the password too. Raises ScramError when it does not."""
        given = dict(_attribute(part) for part in _utf8(message).split(",")).get("v", "")
        if not self._signature or not hmac.compare_digest(_decoded(given), self._signature):
            raise ScramError("the database did not prove that it knows the password")


def prepared(password: str) -> bytes:
    """SASLprep (RFC 4013) as PostgreSQL applies it: a password it does not allow is taken as it is."""
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    normal = unicodedata.normalize("NFKC", mapped)
    if not normal or any(_prohibited(c) for c in normal):
        return password.encode()
    right = [stringprep.in_table_d1(c) for c in normal]
    mixed = any(right) and (any(stringprep.in_table_d2(c) for c in normal) or not (right[0] and right[-1]))
    return password.encode() if mixed else normal.encode()


def _prohibited(c: str) -> bool:
    tables = (
        stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
        stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7,
        stringprep.in_table_c8, stringprep.in_table_c9,
    )  # fmt: skip
    return any(table(c) for table in tables)


def _salted(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ScramError("not base64") from error
    # One value, one spelling: bits behind the end would be read as nothing.
    if _b64(raw) != text:
        raise ScramError("not base64")
    return raw


def _is_nonce(text: str) -> bool:
    return bool(text) and all("!" <= c <= "~" for c in text)


def _utf8(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise ScramError("not UTF-8") from error


def _split(text: str, mark: str, count: int) -> list[str]:
    parts = text.split(mark, count - 1)
    if len(parts) != count:
        raise ScramError("a message ends early")
    return parts


def _attribute(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if len(name) != 1 or not equals:
        raise ScramError("malformed attribute")
    return name, value
