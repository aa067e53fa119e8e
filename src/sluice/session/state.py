"""What a connection has become, and what is about to be said to either side. Rules live in `asking` and `answering`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from sluice.engines.engine import Engine, ServerCodec
from sluice.model.approval import Approval, Hold
from sluice.model.columns import ColumnRef
from sluice.model.decision import Decision, Refusal
from sluice.model.identity import Client, Identity
from sluice.model.waist import Answered, Asked
from sluice.policy.request import NOTHING, Past
from sluice.session import effects as fx
from sluice.session.analyses import Analyses
from sluice.session.flights import Flight
from sluice.session.journal import Journal
from sluice.session.names import Book, Portal, Prepared
from sluice.session.permit import Permit, PermitDenied, Receipt, mint, mint_internal, mint_refusal
from sluice.session.purse import Purse
from sluice.session.reports import Reports
from sluice.session.rulings import Ruling, Rulings
from sluice.session.stopwatch import Stopwatch
from sluice.session.world import World
from sluice.sql.bodies import Statement
from sluice.sql.lineage import Context


class Wait(Enum):
    """Why the next request must wait."""

    RECEIPT = auto()
    ANSWERS = auto()
    OWN = auto()
    CATALOG = auto()
    LOWER = auto()
    APPROVAL = auto()


@dataclass(slots=True)
class Sending:
    """One message for the database, and what allows it: a decision on the event of that id, or Sluice's own reason."""

    data: bytes
    decision: Decision | None
    event_id: str
    own: str


@dataclass(slots=True)
class Holding:
    """A request that humans are asked about: `asked` stands at the head of the inbox until it is answered.

    `waits`: its client waits, until `deadline` (None: not begun). `refusal`: it is over, and how.
    """

    number: int
    asked: Asked
    hold: Hold
    waits: bool
    request: str = ""
    deadline: float | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Caller:
    """Who is on the other side of this session, as proven at its start."""

    identity: Identity
    purpose: str
    client: Client
    connection: str
    user: str
    patience: Literal["", "wait", "error"] = ""
    """What becomes of a held statement: its client waits, or hears at once how to run it again. Empty: by the transaction."""
    reason: str = ""
    """Why it is here, in its own words: shown to whoever is asked to approve, and believed by nobody else."""


@dataclass(slots=True)
class State:
    """All of a session. Only the functions of `asking`, `answering` and `settling` change it."""

    engine: Engine
    server: ServerCodec
    caller: Caller
    world: World
    journal: Journal
    rulings: Rulings
    context: Context
    analyses: Analyses | None = None
    own_world: bool = False
    """`world` is the session's own view, with a catalog that holds what it has not committed."""

    inbox: deque[Asked] = field(default_factory=deque)
    wait: Wait | None = None
    flights: deque[Flight] = field(default_factory=deque)
    status: str = "I"
    pipeline: int = 0
    in_pipeline: bool = False
    skipping: bool = False

    statements: Book[Prepared] = field(default_factory=Book)
    portals: Book[Portal] = field(default_factory=Book)
    names_busy: bool = False

    unsettled: set[str] = field(default_factory=set)
    shifted: bool = False
    """In this transaction names came to mean something else; its end may turn that back."""
    catalog_touched: bool = False
    read_only: bool = False
    transaction_read_only: bool = False
    past: Past = NOTHING
    """What the session has had so far."""
    counted: dict[str, int] = field(default_factory=dict)
    """In how many rows it had each label in clear, where policies ask."""
    purse: Purse = field(default_factory=Purse)
    watch: Stopwatch = field(default_factory=Stopwatch)
    inheriting: list[tuple[ColumnRef, str]] = field(default_factory=list)
    uncommitted: list[tuple[int, int, ColumnRef, str]] = field(default_factory=list)
    """Labels taken on inside a transaction: in force here at once, for everybody when it commits."""
    committed: Mapping[tuple[int, int], frozenset[str]] | None = None
    """The labels learned that hold outside of the transaction, while there are others inside."""
    held_ready: bytes = b""
    """The end of what the client waits for, while labels are taken on by it."""
    held_rows: list[Answered] = field(default_factory=list)
    """Answers that wait, undelivered, until an unknown object in them is known."""
    sought: bytes = b""
    """The text for whose unknown names the catalog was read again: it is not read twice for one."""
    looked_up: bytes = b""
    """The description for whose sake the catalog was read again: it is not read twice for one result."""
    building: bool = False
    """What waits, waits for the catalog that this session has just read: no other will do."""
    quiet: Ruling | None = None
    """The last ruling of this pipeline that withholds errors: what is put off to the end of it may still fail."""
    streaming: bool = False
    """A row too large to be held passes in parts, until something else than rows comes."""
    replication: Literal["", "physical", "logical"] = ""
    """A replication connection: of the whole server, or of one database."""
    takes: Mapping[type, Callable[..., bool]] | None = None
    """Who handles requests, where not `asking.HANDLERS`."""
    called: tuple[str, ...] | None = None
    """The schema and name of the function whose number the next request calls; empty: there is none."""
    reports: Reports = field(default_factory=lambda: Reports({}))
    encoding: str = "UTF8"
    plain_strings: bool = True
    """`standard_conforming_strings`: a backslash in '…' is only a backslash."""

    holding: Holding | None = None
    holds: int = 0
    """How many requests of this session were held."""
    lifted: dict[str, Approval] = field(default_factory=dict)
    """Approvals that the next request of that digest may go by, at most to the end of its pipeline."""
    bound: bool = False
    """In this pipeline there is a portal, which an early end of it would lose."""

    to_client: list[bytes] = field(default_factory=list)
    sending: list[Sending] = field(default_factory=list)
    awaiting: deque[list[Sending]] = field(default_factory=deque)
    lines: list[bytes] = field(default_factory=list)
    line_ids: list[str] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)
    also: list[fx.Effect] = field(default_factory=list)
    lowered: dict[bytes, tuple[Statement, ...]] = field(default_factory=dict)
    closed: bool = False
    stopping: bool = False
    client_paused: bool = False
    upstream_paused: bool = False

    def count(self, run: bytes) -> int:
        """Rows in a run; when rows come in parts, those that begin in it."""
        return self.server.begun(run) if self.streaming else self.engine.count(run)

    def say(self, data: bytes) -> None:
        """Queues bytes for the client."""
        self.to_client.append(data)

    def send(self, data: bytes, decision: Decision | None = None, event_id: str = "", own: str = "protocol") -> None:
        """Queues a message for the database."""
        self.sending.append(Sending(data, decision, event_id, own))

    def record(self, line: bytes, event_id: str) -> None:
        """Queues a line that the log must take before anything queued for the database is sent."""
        self.lines.append(line)
        if event_id:
            self.line_ids.append(event_id)

    def fly(self, flight: Flight) -> Flight:
        """Notes that an answer is owed."""
        self.flights.append(flight)
        return flight

    def fatal(self, refusal: Refusal) -> None:
        """Says a last error and ends the connection; nothing after it is heard."""
        if self.closed:
            return
        self.say(self.engine.voice.report(refusal, "FATAL"))
        self.abandon()
        self.close(refusal.message)

    def placed(self, inherits: Iterable[tuple[ColumnRef, str]]) -> list[tuple[int, int, ColumnRef, str]]:
        """Labels taken on, by what the columns are and not what they are called; columns that are not known are left out."""
        found: list[tuple[int, int, ColumnRef, str]] = []
        for column, label in inherits:
            temporary = self.context.temp_schema if column.schema == "pg_temp" else None
            relation = self.world.catalog.relation(temporary or column.schema, column.table)
            own = None if relation is None else relation.column(column.column)
            if relation is not None and own is not None:
                found.append((relation.oid, own.attnum, column, label))
        return found

    def abandon(self) -> None:
        """Stops what runs, if anything: without this the database would notice only when it next has something to say."""
        if self.flights:
            self.also.append(fx.CancelUpstream())

    def evict(self, refusal: Refusal) -> None:
        """Ends the connection of somebody who may not be here any more; what runs for them is cut off and cancelled."""
        if self.closed:
            return
        self.say(self.engine.voice.report(refusal, "FATAL"))
        self.abandon()
        self.close(refusal.message, "cut")

    def close(self, reason: str, ending: Literal["lost", "cut"] = "lost") -> None:
        """Ends the connection. What the database had not answered is completed as lost, or as cut off."""
        if self.closed:
            return
        self.closed = True
        # What was recorded and not sent yet never will be; its record stands beside its end.
        self.notes += self.lines
        self.lines, self.line_ids = [], []
        inherits = list(self.inheriting) if self.status == "I" or self.flights else []
        for flight in self.flights:
            for run in flight.runs[flight.at :]:
                if not run.over:
                    run.over = True
                    inherits += run.ruling.decision.inherits
                    self.notes.append(self.journal.lost(run, ending))
        learned = self.placed(inherits)
        if learned:
            # Whether it is written nobody here will hear; if it is, the columns hold it.
            self.also.append(fx.LearnLabels(tuple(learned)))
        self.flights.clear()
        self.inbox.clear()
        self.sending.clear()
        if self.holding is not None:
            self.also.append(fx.EndApproval(self.holding.number, withdraw=not self.stopping))
            self.holding = None
        self.notes.append(self.journal.disconnected(reason))
        self.also.append(fx.Close(reason))

    def drain(self) -> list[fx.Effect]:
        """Everything queued, as effects in the order that keeps the rules: record, answer, then send."""
        out: list[fx.Effect] = []
        if self.lines and not self.closed:
            lines = self.notes + self.lines if self.notes else self.lines
            out.append(fx.Record(lines[0] if len(lines) == 1 else b"".join(lines), tuple(self.line_ids), True))
            self.awaiting.append(self.sending)
            self.sending, self.lines, self.line_ids, self.notes = [], [], [], []
            self.wait = self.wait or Wait.RECEIPT
        elif self.notes:
            out.append(fx.Record(b"".join(self.notes), (), False))
            self.notes = []
        if self.to_client:
            said = self.to_client
            out.append(fx.ToClient(said[0] if len(said) == 1 else b"".join(said)))
            self.to_client = []
        if self.sending and not self.awaiting and not self.closed:
            out.append(self._sent(self.sending, None))
            self.sending = []
        if self.also:
            out += self.also
            self.also = []
        if self.wait is not None or self.client_paused or self.held_rows or self.upstream_paused:
            # First: what any other effect leads to at once may be the opposite.
            return self._flow() + out
        return out

    def released(self, receipt: Receipt) -> list[fx.Effect]:
        """The log has taken the oldest batch: its messages may go."""
        batch = self.awaiting.popleft()
        if self.wait is Wait.RECEIPT and not self.awaiting:
            self.wait = None
        if self.closed or not batch:
            return []
        return [self._sent(batch, receipt)]

    def _sent(self, batch: list[Sending], receipt: Receipt | None) -> fx.ToUpstream:
        permits: list[Permit] = []
        for sending in batch:
            if not sending.event_id:
                permits.append(_OWN.get(sending.own) or mint_internal(sending.own))
            elif receipt is None:
                raise PermitDenied("a statement without the receipt of its record")
            elif sending.decision is not None:
                permits.append(mint(sending.decision, receipt, sending.event_id))
            else:
                permits.append(mint_refusal(receipt, sending.event_id))
        return fx.ToUpstream(batch[0].data if len(batch) == 1 else b"".join([one.data for one in batch]), permits)

    def _flow(self) -> list[fx.Effect]:
        # A receipt usually comes within the same call: pausing for it would cost two effects a statement.
        busy = self.wait is not None and not self.closed and (self.wait not in _HEARING or len(self.inbox) > BACKLOG)
        out: list[fx.Effect] = []
        if busy is not self.client_paused:
            self.client_paused = busy
            out.append(fx.PauseClient() if busy else fx.ResumeClient())
        held = bool(self.held_rows)
        if held is not self.upstream_paused:
            self.upstream_paused = held
            out.append(fx.PauseUpstream() if held else fx.ResumeUpstream())
        return out


BACKLOG = 64
_HEARING = frozenset({Wait.RECEIPT, Wait.APPROVAL})
"""While the session waits for these its client is heard: a receipt comes at once, and one who goes away must be noticed."""
_OWN = {"protocol": mint_internal("protocol")}
