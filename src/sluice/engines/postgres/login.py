"""A client's login, sans-io: bytes and answers in, steps out. The runtime performs the steps and knows none of the protocol.

Whoever does not exist, gives a wrong password or an expired token goes through the same exchange and reads the same words.
Encryption is over by now: the runtime answers SSLRequest and GSSENCRequest at the socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from sluice.engines.postgres import startup
from sluice.engines.postgres.scram import PLAIN, PLUS, ScramError, ServerExchange, Verifier
from sluice.engines.postgres.speak import report
from sluice.engines.postgres.startup import BadPacket, CancelRequest, Startup
from sluice.model.decision import Refusal

_LONGEST: Final = 65_536
PURPOSE: Final = "sluice.purpose"
_RISKY: Final = frozenset({"role", "session_authorization"})


@dataclass(frozen=True, slots=True)
class Send:
    """Send to the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class WhoIs:
    """Answer with `method`: how this user proves who they are."""

    user: str
    database: str


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Answer with `token_checked`: whether the token is good for this user."""

    user: str
    token: str


@dataclass(frozen=True, slots=True)
class Proven:
    """The client proved to be `user`, by `scram-sha-256`, `token` or `certificate`. Nothing was said to it yet."""

    user: str
    database: str
    method: str
    settings: tuple[tuple[str, str], ...]
    """Start-up settings to hand on to the database, in order."""
    purpose: str
    application: str
    version: int
    replication: bool
    risky: tuple[str, ...]
    """Settings that would change who the session is."""
    leftover: bytes


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel what this key is for, then close."""

    process_id: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """Say this last thing and close. `reason` is for the log and never for the client."""

    data: bytes
    user: str
    database: str
    method: str
    reason: str


Step = Send | WhoIs | CheckToken | Proven | Cancel | Failed


class Method(Enum):
    """How a user proves who they are."""

    SCRAM = auto()
    TOKEN = auto()
    CERTIFICATE = auto()


class _At(Enum):
    STARTUP = auto()
    METHOD = auto()
    FIRST = auto()
    FINAL = auto()
    TOKEN = auto()
    CHECK = auto()
    OVER = auto()


class ClientLogin:
    """One login. `nonce` is fresh randomness; `end_point` the hash of Sluice's certificate inside TLS, else None."""

    def __init__(self, nonce: str, mock_secret: bytes, end_point: bytes | None) -> None:
        self._nonce = nonce
        self._mock_secret = mock_secret
        self._end_point = end_point
        self._held = b""
        self._at = _At.STARTUP
        self._startup = Startup(0, {})
        self._exchange: ServerExchange | None = None
        self._method = ""
        self._doubt = ""

    @property
    def user(self) -> str:
        """The user the client named; empty before it did."""
        return self._startup.parameters.get("user", "")

    @property
    def database(self) -> str:
        """The source the client named, by default its user name as with the server."""
        return self._startup.parameters.get("database") or self.user

    def feed(self, data: bytes) -> list[Step]:
        """Bytes from the client to the steps that follow from them; never raises on account of them."""
        self._held += data
        steps: list[Step] = []
        while self._at not in (_At.OVER, _At.METHOD, _At.CHECK):
            found = self._opening() if self._at is _At.STARTUP else self._message()
            if found is None:
                if len(self._held) > _LONGEST:
                    steps.append(self._broken("a login message is too long"))
                break
            steps.extend(found)
        return steps

    def method(self, method: Method, verifier: Verifier | None, doubt: str = "") -> list[Step]:
        """Answers `WhoIs`. No verifier: the exchange goes on all the same, and fails; `doubt` is why, for the log."""
        self._doubt = doubt
        if method is Method.CERTIFICATE:
            self._method = "certificate"
            return [self._proven()]
        if method is Method.TOKEN:
            self._method, self._at = "token", _At.TOKEN
            return [Send(startup.authentication(3)), *self.feed(b"")]
        self._method, self._at = "scram-sha-256", _At.FIRST
        self._doubt = doubt or ("" if verifier else "unknown user")
        known = verifier or Verifier.mock(self.user, self._mock_secret)
        self._exchange = ServerExchange(known, self._nonce, self._end_point)
        names = ((PLUS,) if self._end_point is not None else ()) + (PLAIN,)
        offer = b"".join(name.encode() + b"\0" for name in names) + b"\0"
        return [Send(startup.authentication(10, offer)), *self.feed(b"")]

    def token_checked(self, problem: str) -> list[Step]:
        """Answers `CheckToken`: empty if the token is good, else what is wrong with it, for the log."""
        return [self._denied(problem)] if problem else [self._proven()]

    def refuse(self, refusal: Refusal, reason: str) -> Failed:
        """Ends the login with words of the runtime's."""
        self._at = _At.OVER
        return Failed(report(refusal, "FATAL"), self.user, self.database, self._method, reason)

    def _opening(self) -> list[Step] | None:
        found = startup.first_packet(self._held)
        if found is None:
            return None
        packet, length = found
        self._held = self._held[length:]
        if isinstance(packet, BadPacket):
            return [self._broken(packet.reason)]
        if isinstance(packet, CancelRequest):
            self._at = _At.OVER
            return [Cancel(packet.process_id, packet.secret)]
        self._startup = packet
        if not self.user:
            self._at = _At.OVER
            refusal = Refusal("no PostgreSQL user name specified in startup packet", code="28000")
            return [Failed(report(refusal, "FATAL"), "", self.database, "", "no user name")]
        self._at = _At.METHOD
        unknown = sorted(name for name in packet.parameters if name.startswith("_pq_."))
        steps: list[Step] = []
        if packet.version > startup.PROTOCOL_3_2 or unknown or packet.version == startup.PROTOCOL_3_0 + 1:
            minor = min(packet.version & 0xFFFF, 2) if packet.version != startup.PROTOCOL_3_0 + 1 else 0
            steps.append(Send(startup.negotiate(startup.PROTOCOL_3_0 + minor, unknown)))
        return [*steps, WhoIs(self.user, self.database)]

    def _message(self) -> list[Step] | None:
        if len(self._held) < 5:
            return None
        length = int.from_bytes(self._held[1:5], "big")
        if self._held[:1] == b"X":
            return [self._broken("the client went away")]
        if self._held[:1] != b"p" or not 4 <= length <= _LONGEST:
            return [self._broken("something else than a password message")]
        if len(self._held) < length + 1:
            return None
        body, self._held = self._held[5 : length + 1], self._held[length + 1 :]
        try:
            return self._password(body)
        except (ScramError, ValueError) as error:
            return [self._denied(self._doubt or str(error))]

    def _password(self, body: bytes) -> list[Step]:
        if self._at is _At.TOKEN:
            if not body.endswith(b"\0") or body.count(b"\0") != 1:
                return [self._broken("a password without its end")]
            self._at = _At.CHECK
            return [CheckToken(self.user, body[:-1].decode())]
        exchange = self._exchange
        if exchange is None:
            return [self._broken("a proof before its exchange")]
        if self._at is _At.FIRST:
            mechanism, _, rest = body.partition(b"\0")
            size = int.from_bytes(rest[:4], "big", signed=True)
            if size != len(rest) - 4:
                return [self._broken("a SASL message that lies about its length")]
            answer = exchange.first(mechanism.decode("ascii"), rest[4:])
            self._at = _At.FINAL
            return [Send(startup.authentication(11, answer))]
        final = exchange.final(body)
        if self._doubt:
            return [self._denied(self._doubt)]
        return [Send(startup.authentication(12, final)), self._proven()]

    def _proven(self) -> Step:
        settings: list[tuple[str, str]] = []
        purpose = application = ""
        replication = False
        risky: list[str] = []
        for name, value in self._settings():
            if name == PURPOSE:
                purpose = value
            elif name == "replication":
                replication = value.lower() not in ("false", "off", "no", "0", "")
            elif name in _RISKY:
                risky.append(name)
            elif not name.startswith("_pq_."):
                settings.append((name, value))
                application = value if name == "application_name" else application
        self._at = _At.OVER
        return Proven(
            self.user, self.database, self._method, tuple(settings), purpose, application, self._startup.version,
            replication, tuple(risky), self._held,
        )  # fmt: skip

    def _settings(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for name, value in self._startup.parameters.items():
            if name in ("user", "database"):
                continue
            if name == "options":
                read = startup.options(value)
                # What cannot be read could be anything, so it counts as a change of who the session is.
                found.extend([("role", value)] if read is None else read)
            else:
                found.append((name.lower(), value))
        return found

    def _denied(self, reason: str) -> Failed:
        self._at = _At.OVER
        refusal = Refusal(f'password authentication failed for user "{self.user}"', code="28P01")
        return Failed(report(refusal, "FATAL"), self.user, self.database, self._method, reason)

    def _broken(self, reason: str) -> Failed:
        self._at = _At.OVER
        refusal = Refusal(f"protocol violation during login: {reason}", code="08P01")
        return Failed(report(refusal, "FATAL"), self.user, self.database, self._method, reason)
