"""What a session wants done, in order. Its counterpart is `events`; the runtime performs them and adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.model.approval import Hold
from sluice.model.columns import ColumnRef
from sluice.session.permit import Permit
from sluice.session.purse import Want


@dataclass(slots=True)
class ToClient:
    """Send to the client."""

    data: bytes


@dataclass(slots=True)
class ToUpstream:
    """Send to the database. `permits` prove that each statement in it was allowed and recorded."""

    data: bytes
    permits: Sequence[Permit]


@dataclass(slots=True)
class Record:
    """Append lines to the log. `awaited`: answer with `Recorded` before anything else is said to the database."""

    lines: bytes
    event_ids: tuple[str, ...]
    awaited: bool


@dataclass(slots=True)
class PauseClient:
    """Stop reading from the client: the session has enough to do."""


@dataclass(slots=True)
class ResumeClient:
    """Read from the client again."""


@dataclass(slots=True)
class PauseUpstream:
    """Stop reading from the database: the session cannot go on with what it has."""


@dataclass(slots=True)
class ResumeUpstream:
    """Read from the database again."""


@dataclass(slots=True)
class Lower:
    """Parse a large text where a deep stack or a long time cannot hurt; answer with `Lowered`, under the raw text."""

    raw: bytes
    text: str


@dataclass(slots=True)
class BuildCatalog:
    """Build a catalog from the rows of the engine's catalog query; answer with `CatalogBuilt`.

    `shared`: it holds nothing uncommitted, so every session may have it.
    """

    rows: list[str]
    shared: bool


@dataclass(slots=True)
class RefreshCatalog:
    """Read the catalog by the gateway's own connection; answer with `WorldChanged`, changed or not."""


@dataclass(slots=True)
class LearnLabels:
    """Columns that took on labels by a write: keep them for everybody."""

    learned: tuple[tuple[int, int, ColumnRef, str], ...]
    """(relation oid, attribute number, name at the time, label)."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What values of a column (by relation oid and attribute number) turned out to hold, at a `path` within a JSON.

    `count`: how often it was found; `whole`: how often it was all of the value; `rows`: in how many rows.
    """

    oid: int
    attnum: int
    path: str
    label: str
    count: int
    whole: int
    rows: int


@dataclass(slots=True)
class NoticeLabels:
    """Columns without a label hold sensitive values: propose labels for them."""

    noticed: tuple[Noticed, ...]


@dataclass(slots=True)
class AskApproval:
    """Find an approval of a held statement or ask humans for one; answer with `ApprovalAsked` and `ApprovalResolved`.

    `waits`: the client would wait; else it only hears how to run the statement again.
    """

    number: int
    hold: Hold
    waits: bool


@dataclass(slots=True)
class EndApproval:
    """The session does not wait for this hold any more. `withdraw`: nobody needs to answer it either."""

    number: int
    withdraw: bool


@dataclass(slots=True)
class Lease:
    """Lease values from the shared counts into the process's purse; answer with `Leased`."""

    wants: tuple[Want, ...]


@dataclass(slots=True)
class WakeAt:
    """Send a `Tick` at this time."""

    at: float


@dataclass(slots=True)
class CancelUpstream:
    """Ask the database to cancel what runs."""


@dataclass(slots=True)
class Close:
    """Close both sides once what was said has been sent."""

    reason: str


Effect = (
    ToClient
    | ToUpstream
    | Record
    | PauseClient
    | ResumeClient
    | PauseUpstream
    | ResumeUpstream
    | Lower
    | BuildCatalog
    | RefreshCatalog
    | LearnLabels
    | NoticeLabels
    | AskApproval
    | EndApproval
    | Lease
    | WakeAt
    | CancelUpstream
    | Close
)
