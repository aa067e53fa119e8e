"""Sluice's own login at a database, sans-io. TLS is the runtime's; what is said inside it is here.

Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.engines.postgres import startup
from sluice.engines.postgres.scram import ClientExchange, ScramError
from sluice.engines.postgres.speak import frame
from sluice.engines.postgres.upstream import fields

_LONGEST = 1 << 20


@dataclass(slots=True)
class LoggedIn:
    """The database is ready. `parameters` are its ParameterStatus messages verbatim, `values` what they say."""

    parameters: bytes
    values: Mapping[str, str]
    process_id: int
    secret: bytes
    status: str
    leftover: bytes


@dataclass(slots=True)
class LoginRefused:
    """The database refused, or could not be trusted. `fields` are its error's, empty when the doubt is Sluice's own."""

    reason: str
    fields: Mapping[str, str] = field(default_factory=dict)


class UpstreamLogin:
    """One login. `password` None: none is known. `private`: the way there is TLS, a unix socket or loopback."""

    def __init__(
        self,
        user: str,
        database: str,
        settings: Mapping[str, str],
        password: str | None,
        nonce: str,
        end_point: bytes | None,
        private: bool,
    ) -> None:
        self._user = user
        self._opening = startup.opening({"user": user, "database": database, **settings})
        self._password = password
        self._nonce = nonce
        self._end_point = end_point
        self._private = private
        self._held = b""
        self._exchange: ClientExchange | None = None
        self._verified = False
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
        if kind == b"R":
            return self._authenticate(int.from_bytes(raw[5:9], "big"), raw[9:])
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
            return b"", LoggedIn(self._parameters, self._values, *self._key, chr(raw[5]), self._held)
        elif kind not in (b"N", b"v"):
            return b"", LoginRefused("unexpected message from the database during login")
        return b"", None

    def _authenticate(self, code: int, body: bytes) -> tuple[bytes, LoginRefused | None]:
        if code == 0:
            if self._exchange is not None and not self._verified:
                return b"", LoginRefused("the database let us in without proving that it knows the password")
            return b"", None
        password = self._password
        if password is None:
            return b"", LoginRefused("the database asks for a password and none is configured for the source")
        if code == 3:
            if not self._private:
                return b"", LoginRefused("the database asks for the password in clear over an unencrypted network")
            return frame(b"p", password.encode() + b"\0"), None
        if code == 5:
            return frame(b"p", _md5(password, self._user, body[:4]) + b"\0"), None
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
        self._verified = True
        return b"", None


def _md5(password: str, user: str, salt: bytes) -> bytes:
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
