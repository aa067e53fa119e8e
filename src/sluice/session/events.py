"""What happens to a session. Its counterpart is `effects`; nothing else crosses the border.

Times are seconds since the epoch, given by the runtime: the session has no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.model.approval import Approval
from sluice.model.identity import Identity
from sluice.session.permit import Receipt
from sluice.session.world import World
from sluice.sql.bodies import Statement
from sluice.sql.catalog import Catalog


@dataclass(slots=True)
class ClientBytes:
    """The client sent something, cut anywhere."""

    data: bytes
    at: float


@dataclass(slots=True)
class UpstreamBytes:
    """The database sent something, cut anywhere."""

    data: bytes
    at: float


@dataclass(slots=True)
class Recorded:
    """The log has taken every line of the oldest `Record` that waits."""

    receipt: Receipt
    at: float


@dataclass(slots=True)
class RecordFailed:
    """The log could not take a line: nothing may go on."""

    reason: str
    at: float


@dataclass(slots=True)
class Lowered:
    """A large text was parsed elsewhere."""

    text: bytes
    statements: tuple[Statement, ...]
    at: float


@dataclass(slots=True)
class CatalogBuilt:
    """The catalog this session asked for; None when it could not be built."""

    catalog: Catalog | None
    at: float


@dataclass(slots=True)
class WorldChanged:
    """Policies, labels, catalog or revocations changed; decisions from here on use this world."""

    world: World
    at: float


@dataclass(slots=True)
class ApprovalAsked:
    """Humans were asked about the session's hold of this number. `may_wait`: there is room for the client to wait."""

    number: int
    request: str
    address: str
    may_wait: bool
    at: float


@dataclass(slots=True)
class ApprovalResolved:
    """What came of a hold. `approved` brings the approval, one use of which is counted; `why` is for the client."""

    number: int
    outcome: Literal["approved", "denied", "withdrawn", "expired", "failed"]
    approval: Approval | None
    why: str
    at: float


@dataclass(slots=True)
class CancelAsked:
    """The client asks, on another connection, to cancel what runs."""

    at: float


@dataclass(slots=True)
class IdentityChanged:
    """Who the caller is changed while connected: other groups or purposes; None: they are nobody any more, and `why`."""

    identity: Identity | None
    why: str
    at: float


@dataclass(slots=True)
class Leased:
    """The process's purse holds what could be leased for the session; or it is known by now that it could not."""

    at: float


@dataclass(slots=True)
class Tick:
    """A time asked for by `WakeAt` has come."""

    at: float


@dataclass(slots=True)
class Stop:
    """The gateway is going down: end after the statements that run."""

    at: float


@dataclass(slots=True)
class Lost:
    """One side of the connection is gone; `reads`: it sends nothing more, but may still read."""

    side: str
    at: float
    reads: bool = False


Event = (
    ClientBytes
    | UpstreamBytes
    | Recorded
    | RecordFailed
    | Lowered
    | CatalogBuilt
    | WorldChanged
    | ApprovalAsked
    | ApprovalResolved
    | CancelAsked
    | IdentityChanged
    | Leased
    | Tick
    | Stop
    | Lost
)
