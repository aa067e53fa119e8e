"""The fast lane: an exchange that went the whole way once goes it again in two looks, if nothing it depends on has changed.

A track is learned from an exchange that `asking` and `answering` carried out without an incident, under the signature of its
messages (which leaves out only values). The next time the same rulings, records, permits and masks apply; what is left out is
working them out again. The kernel recognises it and writes its lines; whatever does not match to the byte, at any moment, goes
(or goes back to) the whole way: `leave` turns an exchange under way into the flights that the whole way would have made.

It has doors of its own, since events and effects would cost more than what it does: `ask` gives lines for the log, `go` takes
the log's receipt for them and gives what may go upstream then, `answer` gives lines for the log and, once they are in it (`ended`),
what the client gets. Where both ends are plain sockets, the kernel's pump goes through the same doors of `rails` by itself, and
asks here only what the session alone can know. What went through them is made up for before anything else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluice.audit.events import Ending
from sluice.engines.engine import ClientCodec, Engine
from sluice.model.decision import Decision
from sluice.session.flights import Flight, Kind, Run
from sluice.session.journal import Journal
from sluice.session.literals import without_secrets
from sluice.session.names import Portal, Prepared
from sluice.session.permit import Permit, Receipt, mint_all
from sluice.session.rulings import Ruling
from sluice.session.state import Sending, State, Wait

TRACKS = 256
_KINDS = frozenset({Kind.QUERY, Kind.PREPARE, Kind.BIND, Kind.DESCRIBE_PORTAL, Kind.EXECUTE, Kind.SYNC})
_QUERY_HEAD = 5
"""Type and length stand before a Query's text, a zero byte behind it."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One request of a track: the flight it makes. `ruling`: it has a run of its own, to be recorded."""

    kind: Kind
    ruling: Ruling | None
    text: bytes
    name: str
    prepared: Prepared | None
    portal: Portal | None
    also: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """An exchange that is known, in its order. `decisions`: of its runs. `statements`, `portals`: the names it leaves behind.

    `needs`: the statements prepared earlier that its Binds name, which must still be those very ones.
    """

    legs: tuple[Leg, ...]
    decisions: tuple[Decision, ...]
    statements: tuple[tuple[str, Prepared | None], ...]
    portals: tuple[tuple[str, Portal | None], ...]
    needs: tuple[tuple[str, Prepared], ...]


class Lane:
    """One session's tracks, the exchange that may become one, and the one under way."""

    __slots__ = ("_candidate", "_client", "_engine", "_ids", "_journal", "_kept", "_key", "_state", "rails")

    def __init__(self, engine: Engine, state: State, client: ClientCodec) -> None:
        self._engine = engine
        self._state = state
        self._journal = state.journal
        self._client = client
        expires = state.caller.identity.expires_at
        self.rails = engine.rails(state.caller.connection, float("inf") if expires is None else expires)
        """The native part, which knows the exchange under way."""
        self._kept: list[Track] = []
        self._key: tuple[object, ...] = ()
        self._ids: tuple[str, ...] = ()
        self._candidate: tuple[bytes, list[Flight]] | None = None

    @property
    def waits(self) -> bool:
        """The exchange under way waits for its receipt."""
        return self.rails.waits

    def ask(self, data: bytes, at: float) -> tuple[bytes, tuple[str, ...]] | None:
        """The record of a client's messages and its events' ids, if they are a known track; None: they go the whole way."""
        known = self.rails.ask(data, at, self)
        if known is None:
            # An exchange that is no known track may become one.
            signature = self.rails.signature()
            self._candidate = None if signature is None else (signature, [])
            return None
        self._ids = known[1]
        return known

    def meant(self, track: int) -> bool:
        """Whether the statements that a track needs are still those that it was learned with."""
        state = self._state
        for name, prepared in self._kept[track].needs:
            if state.statements.get(name) is not prepared or prepared.under is not state.analyses:
                return False
        return True

    def clean(self, data: bytes) -> bool:
        """Whether nothing in these messages would have to be left out of their record."""
        return without_secrets(data) == data

    def go(self, receipt: Receipt) -> tuple[bytes, list[Permit]]:
        """What goes upstream now that the log has the record, with its permits; PermitDenied when the receipt is of another."""
        permits = mint_all(self._kept[self.rails.track].decisions, receipt, self._ids)
        return self.rails.go(), permits

    def answer(self, data: bytes, at: float) -> tuple[bytes, bytes] | None:
        """(lines for the log, what the client gets once they are in it); None: the answer goes the whole way."""
        found = self.rails.answer(data, at)
        if found is None:
            return None
        lines, out = found
        return lines, data if out is None else out

    def ended(self, at: float) -> None:
        """The log has the lines of the answer."""
        self.rails.ended(at)

    def leave(self) -> None:
        """Makes up for what the lane did, and turns the exchange under way into flights: from here on all goes the whole way."""
        rails = self.rails
        rides, finished = rails.finished()
        left = rails.leave()
        if rides or left is not None:
            self._catch_up(rides, finished)
        if left is None:
            return
        index, number, began, data, sent = left
        track, state = self._kept[index], self._state
        runs = _runs(track, self._journal, number, began, data)
        left_runs = iter(runs)
        for leg in track.legs:
            own = [] if leg.ruling is None else [next(left_runs)]
            covered = [Run("", ruling, 0.0, leg.text, over=True) for ruling in leg.also]
            state.fly(
                Flight(
                    leg.kind, [*own, *covered], prepared=leg.prepared, portal=leg.portal, name=leg.name,
                    ends_pipeline=leg.kind in (Kind.QUERY, Kind.SYNC),
                )
            )  # fmt: skip
            if leg.kind is Kind.PREPARE:
                state.statements.define(leg.name, leg.prepared, state.pipeline)
            elif leg.kind is Kind.BIND:
                state.portals.define(leg.name, leg.portal, state.pipeline)
        state.pipeline += 1
        if not sent:
            sending = [Sending(b"", run.ruling.decision, run.event_id, "") for run in runs]
            sending[-1].data = data
            state.awaiting.append(sending)
            state.wait = state.wait or Wait.RECEIPT

    def settle(self) -> None:
        """After an event that went the whole way: whether the next messages may enter."""
        key = _key(self._state)
        if key != self._key:
            self._key, self._candidate = key, None
            self._forget()
        self.rails.settle(not self._client.pending and _clear(self._state), self._journal.number)

    def watch(self) -> None:
        """After a client's messages went the whole way: notes their flights, if they may become a track."""
        if self._candidate is None:
            return
        state = self._state
        flights = list(state.flights)
        fit = not state.inbox and not self._client.pending and flights and all(_fit(flight) for flight in flights)
        fit = fit and _complete(flights)
        runs = [run for flight in flights for run in flight.runs if run.event_id]
        self._candidate = (self._candidate[0], flights) if fit and 0 < len(runs) <= 2 else None

    def learn(self, data: bytes) -> Callable[[], None]:
        """Before an answer goes the whole way: what to call after it, to keep the exchange as a track if all went well."""
        candidate, self._candidate = self._candidate, None
        reply = None if candidate is None or not candidate[1] else self._engine.reply_signature(data)
        if candidate is None or reply is None:
            return _nothing
        key = self._key

        def keep() -> None:
            if not self._state.flights and _clear(self._state) and key == _key(self._state):
                self._keep(candidate[0], candidate[1], reply)

        return keep

    def _keep(self, signature: bytes, flights: list[Flight], reply: bytes) -> None:
        if len(self._kept) >= TRACKS:
            self._forget()
        parts: list[tuple[bytes, bool, bytes, str]] = []
        mask = None
        for flight in flights:
            own = _own(flight)
            if own is None:
                continue
            if own.shape is not None and own.shape.disagreements:
                # Each such exchange has an event of its own, which a track does not write.
                return
            text = None if flight.kind is Kind.QUERY else own.text
            ending: Ending = "prepared" if flight.kind is Kind.PREPARE else "completed"
            step = self._state.journal.parts(own.ruling, text, "prepare" if flight.kind is Kind.PREPARE else "run")
            parts.append((*step, ending))
            if flight.kind in (Kind.QUERY, Kind.EXECUTE):
                mask = None if own.shape is None else own.shape.mask
        track = _track(flights)
        needs, defines = ([name for name, _ in names] for names in (track.needs, track.statements))
        self.rails.keep(signature, reply, parts, mask, needs, defines)
        self._kept.append(track)

    def _catch_up(self, rides: int, finished: list[int]) -> None:
        state, journal = self._state, self._journal
        journal.number, journal.now = self.rails.number, self.rails.now
        for index in finished:
            track = self._kept[index]
            for name, prepared in track.statements:
                state.statements.put(name, prepared)
            for name, portal in track.portals:
                state.portals.put(name, portal)
        state.pipeline += rides

    def _forget(self) -> None:
        self.rails.forget()
        self._kept.clear()


def _runs(track: Track, journal: Journal, number: int, began: float, data: bytes) -> list[Run]:
    """The runs of a track's exchange that began behind the event of this number."""
    text = data[_QUERY_HEAD:-1]
    rulings = [(leg.ruling, leg.text or text) for leg in track.legs if leg.ruling is not None]
    return [
        Run(journal.id(number + place), ruling, began, said) for place, (ruling, said) in enumerate(rulings, start=1)
    ]


def _nothing() -> None:
    return


def _key(state: State) -> tuple[object, ...]:
    return (state.world, state.analyses, state.past, state.read_only)


def _clear(state: State) -> bool:
    """Nothing is under way, held back or unsure."""
    return not (
        state.flights
        or state.inbox
        or state.wait is not None
        or state.skipping
        or state.in_pipeline
        or state.unsettled
        or state.names_busy
        or state.sending
        or state.awaiting
        or state.held_rows
        or state.closed
        or state.stopping
        or state.streaming
        or state.server.pending
        or state.transaction_read_only
        or state.status == "E"
        or state.encoding != "UTF8"
        or not state.plain_strings
        or state.world.snapshot.policies.reads_time
        or state.past.spent
        or state.rulings.counts_rows
        or state.rulings.reads_literals
    )


def _fit(flight: Flight) -> bool:
    if flight.kind not in _KINDS or flight.silent or flight.report is not None or len(flight.runs) > 1:
        return False
    for run in flight.runs:
        decision, span = run.ruling.decision, run.ruling.span
        if run.ruling.approval is not None:
            # Humans approved one execution, not whatever looks like it.
            return False
        duties = decision.obligations
        if decision.costs:
            # Each value is paid for, which a track does not do.
            return False
        if decision.inherits or span.effects or span.copy is not None or decision.outcome != "allow" or span.writes:
            return False
        if duties.row_limit is not None or duties.statement_timeout_ms is not None or duties.read_only:
            return False
        if flight.kind is Kind.QUERY and span.literals_matter:
            return False
    return True


def _complete(flights: list[Flight]) -> bool:
    """Whether every portal that is used was bound in this very exchange: elsewhere its name may mean another statement."""
    bound: list[Portal] = []
    for flight in flights:
        if flight.kind is Kind.BIND and flight.portal is not None:
            bound.append(flight.portal)
        elif flight.kind in (Kind.EXECUTE, Kind.DESCRIBE_PORTAL) and not any(flight.portal is one for one in bound):
            return False
    return True


def _own(flight: Flight) -> Run | None:
    return next((run for run in flight.runs if run.event_id), None)


def _track(flights: list[Flight]) -> Track:
    legs: list[Leg] = []
    needs: list[tuple[str, Prepared]] = []
    defined: set[str] = set()
    for flight in flights:
        own = _own(flight)
        also = tuple(run.ruling for run in flight.runs if not run.event_id)
        text = b"" if flight.kind is Kind.QUERY or own is None else own.text
        ruling = None if own is None else own.ruling
        legs.append(Leg(flight.kind, ruling, text, flight.name, flight.prepared, flight.portal, also))
        if flight.kind is Kind.PREPARE:
            defined.add(flight.name)
        if flight.kind is Kind.BIND and flight.portal is not None and flight.statement not in defined:
            needs.append((flight.statement, flight.portal.prepared))
    decisions = tuple(leg.ruling.decision for leg in legs if leg.ruling is not None)
    statements = tuple((leg.name, leg.prepared) for leg in legs if leg.kind is Kind.PREPARE)
    portals = tuple((leg.name, leg.portal) for leg in legs if leg.kind is Kind.BIND)
    return Track(tuple(legs), decisions, statements, portals, tuple(needs))
