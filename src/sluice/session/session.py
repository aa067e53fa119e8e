"""The session: `on(event) -> [effect]`. One per connection, whatever the face; the governed path has no other.

It holds no socket and no clock. After every event its queues become effects in one order: the log first, then the client, then
the database, so that nothing is said before it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, assert_never

from sluice.engines.engine import ClientCodec, Engine
from sluice.model.decision import Refusal
from sluice.model.waist import Rows
from sluice.policy.decide import may_connect
from sluice.session import answering, asking, delivering, holding, obligations, replicating, settling
from sluice.session import effects as fx
from sluice.session.effects import Effect
from sluice.session.events import (
    ApprovalAsked,
    ApprovalResolved,
    CancelAsked,
    CatalogBuilt,
    ClientBytes,
    Event,
    IdentityChanged,
    Leased,
    Lost,
    Lowered,
    Recorded,
    RecordFailed,
    Stop,
    Tick,
    UpstreamBytes,
    WorldChanged,
)
from sluice.session.flights import Kind
from sluice.session.journal import Journal
from sluice.session.lane import Lane
from sluice.session.purse import Purse
from sluice.session.reports import Reports
from sluice.session.rulings import Rulings
from sluice.session.state import Caller, State, Wait
from sluice.session.world import World
from sluice.sql.lineage import Context

_STOPPING = Refusal("the gateway is shutting down", hint="connect again", code="57P01")
_EXPIRED = Refusal("the identity of this connection has expired", hint="log in again", code="28000")
_CANCELLED = Refusal(
    "canceling statement due to user request", "it waited for approval; the request is withdrawn", code="57014"
)
_HALF = "the sending half of the connection was closed without a goodbye"
_LONGEST = (1 << 31) - 1
_LOG = Refusal(
    "the event log cannot be written, so nothing may run",
    hint="tell the gateway's operators; it goes on when the log does",
    code="58030",
)


class Session:
    """One client's connection to one source, from the moment both are logged in."""

    __slots__ = ("_client", "_state", "lane", "watch")

    def __init__(
        self,
        engine: Engine,
        caller: Caller,
        world: World,
        journal: Journal,
        parameters: Mapping[str, str],
        replication: Literal["", "physical", "logical"] = "",
        purse: Purse | None = None,
    ) -> None:
        """`parameters` are the database's settings as its login reported them; `replication`: it is a connection for that.

        `purse` is what the process's sessions may still show.
        """
        # No limit of the codec's own: what passes in parts may be of any length, what must be held is measured as it grows.
        server = engine.upstream(_LONGEST)
        self._client: ClientCodec = engine.downstream(world.limits.frame)
        rulings = Rulings(world, caller.identity, caller.client)
        context = Context(user=caller.user, lower=engine.lower)
        self._state = State(engine, server, caller, world, journal, rulings, context)
        self._state.replication = replication
        self._state.purse = purse or self._state.purse
        if replication:
            self._state.takes = replicating.HANDLERS
        self._state.reports = Reports(parameters)
        self._state.encoding = parameters.get("client_encoding", "")
        self._state.plain_strings = parameters.get("standard_conforming_strings") == "on"
        self.lane = Lane(engine, self._state, self._client)
        """The fast way for exchanges that are known; what it does not take, `on` does."""
        self.watch = self._state.watch
        """Times the session's stages, once it is given a clock."""

    def start(self, at: float) -> list[Effect]:
        """The first effects: the connection is recorded, and the server is asked how names resolve in it."""
        state = self._state
        state.record(state.journal.connected(at), "")
        if state.replication != "physical":
            # A physical stream is of the whole server, where no name means anything.
            settling.inject(state, state.engine.context_sql, "context")
        if state.caller.identity.expires_at is not None:
            # A session may go on for months without a word of the client's.
            state.also.append(fx.WakeAt(state.caller.identity.expires_at))
        return state.drain()

    @property
    def caller(self) -> Caller:
        """Who is on the other side."""
        return self._state.caller

    @property
    def seen(self) -> frozenset[str]:
        """The labels that this session has had in clear."""
        return self._state.past.labels

    @property
    def idle(self) -> bool:
        """Nothing runs that would end by itself, and no transaction is open."""
        state = self._state
        if state.replication and replicating.relaying(state):
            # It would run for ever; whoever follows it connects again and goes on where it was.
            return True
        return not state.flights and not state.inbox and state.status == "I"

    @property
    def closed(self) -> bool:
        """The session has ended; it answers every event with nothing more than its last effects."""
        return self._state.closed

    def on(self, event: Event) -> list[Effect]:
        """Takes one event; what is to be done, in order. Never raises on account of what either side sends."""
        state = self._state
        self.lane.leave()
        handler = HANDLERS.get(type(event))
        if handler is None:
            assert_never(event)  # type: ignore[arg-type]
        effects = handler(self, state, event)
        self.lane.settle()
        return effects

    def _client_bytes(self, state: State, event: ClientBytes) -> list[Effect]:
        if state.closed:
            return []
        if self._expired(event.at):
            state.evict(_EXPIRED)
            return state.drain()
        state.inbox.extend(self._client.feed(event.data))
        asking.advance(state, event.at)
        self.lane.watch()
        return state.drain()

    def _expired(self, at: float) -> bool:
        expires = self._state.caller.identity.expires_at
        return expires is not None and at >= expires

    def _upstream_bytes(self, state: State, event: UpstreamBytes) -> list[Effect]:
        if state.closed:
            return []
        learned = self.lane.learn(event.data)
        large = state.server.pending > state.world.limits.window and self._may_pass_in_parts(state, event.at)
        if large:
            state.streaming = True
            state.server.stream(True)
        for answered in state.server.feed(event.data):
            answering.answer(state, answered, event.at)
        learned()
        if large:
            # For this read alone: the row goes on by itself, and no other may be begun before its own shape is known.
            state.server.stream(False)
        if state.server.pending > state.world.limits.row:
            answering.confused(state, "a message longer than `limits.row_bytes`")
        return self._go_on(state, event.at)

    def _may_pass_in_parts(self, state: State, now: float) -> bool:
        """Whether the row that comes is to be neither rewritten nor counted off, and no other result is due behind it."""
        flight = state.flights[0] if state.flights else None
        run = flight.run if flight else None
        if flight is None or run is None or state.held_rows:
            return False
        if flight.kind is Kind.RELAY:
            return True
        if run.shape is None and flight.portal is not None:
            delivering.describe_portal(state, run, flight.portal, Rows(b"", False), now)
        if run.swallow or run.copy_mask is not None or run.shape is None:
            return False
        if run is not flight.runs[-1] or any(flight.runs for flight in list(state.flights)[1:]):
            return False
        shape = run.shape
        free = not shape.hides and shape.refusal is None and not shape.ruling.decision.costs
        return free and shape.ruling.decision.obligations.row_limit is None

    def _go_on(self, state: State, now: float) -> list[Effect]:
        answering.answers_in(state)
        if state.held_ready and state.wait is None and settling.settled(state):
            state.say(state.held_ready)
            state.held_ready = b""
        if state.inbox and state.wait is None:
            asking.advance(state, now)
        if state.stopping and self.idle:
            state.fatal(_STOPPING)
        return state.drain()

    def _recorded(self, state: State, event: Recorded) -> list[Effect]:
        out = state.released(event.receipt)
        if state.inbox and state.wait is None:
            asking.advance(state, event.at)
        if state.sending or state.lines or state.also or state.to_client or state.client_paused:
            out.extend(state.drain())
        return out

    def _record_failed(self, state: State, _event: RecordFailed) -> list[Effect]:
        state.awaiting.clear()
        state.to_client.clear()
        if state.closed:
            # It had ended already, and the words about that are what the log could not take: the end must come all the same.
            state.also.append(fx.Close("the event log cannot be written"))
        state.fatal(_LOG)
        state.notes.clear()
        return state.drain()

    def _lowered(self, state: State, event: Lowered) -> list[Effect]:
        state.lowered[event.text] = event.statements
        if state.wait is Wait.LOWER:
            state.wait = None
        return self._go_on(state, event.at)

    def _catalog_built(self, state: State, event: CatalogBuilt) -> list[Effect]:
        if event.catalog is None:
            state.fatal(
                Refusal(
                    "the gateway could not read the catalog, so nothing can be analysed",
                    hint="connect again",
                    code="58000",
                )
            )
            return state.drain()
        state.wait, state.building = None, False
        if state.status != "I" or state.in_pipeline:
            state.own_world = True
            self._enter(state, state.world.rebased(event.catalog))
        elif state.own_world or state.world.catalog is not event.catalog:
            state.own_world = False
            self._enter(state, state.world.rebased(event.catalog, state.committed))
            state.committed = None
        self._inherit(state)
        return self._go_on(state, event.at)

    def _inherit(self, state: State) -> None:
        learned = state.placed(state.inheriting)
        state.inheriting.clear()
        if learned and state.status != "I":
            state.uncommitted += learned
            state.committed = state.world.learned if state.committed is None else state.committed
            state.catalog_touched = state.own_world = True
            self._enter(state, state.world.rebased(state.world.catalog, self._known(state)))
        elif learned:
            state.also.append(fx.LearnLabels(tuple(learned)))
            state.wait = Wait.CATALOG

    def _known(self, state: State) -> Mapping[tuple[int, int], frozenset[str]] | None:
        """The labels learned that hold inside the transaction; None: no others than outside."""
        if state.committed is None:
            return None
        known = dict(state.committed)
        for oid, attnum, _, label in state.uncommitted:
            known[oid, attnum] = known.get((oid, attnum), frozenset()) | {label}
        return known

    def _world_changed(self, state: State, event: WorldChanged) -> list[Effect]:
        if state.closed:
            return []
        world = event.world
        if state.own_world:
            state.committed = None if state.committed is None else world.learned
            world = world.rebased(state.world.catalog, self._known(state))
        return self._judge_anew(state, world, event.at)

    def _identity_changed(self, state: State, event: IdentityChanged) -> list[Effect]:
        if state.closed:
            return []
        if event.identity is None:
            state.evict(Refusal(event.why, hint="log in again, or ask the gateway's operators", code="57P01"))
            return state.drain()
        state.caller.identity = event.identity
        state.journal.turned(event.identity)
        return self._judge_anew(state, state.world, event.at)

    def _judge_anew(self, state: State, world: World, now: float) -> list[Effect]:
        """Everything that is not over is ruled upon under this world, for whoever the caller is now."""
        self._enter(state, world)
        caller = state.caller
        allowed = may_connect(
            caller.identity,
            caller.purpose,
            world.source,
            caller.client,
            world.snapshot,
            now,
            bool(state.replication),
        )
        if allowed.outcome != "allow":
            state.evict(allowed.refusal or Refusal("permission to connect was withdrawn", code="28000"))
            return state.drain()
        if state.wait is Wait.APPROVAL or (state.wait is Wait.CATALOG and not state.building):
            # What waits is ruled upon anew: it may go, be refused, or wait on.
            state.wait = None
        for flight in list(state.flights):
            if flight.run is not None and not flight.run.over:
                delivering.reshape(state, flight.run, now)
        return self._resume(state, now)

    def _leased(self, state: State, event: Leased) -> list[Effect]:
        return [] if state.closed else self._resume(state, event.at)

    def _resume(self, state: State, now: float) -> list[Effect]:
        held, state.held_rows = state.held_rows, []
        for answered in held:
            answering.answer(state, answered, now)
        return self._go_on(state, now)

    def _enter(self, state: State, world: World) -> None:
        state.world = world
        state.analyses = None
        state.rulings = Rulings(world, state.caller.identity, state.caller.client)

    def _approval_asked(self, state: State, event: ApprovalAsked) -> list[Effect]:
        holding.asked(state, event)
        return self._go_on(state, event.at)

    def _approval_resolved(self, state: State, event: ApprovalResolved) -> list[Effect]:
        holding.resolved(state, event)
        return self._go_on(state, event.at)

    def _cancel_asked(self, state: State, event: CancelAsked) -> list[Effect]:
        if holding.give_up(state, _CANCELLED, withdraw=True):
            return self._go_on(state, event.at)
        if not state.closed:
            state.also.append(fx.CancelUpstream())
        return state.drain()

    def _tick(self, state: State, event: Tick) -> list[Effect]:
        if not state.closed and self._expired(event.at):
            state.evict(_EXPIRED)
            return state.drain()
        expires = state.caller.identity.expires_at
        if expires is not None and expires - event.at < 1:
            # The timer's clock is another one and may come a moment early.
            state.also.append(fx.WakeAt(expires))
        obligations.check_clock(state, event.at)
        if holding.check_clock(state, event.at):
            return self._go_on(state, event.at)
        if state.stopping and self.idle:
            state.fatal(_STOPPING)
        return state.drain()

    def _stop(self, state: State, event: Stop) -> list[Effect]:
        state.stopping = True
        holding.stopped(state)
        return self._go_on(state, event.at)

    def _lost(self, state: State, event: Lost) -> list[Effect]:
        if event.side == "upstream" and not state.closed:
            state.fatal(Refusal("the database closed the connection", hint="connect again", code="08006"))
        if event.reads and not state.closed:
            state.notes.append(state.journal.broken(event.side, _HALF))
            state.fatal(
                Refusal(f"protocol violation: {_HALF}", hint="send Terminate to end a connection", code="08P01")
            )
        if event.side == "client" and not state.closed:
            state.abandon()
        state.close(f"the {event.side} went away")
        return state.drain()


HANDLERS: Final[dict[type, Callable[..., list[Effect]]]] = {
    ClientBytes: Session._client_bytes,
    UpstreamBytes: Session._upstream_bytes,
    Recorded: Session._recorded,
    RecordFailed: Session._record_failed,
    Lowered: Session._lowered,
    CatalogBuilt: Session._catalog_built,
    WorldChanged: Session._world_changed,
    ApprovalAsked: Session._approval_asked,
    ApprovalResolved: Session._approval_resolved,
    CancelAsked: Session._cancel_asked,
    IdentityChanged: Session._identity_changed,
    Leased: Session._leased,
    Tick: Session._tick,
    Stop: Session._stop,
    Lost: Session._lost,
}
"""Every event and who takes it; a house test holds it against the union `Event`."""
