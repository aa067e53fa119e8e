"""The records of the audit log. Each is one line; its kind stands under `event`.

`id` is `<connection>-<n>` and unique for good, because the connection's part is drawn at random where it begins; `seq`
counts a connection's records, so a missing one shows. `time` is RFC 3339 in UTC to the microsecond. An event has
all its fields; the values nested in it leave out what has its default.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from sluice.audit.humans import (
    BreakGlassReviewed as BreakGlassReviewed,
)
from sluice.audit.humans import (
    GrantBegan as GrantBegan,
)
from sluice.audit.humans import (
    GrantEnded as GrantEnded,
)
from sluice.audit.humans import (
    RequestAnswered as RequestAnswered,
)
from sluice.audit.humans import (
    RequestAsked as RequestAsked,
)
from sluice.audit.humans import (
    RequestClosed as RequestClosed,
)
from sluice.audit.humans import (
    RequestUsed as RequestUsed,
)
from sluice.audit.humans import (
    TellingFailed as TellingFailed,
)
from sluice.audit.humans import (
    Wanted as Wanted,
)
from sluice.audit.logins import (
    CredentialEnded as CredentialEnded,
)
from sluice.audit.logins import (
    CredentialMinted as CredentialMinted,
)
from sluice.audit.logins import (
    LoggedOut as LoggedOut,
)
from sluice.audit.values import (
    Approved as Approved,
)
from sluice.audit.values import (
    Assent as Assent,
)
from sluice.audit.values import (
    Caller as Caller,
)
from sluice.audit.values import (
    Duties as Duties,
)
from sluice.audit.values import (
    Found as Found,
)
from sluice.audit.values import (
    Landed as Landed,
)
from sluice.audit.values import (
    Named as Named,
)
from sluice.audit.values import (
    Peer as Peer,
)
from sluice.audit.values import (
    Reach as Reach,
)
from sluice.audit.values import (
    Refused as Refused,
)
from sluice.audit.values import (
    Shaping as Shaping,
)
from sluice.audit.values import (
    Shown as Shown,
)
from sluice.audit.values import (
    Touched as Touched,
)

Ending = Literal["completed", "suspended", "prepared", "failed", "skipped", "cut", "lost"]


class StatementAsked(Struct, frozen=True, tag_field="event", tag="statement-asked"):
    """A statement and what was decided, written before anything of it goes upstream.

    `step`: `run`, `prepare` (the server only parses it) or `call` (the protocol's function call). `text` is what the
    client sent, unless `withheld` says what is missing: `literals`, the `text`, or all of an `unread` one. `outputs`
    None: no result that can be numbered.
    """

    id: str
    seq: int
    time: str
    connection: str
    source: str
    environment: str
    identity: Caller
    purpose: str
    client: Peer
    step: Literal["run", "prepare", "call"]
    text: str
    withheld: str
    normalized: str
    fingerprint: str
    verb: str
    confidence: Literal["opaque", "partial", "exact"]
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    tables: tuple[Touched, ...]
    functions: tuple[str, ...]
    outputs: tuple[Shown, ...] | None
    uses: tuple[Shaping, ...]
    writes: tuple[Landed, ...]
    outcome: Literal["allow", "refuse", "hold"]
    policies: tuple[str, ...]
    revealed: tuple[str, ...]
    hidden: tuple[str, ...]
    obligations: Duties
    refusal: Refused | None
    snapshot: int
    approval: Approved | msgspec.UnsetType = msgspec.UNSET


class StatementDone(Struct, frozen=True, tag_field="event", tag="statement-done"):
    """How the statement of the same `id` ended. `masked[i]`: values hidden in output i; `bytes` as sent to the client.

    `found` is there when the detectors found anything in values without a label. `subjects` has an entry for each output that is a
    column whose label identifies people; an output without one may have named anybody.

    `outcome`: `completed`, `suspended` (a portal with more rows to come), `prepared`, `skipped` (an error before it in the
    pipeline), `failed` (the database refused it: `error` is its SQLSTATE), `cut` (a limit or a revocation
    ended it) or `lost` (a connection broke: what the database did is not known).
    """

    id: str
    seq: int
    time: str
    outcome: Ending
    rows: int
    bytes: int
    masked: tuple[int, ...]
    duration_us: int
    error: str = ""
    tag: str = ""
    found: tuple[Found, ...] | msgspec.UnsetType = msgspec.UNSET
    subjects: tuple[Named, ...] | msgspec.UnsetType = msgspec.UNSET


class Connected(Struct, frozen=True, tag_field="event", tag="connected"):
    """A caller proved who they are and a session began. `user` and `database` as the client named them."""

    id: str
    seq: int
    time: str
    connection: str
    source: str
    environment: str
    identity: Caller
    purpose: str
    client: Peer
    user: str
    policies: tuple[str, ...] = ()


class Disconnected(Struct, frozen=True, tag_field="event", tag="disconnected"):
    """A session ended."""

    id: str
    seq: int
    time: str
    connection: str
    reason: str


class AuthFailed(Struct, frozen=True, tag_field="event", tag="authentication-failed"):
    """Somebody could not prove who they are, or may not connect. `reason` is for operators; clients never read it."""

    id: str
    time: str
    client: Peer
    user: str
    source: str
    method: str
    reason: str


class ProtocolBroken(Struct, frozen=True, tag_field="event", tag="protocol-broken"):
    """A peer sent bytes that break the protocol; the connection ended. `side`: `client` or `database`."""

    id: str
    seq: int
    time: str
    connection: str
    side: str
    reason: str


class Disagreement(Struct, frozen=True, tag_field="event", tag="disagreement"):
    """The server's own description of a result did not match the analysis of the statement `statement`."""

    id: str
    seq: int
    time: str
    connection: str
    statement: str
    found: tuple[str, ...]
    outcome: Literal["masked", "refused"]


class LabelLearned(Struct, frozen=True, tag_field="event", tag="label-learned"):
    """A written column took on a label; `statement` is the event of the write."""

    id: str
    seq: int
    time: str
    connection: str
    source: str
    column: str
    label: str
    statement: str


class BudgetSpent(Struct, frozen=True, tag_field="event", tag="budget-spent"):
    """Nothing more of a label may be shown to somebody for now: `most` values within `seconds` are counted. Once a twelfth of that time."""

    id: str
    time: str
    who: str
    label: str
    most: int
    seconds: int


class InternalStatement(Struct, frozen=True, tag_field="event", tag="internal-statement"):
    """Sluice asked a source something on its own account (its catalog, a session setting)."""

    id: str
    time: str
    source: str
    reason: str


class ColumnsClassified(Struct, frozen=True, tag_field="event", tag="columns-classified"):
    """Sluice looked into columns by itself. Of `columns` in `tables`, so many are `labelled` by it from now on, or `waiting` for
    a person; of the `empty` it saw no value.
    """

    id: str
    time: str
    source: str
    tables: int
    columns: int
    labelled: int
    waiting: int
    empty: int
    milliseconds: int


class ConfigReloaded(Struct, frozen=True, tag_field="event", tag="config-reloaded"):
    """A new configuration is in force from here on."""

    id: str
    time: str
    snapshot: int
    files: tuple[str, ...] = ()
    fail_open: tuple[str, ...] = ()


class ConfigRejected(Struct, frozen=True, tag_field="event", tag="config-rejected"):
    """A new configuration was not valid; the one before it stays in force."""

    id: str
    time: str
    snapshot: int
    reason: str


class GatewayStarted(Struct, frozen=True, tag_field="event", tag="gateway-started"):
    """A process of the gateway began to write here. `repaired`: bytes of a torn last line that were cut off first.

    `mended` says in words all that the start found and put right.
    """

    id: str
    time: str
    version: str
    snapshot: int
    repaired: int = 0
    fail_open: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()


class GatewayStopped(Struct, frozen=True, tag_field="event", tag="gateway-stopped"):
    """A process of the gateway ended in good order."""

    id: str
    time: str
    reason: str


Event = (
    StatementAsked
    | StatementDone
    | Connected
    | Disconnected
    | AuthFailed
    | ProtocolBroken
    | Disagreement
    | LabelLearned
    | BudgetSpent
    | InternalStatement
    | ColumnsClassified
    | ConfigReloaded
    | ConfigRejected
    | GatewayStarted
    | GatewayStopped
    | RequestAsked
    | RequestAnswered
    | RequestClosed
    | RequestUsed
    | GrantBegan
    | GrantEnded
    | BreakGlassReviewed
    | TellingFailed
    | CredentialMinted
    | CredentialEnded
    | LoggedOut
)

_DECODER = msgspec.json.Decoder(Event, strict=True)


def decode(line: bytes) -> Event:
    """The event of one line; msgspec.ValidationError or DecodeError when it is none."""
    event: Event = _DECODER.decode(line)
    return event
