"""A client's login, sans-io: bytes and answers in, steps out. Whoever performs the steps needs none of the protocol.

Whoever does not exist, gives a wrong password or an expired token goes through the same exchange and reads the same
words. Encryption is settled by now: SSLRequest and GSSENCRequest are answered at the socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal

from sluice.engines.postgres import startup
from sluice.engines.postgres.scram import PLAIN, PLUS, ScramError, ServerExchange, Verifier
from sluice.engines.postgres.speak import report
from sluice.engines.postgres.startup import BadPacket, CancelRequest, Startup
from sluice.model.decision import Refusal

_LONGEST: Final = 65_536
_MOST_HELD: Final = 4 * _LONGEST
PURPOSE: Final = "sluice.purpose"
APPROVAL: Final = "sluice.approval"
SOURCE: Final = "sluice.source"
"""Names the source of a physical replication connection, which names no database."""
_OWN: Final = frozenset({PURPOSE, APPROVAL, SOURCE})
Replication = Literal["", "physical", "logical"]
_RISKY: Final = frozenset({"role", "session_authorization", "session_replication_role"})
_MODES: Final[Mapping[str, Replication]] = {
    "database": "logical",
    **dict.fromkeys(("1", "on", "true", "tru", "tr", "t", "yes", "ye", "y"), "physical"),
    **dict.fromkeys(("0", "off", "of", "false", "fals", "fal", "fa", "f", "no", "n"), ""),
}
"""What the server reads in the start-up parameter `replication`."""
_RESERVED: Final = frozenset({"user", "database", "options"})
"""No settings: in another spelling, or out of `options`, they must not pass for the real parameters."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send to the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class WhoIs:
    """Answer with `method`: how this user proves who they are. `database` is the source the client named."""

    user: str
    database: str


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Answer with `token_checked`: whether the token is good for this user."""

    user: str
    token: str = field(repr=False)


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
    """The protocol agreed on, as in the start-up packet (3.2 is 196610)."""
    replication: Replication
    """Whether it is to be a replication connection: of the whole server, or of one database."""
    risky: tuple[str, ...]
    """Settings that would change who the session is."""
    leftover: bytes
    approval: Literal["", "wait", "error"] = ""
    """What is to become of a statement that is held for approval; empty: as the gateway sees fit."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel what this key is for, then close."""

    process_id: int
    secret: bytes = field(repr=False)


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
    """One login. `nonce` is fresh randomness; `end_point` the hash of Sluice's certificate inside TLS, else None.

    `private`: nobody can listen even without TLS (loopback, a unix socket), so a token may be asked for.
    """

    def __init__(self, nonce: str, mock_secret: bytes, end_point: bytes | None, private: bool = False) -> None:
        self._nonce = nonce
        self._mock_secret = mock_secret
        self._end_point = end_point
        self._private = private or end_point is not None
        self._held = b""
        self._at = _At.STARTUP
        self._startup = Startup(0, {})
        self._exchange: ServerExchange | None = None
        self._version = startup.PROTOCOL_3_0
        self._settled: _Settings = _Settings()
        self._method = ""
        self._doubt = ""

    @property
    def user(self) -> str:
        """The user the client named; empty before it did."""
        return self._startup.parameters.get("user", "")

    @property
    def database(self) -> str:
        """The source the client named, by default its user name as with the server."""
        return self._settled.source or self._startup.parameters.get("database") or self.user

    @property
    def _over(self) -> bool:
        return self._at is _At.OVER

    @property
    def _reading(self) -> bool:
        return self._at not in (_At.OVER, _At.METHOD, _At.CHECK)

    def feed(self, data: bytes) -> list[Step]:
        """Bytes from the client to the steps that follow from them; never raises on account of them."""
        if self._over:
            return []
        self._held += data
        steps: list[Step] = []
        while self._reading:
            found = self._opening() if self._at is _At.STARTUP else self._message()
            if found is None:
                break
            steps.extend(found)
        if not self._over and len(self._held) > _MOST_HELD:
            steps.append(self._broken("more was sent than a login takes"))
        return steps

    def method(self, method: Method, verifier: Verifier | None, doubt: str = "") -> list[Step]:
        """Answers `WhoIs`. No verifier: the exchange goes on all the same, and fails; `doubt` is why, for the log."""
        if self._at is not _At.METHOD:
            return []
        if method is Method.CERTIFICATE:
            self._method = "certificate"
            return [self._denied(doubt)] if doubt else [self._proven()]
        if method is Method.TOKEN:
            self._method, self._at = "token", _At.TOKEN
            if not self._private:
                refusal = Refusal(
                    "a token is accepted only on an encrypted connection",
                    hint="connect with `sslmode=require`",
                    code="28000",
                )
                return [self.refuse(refusal, "a token would have crossed the network in clear")]
            self._doubt = doubt
            return [Send(startup.authentication(3)), *self.feed(b"")]
        self._method, self._at = "scram-sha-256", _At.FIRST
        self._doubt = doubt or ("" if verifier else "unknown user")
        # The mock is made for everybody, so that users who exist cost as much as those who do not.
        mock = Verifier.mock(self.user, self._mock_secret)
        self._exchange = ServerExchange(verifier or mock, self._nonce, self._end_point)
        names = ((PLUS,) if self._end_point is not None else ()) + (PLAIN,)
        offer = b"".join(name.encode() + b"\0" for name in names) + b"\0"
        return [Send(startup.authentication(10, offer)), *self.feed(b"")]

    def token_checked(self, problem: str) -> list[Step]:
        """Answers `CheckToken`: empty if the token is good, else what is wrong with it, for the log."""
        if self._at is not _At.CHECK:
            return []
        problem = problem or self._doubt
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
            return [self._broken(packet.reason, packet.code)]
        if isinstance(packet, CancelRequest):
            self._at = _At.OVER
            return [Cancel(packet.process_id, packet.secret)]
        self._startup = packet
        if not self.user:
            refusal = Refusal("no PostgreSQL user name specified in startup packet", code="28000")
            return [self.refuse(refusal, "no user name")]
        settled = _settle(packet.parameters)
        if isinstance(settled, Refusal):
            return [self.refuse(settled, "a start-up setting that is none")]
        self._settled = settled
        self._at = _At.METHOD
        unknown = sorted(name for name in packet.parameters if name.startswith("_pq_."))
        steps: list[Step] = []
        # 3.1 was never a protocol: whoever asks for it gets 3.0.
        self._version = startup.PROTOCOL_3_2 if packet.version >= startup.PROTOCOL_3_2 else startup.PROTOCOL_3_0
        if unknown or packet.version != self._version:
            steps.append(Send(startup.negotiate(self._version, unknown)))
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
        self._at = _At.OVER
        settled = self._settled
        return Proven(
            self.user, self.database, self._method, tuple(settled.plain), settled.purpose, settled.application,
            self._version, settled.replication, tuple(settled.risky), self._held, settled.approval,
        )  # fmt: skip

    def _denied(self, reason: str) -> Failed:
        self._at = _At.OVER
        refusal = Refusal(f'password authentication failed for user "{self.user}"', code="28P01")
        return Failed(report(refusal, "FATAL"), self.user, self.database, self._method, reason)

    def _broken(self, reason: str, code: str = "08P01") -> Failed:
        return self.refuse(Refusal(f"protocol violation during login: {reason}", code=code), reason)


@dataclass(slots=True)
class _Settings:
    plain: list[tuple[str, str]] = field(default_factory=list)
    purpose: str = ""
    approval: Literal["", "wait", "error"] = ""
    application: str = ""
    replication: Replication = ""
    source: str = ""
    risky: list[str] = field(default_factory=list)


def _settle(parameters: Mapping[str, str]) -> _Settings | Refusal:
    """What a start-up packet sets besides user and database; or why that is not to be had."""
    settled = _Settings()
    for name, value in parameters.items():
        if name in ("user", "database") or name.startswith("_pq_."):
            continue
        found = startup.options(value) if name == "options" else [(name.lower(), value)]
        if found is None:
            # What cannot be read could be anything, so it counts as a change of who the session is.
            settled.risky.append("options")
            continue
        for setting, text in found:
            if setting in _RESERVED or (setting.startswith("sluice.") and setting not in _OWN):
                return _unrecognized(setting)
            if setting == "replication" and (name == "options" or text.lower() not in _MODES):
                return _unrecognized(setting) if name == "options" else _NO_MODE
            if setting == APPROVAL and text not in ("wait", "error"):
                return _unrecognized(setting)
            _set(settled, setting, text)
    return _unrecognized(SOURCE) if settled.source and settled.replication != "physical" else settled


def _unrecognized(setting: str) -> Refusal:
    return Refusal(f"unrecognized configuration parameter `{setting}`", code="42704")


_NO_MODE = Refusal(
    "invalid value for parameter `replication`", hint="`true` for the whole server, or `database`", code="22023"
)


def _set(settled: _Settings, name: str, value: str) -> None:
    if name == PURPOSE:
        settled.purpose = value
    elif name == APPROVAL:
        settled.approval = "wait" if value == "wait" else "error"
    elif name == SOURCE:
        settled.source = value
    elif name == "replication":
        settled.replication = _MODES[value.lower()]
    elif name in _RISKY:
        settled.risky.append(name)
    else:
        settled.plain.append((name, value))
        settled.application = value if name == "application_name" else settled.application
