"""Sluice's own login at a database, sans-io. TLS is the runtime's; what is said inside it is here.

Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.engines.postgres import startup
from sluice.engines.postgres.scram import ClientExchange, ScramError
from sluice.engines.postgres.speak import frame
from sluice.engines.postgres.upstream import fields

_LONGEST = 1 << 20
_LEAST = {b"R": 9, b"K": 13}
_OURS = frozenset({"user", "database", "replication", "options"})
_MODES = {"physical": "true", "logical": "database"}
_STEPS = {3: 1, 5: 1, 10: 1, 11: 2, 12: 3, 0: 4}
"""How far each authentication message brings the login; none may come twice or lead back to a weaker method."""


def tls_request() -> bytes:
    """SSLRequest: what to say first on a connection that is to be encrypted."""
    return (8).to_bytes(4, "big") + startup.SSL_REQUEST.to_bytes(4, "big")


def tls_answer(data: bytes) -> Literal["encrypted", "clear", "broken"]:
    """What the database's answer to `tls_request` means: TLS begins, it has none, or nothing it says can be trusted.

    More than the one byte is somebody in between, whose words would be read as if said inside TLS (CVE-2021-23222).
    """
    if data == b"S":
        return "encrypted"
    return "clear" if data == b"N" else "broken"


@dataclass(slots=True)
class LoggedIn:
    """The database is ready. `parameters` are its ParameterStatus messages verbatim, `values` what they say."""

    parameters: bytes
    values: Mapping[str, str]
    process_id: int
    secret: bytes = field(repr=False)
    status: str
    leftover: bytes


@dataclass(slots=True)
class LoginRefused:
    """The database refused, or could not be trusted. `fields` are its error's, empty when the doubt is Sluice's own."""

    reason: str
    fields: Mapping[str, str] = field(default_factory=dict)


class UpstreamLogin:
    """One login. `password` None: none is known. `private`: the way there is TLS, a unix socket or loopback.

    Raises ValueError for settings that name a user, database or options, or that hold a zero byte.
    """

    def __init__(
        self,
        user: str,
        database: str,
        settings: Mapping[str, str],
        password: str | None,
        nonce: str,
        end_point: bytes | None,
        private: bool,
        replication: Literal["", "physical", "logical"] = "",
    ) -> None:
        self._user = user
        # Settings come from clients: none of them may name another user or database.
        if any(name.lower() in _OURS for name in settings):
            raise ValueError("a setting would change who logs in, or where")
        mode = {"replication": _MODES[replication]} if replication else {}
        self._opening = startup.opening({"user": user, "database": database, **mode, **settings})
        self._password = password
        self._nonce = nonce
        self._end_point = end_point
        self._private = private
        self._held = b""
        self._exchange: ClientExchange | None = None
        self._step = 0
        self._parameters = b""
        self._values: dict[str, str] = {}
        self._key = (0, b"")

    def start(self) -> bytes:
        """What to say first."""
        return self._opening

    def feed(self, data: bytes) -> tuple[bytes, LoggedIn | LoginRefused | None]:
        """Bytes from the database to what to answer, and the outcome once there is one."""
        self._held += data
        answer = b""
        while len(self._held) >= 5:
            length = int.from_bytes(self._held[1:5], "big")
            if not 4 <= length <= _LONGEST:
                return answer, LoginRefused("the database does not speak PostgreSQL's protocol")
            if len(self._held) < length + 1:
                break
            raw, self._held = self._held[: length + 1], self._held[length + 1 :]
            try:
                said, outcome = self._message(raw[:1], raw)
            except (ValueError, IndexError) as error:
                return answer, LoginRefused(str(error) or "malformed login message from the database")
            answer += said
            if outcome is not None:
                return answer, outcome
        return answer, None

    def _message(self, kind: bytes, raw: bytes) -> tuple[bytes, LoggedIn | LoginRefused | None]:
        if len(raw) < _LEAST.get(kind, 5):
            return b"", LoginRefused("a login message from the database is cut short")
        if kind == b"R":
            return self._authenticate(int.from_bytes(raw[5:9], "big"), raw[9:])
        if kind in (b"S", b"K", b"Z") and self._step != _STEPS[0]:
            return b"", LoginRefused("the database went on before it let us in")
        if kind == b"S":
            name, value, _ = raw[5:].split(b"\0")
            self._values[name.decode()] = value.decode("utf-8", "replace")
            self._parameters += raw
        elif kind == b"K":
            self._key = (int.from_bytes(raw[5:9], "big"), raw[9:])
        elif kind == b"E":
            said = fields(raw)
            return b"", LoginRefused(said.get("M", "the database refused"), said)
        elif kind == b"Z":
            if raw[5:] not in (b"I", b"T", b"E"):
                return b"", LoginRefused("the database is ready in no state that is known")
            return b"", LoggedIn(self._parameters, self._values, *self._key, chr(raw[5]), self._held)
        elif kind != b"N":
            return b"", LoginRefused("unexpected message from the database during login")
        return b"", None

    def _authenticate(self, code: int, body: bytes) -> tuple[bytes, LoginRefused | None]:
        before, self._step = self._step, _STEPS.get(code, 0)
        if self._step <= before or (code in (11, 12) and self._step != before + 1):
            return b"", LoginRefused("the database's authentication messages are out of order or not supported")
        if code == 0:
            if self._exchange is not None and before != _STEPS[12]:
                return b"", LoginRefused("the database let us in without proving that it knows the password")
            return b"", None
        password = self._password
        if password is None:
            return b"", LoginRefused("the database asks for a password and none is configured for the source")
        if code == 3:
            if not self._private:
                return b"", LoginRefused("the database asks for the password in clear over an unencrypted network")
            return frame(b"p", password.encode() + b"\0"), None
        if code == 5 and len(body) == 4:
            return frame(b"p", _md5(password, self._user, body) + b"\0"), None
        if code == 10:
            names = tuple(name.decode("ascii") for name in body.split(b"\0") if name)
            self._exchange = ClientExchange(password, self._nonce, names, self._end_point)
            first = self._exchange.first()
            head = self._exchange.mechanism.encode() + b"\0" + len(first).to_bytes(4, "big")
            return frame(b"p", head + first), None
        if code in (11, 12) and self._exchange is not None:
            return self._sasl(code, body)
        return b"", LoginRefused("the database asks for an authentication method that is not supported")

    def _sasl(self, code: int, body: bytes) -> tuple[bytes, LoginRefused | None]:
        exchange = self._exchange
        try:
            if exchange is None:
                raise ScramError("a SASL message before its exchange")
            if code == 11:
                return frame(b"p", exchange.final(body)), None
            exchange.verify(body)
        except ScramError as error:
            return b"", LoginRefused(str(error))
        return b"", None


def _md5(password: str, user: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
