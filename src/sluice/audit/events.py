"""The records of the audit log. Each is one line; its kind stands under `event`.

`id` is `<connection>-<n>` and unique for good, because the connection's part is drawn at random where it begins; `seq`
counts a connection's records, so a missing one shows. `time` is RFC 3339 in UTC to the microsecond. An event has
all its fields; the values nested in it leave out what has its default.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

Ending = Literal["completed", "suspended", "prepared", "failed", "skipped", "cut", "lost"]


class Caller(Struct, frozen=True, omit_defaults=True):
    """An identity, as the log writes it."""

    kind: str
    name: str
    groups: tuple[str, ...] = ()
    method: str = ""
    on_behalf_of: Caller | None = None


class Peer(Struct, frozen=True, omit_defaults=True):
    """The far end of a connection."""

    address: str
    application: str = ""
    tls: bool = False


class Reach(Struct, frozen=True, omit_defaults=True):
    """A column that reaches an output or a written column, how, and with which labels."""

    column: str
    kind: Literal["value", "aggregate"]
    labels: tuple[str, ...] = ()


class Shaping(Struct, frozen=True, omit_defaults=True):
    """A column that shapes the result without being in it, how, and with which labels."""

    column: str
    kind: Literal["lookup", "join", "filter"]
    labels: tuple[str, ...] = ()


class Shown(Struct, frozen=True, omit_defaults=True):
    """One output: what reaches it and how it leaves: `clear`, a mask method, or `withheld` with the whole statement."""

    name: str
    mask: str
    params: dict[str, str] = {}
    labels: tuple[str, ...] = ()
    flows: tuple[Reach, ...] = ()
    opaque: bool = False


class Landed(Struct, frozen=True, omit_defaults=True):
    """A column that is written and what flows into it."""

    column: str
    flows: tuple[Reach, ...] = ()
    opaque: bool = False


class Touched(Struct, frozen=True):
    """A relation and what is done to it."""

    table: str
    access: str


class Duties(Struct, frozen=True, omit_defaults=True):
    """What an allowed statement must still obey; times in milliseconds."""

    row_limit: int | None = None
    statement_timeout_ms: int | None = None
    read_only: bool = False


class Refused(Struct, frozen=True, omit_defaults=True):
    """Why a statement was refused or held, in the words the caller read."""

    code: str
    message: str
    detail: str = ""


class Assent(Struct, frozen=True, omit_defaults=True):
    """Somebody who approved, as what, why, and by which channel."""

    by: str
    groups: tuple[str, ...] = ()
    reason: str = ""
    channel: str = ""


class Approved(Struct, frozen=True, omit_defaults=True):
    """The approval that a statement ran under: the request, and who approved it."""

    request: str
    by: tuple[Assent, ...] = ()


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


class InternalStatement(Struct, frozen=True, tag_field="event", tag="internal-statement"):
    """Sluice asked a source something on its own account (its catalog, a session setting)."""

    id: str
    time: str
    source: str
    reason: str


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


class Wanted(Struct, frozen=True):
    """So many of a group have to approve."""

    group: str
    count: int


class RequestAsked(Struct, frozen=True, tag_field="event", tag="request-asked"):
    """Humans were asked about a held statement (`statement` is its event) or for access (`why` says to what)."""

    id: str
    time: str
    request: str
    kind: Literal["statement", "grant"]
    source: str
    environment: str
    identity: Caller
    purpose: str
    statement: str
    why: str
    tables: tuple[Touched, ...]
    labels: tuple[str, ...]
    needs: tuple[Wanted, ...]
    reason: str
    closes: str


class RequestAnswered(Struct, frozen=True, tag_field="event", tag="request-answered"):
    """Somebody approved or denied a request; `state` is what it is after that."""

    id: str
    time: str
    request: str
    verdict: Literal["approve", "deny"]
    by: Caller
    groups: tuple[str, ...]
    reason: str
    channel: str
    state: str


class RequestClosed(Struct, frozen=True, tag_field="event", tag="request-closed"):
    """A request, or an approval that was not used up, ended: `withdrawn` (by whom) or `expired`."""

    id: str
    time: str
    request: str
    outcome: Literal["withdrawn", "expired"]
    by: str


class RequestUsed(Struct, frozen=True, tag_field="event", tag="request-used"):
    """One use of an approval was counted for a session; the statement that then runs names the request too."""

    id: str
    time: str
    request: str
    connection: str


Event = (
    StatementAsked
    | StatementDone
    | Connected
    | Disconnected
    | AuthFailed
    | ProtocolBroken
    | Disagreement
    | LabelLearned
    | InternalStatement
    | ConfigReloaded
    | ConfigRejected
    | GatewayStarted
    | GatewayStopped
    | RequestAsked
    | RequestAnswered
    | RequestClosed
    | RequestUsed
)

_DECODER = msgspec.json.Decoder(Event, strict=True)


def decode(line: bytes) -> Event:
    """The event of one line; msgspec.ValidationError or DecodeError when it is none."""
    event: Event = _DECODER.decode(line)
    return event
