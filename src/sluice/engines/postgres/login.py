"""A client's login, sans-io: bytes and answers in, steps out. Whoever performs the steps needs none of the protocol.

Whoever does not exist, gives a wrong password or an expired token goes through the same exchange and reads the same
words. Encryption is settled by now: SSLRequest and GSSENCRequest are answered at the socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal

from sluice.engines.postgres import oauth, startup
from sluice.engines.postgres.scram import PLAIN, PLUS, ScramError, ServerExchange, Verifier
from sluice.engines.postgres.speak import report
from sluice.engines.postgres.startup import BadPacket, CancelRequest, Startup
from sluice.engines.postgres.wishes import Replication, Wishes, settle
from sluice.model.decision import Refusal

_LONGEST: Final = 65_536
_MOST_HELD: Final = 4 * _LONGEST


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
    reason: str = ""
    """Why, in the client's words, for whoever is asked to approve."""


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
    OAUTH = auto()
    CERTIFICATE = auto()


class _At(Enum):
    STARTUP = auto()
    METHOD = auto()
    FIRST = auto()
    FINAL = auto()
    TOKEN = auto()
    BEARER = auto()
    CHECK = auto()
    TOLD = auto()
    OVER = auto()


class ClientLogin:
    """One login. `nonce` is fresh randomness; `end_point` the hash of Sluice's certificate inside TLS, else None.

    `private`: nobody can listen even without TLS (loopback, a unix socket), so a token may be asked for. `metadata`: where clients
    that speak OAUTHBEARER get one; without it, that is not offered.
    """

    def __init__(
        self,
        nonce: str,
        mock_secret: bytes,
        end_point: bytes | None,
        private: bool = False,
        metadata: oauth.Metadata | None = None,
    ) -> None:
        self._nonce = nonce
        self._mock_secret = mock_secret
        self._end_point = end_point
        self._private = private or end_point is not None
        self._oauth = metadata
        self._bearing = False
        self._held = b""
        self._at = _At.STARTUP
        self._startup = Startup(0, {})
        self._exchange: ServerExchange | None = None
        self._version = startup.PROTOCOL_3_0
        self._settled = Wishes()
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
        if method in (Method.TOKEN, Method.OAUTH):
            return self._by_token(method, doubt)
        self._method, self._at = "scram-sha-256", _At.FIRST
        self._doubt = doubt or ("" if verifier else "unknown user")
        # The mock is made for everybody, so that users who exist cost as much as those who do not.
        mock = Verifier.mock(self.user, self._mock_secret)
        self._exchange = ServerExchange(verifier or mock, self._nonce, self._end_point)
        names = ((PLUS,) if self._end_point is not None else ()) + (PLAIN,)
        # Behind the others: a client that speaks several, and has a password, proves the password.
        return self._offer(*names, *((oauth.MECHANISM,) if self._oauth is not None and self._private else ()))

    def _by_token(self, method: Method, doubt: str) -> list[Step]:
        self._method, self._doubt = "token", doubt
        if not self._private:
            refusal = Refusal(
                "a token is accepted only on an encrypted connection",
                hint="connect with `sslmode=require`",
                code="28000",
            )
            return [self.refuse(refusal, "a token would have crossed the network in clear")]
        if method is Method.OAUTH and self._oauth is not None:
            self._at = _At.FIRST
            return self._offer(oauth.MECHANISM)
        self._at = _At.TOKEN
        return [Send(startup.authentication(3)), *self.feed(b"")]

    def _offer(self, *names: str) -> list[Step]:
        offer = b"".join(name.encode() + b"\0" for name in names) + b"\0"
        return [Send(startup.authentication(10, offer)), *self.feed(b"")]

    def token_checked(self, problem: str) -> list[Step]:
        """Answers `CheckToken`: empty if the token is good, else what is wrong with it, for the log."""
        if self._at is not _At.CHECK:
            return []
        problem = problem or self._doubt
        if problem and self._bearing:
            return [self._told(problem), *self.feed(b"")]
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
        settled = settle(packet.parameters)
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
        if self._at is _At.BEARER:
            return self._bearer(body)
        if self._at is _At.TOLD:
            # The server waits for this too, so that the client can read the error before the connection ends.
            return [self._denied(self._doubt)]
        exchange = self._exchange
        if self._at is _At.FIRST:
            mechanism, _, rest = body.partition(b"\0")
            size = int.from_bytes(rest[:4], "big", signed=True)
            if len(rest) < 4 or (size != len(rest) - 4 and (size, len(rest)) != (-1, 4)):
                return [self._broken("a SASL message that lies about its length")]
            if mechanism == oauth.MECHANISM.encode() and self._oauth is not None and self._private:
                self._method, self._bearing, self._at = "token", True, _At.BEARER
                # A client may begin with the name alone, and say the rest when it is asked to.
                return self._bearer(rest[4:]) if size >= 0 else [Send(startup.authentication(11))]
            if exchange is None:
                return [self._denied("another mechanism than was offered")]
            answer = exchange.first(mechanism.decode("ascii"), rest[4:])
            self._at = _At.FINAL
            return [Send(startup.authentication(11, answer))]
        if exchange is None:
            return [self._broken("a proof before its exchange")]
        final = exchange.final(body)
        if self._doubt:
            return [self._denied(self._doubt)]
        return [Send(startup.authentication(12, final)), self._proven()]

    def _bearer(self, message: bytes) -> list[Step]:
        token = oauth.token_of(message)
        if not token:
            return [self._told(oauth.ASKED)]
        self._at = _At.CHECK
        return [CheckToken(self.user, token)]

    def _told(self, problem: str) -> Send:
        """Tells the client where to get a good token; what it answers to that ends the login."""
        self._at, self._doubt = _At.TOLD, problem
        return Send(startup.authentication(11, b"" if self._oauth is None else self._oauth.refusal()))

    def _proven(self) -> Step:
        self._at = _At.OVER
        settled = self._settled
        return Proven(
            self.user, self.database, self._method, tuple(settled.plain), settled.purpose, settled.application,
            self._version, settled.replication, tuple(settled.risky), self._held, settled.approval, settled.reason,
        )  # fmt: skip

    def _denied(self, reason: str) -> Failed:
        self._at = _At.OVER
        refusal = Refusal(f'password authentication failed for user "{self.user}"', code="28P01")
        return Failed(report(refusal, "FATAL"), self.user, self.database, self._method, reason)

    def _broken(self, reason: str, code: str = "08P01") -> Failed:
        return self.refuse(Refusal(f"protocol violation during login: {reason}", code=code), reason)
