"""The fast lane: an exchange that went the whole way once goes it again in two looks, if nothing it depends on has changed.

A track is learned from an exchange that `asking` and `answering` carried out without an incident, under the signature of its
messages (which leaves out only values). The next time, the same rulings, records, permits and masks apply; what is left out is
working them out again. Whatever does not match to the byte, at any moment, goes (or goes back to) the whole way: `leave` turns
a lane exchange under way into the flights that the whole way would have made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluice.audit.events import Ending
from sluice.engines.engine import Engine
from sluice.session import effects as fx
from sluice.session.delivering import count_masked
from sluice.session.flights import Flight, Kind, Run
from sluice.session.memory import Bounded
from sluice.session.names import Portal, Prepared
from sluice.session.permit import Receipt, mint
from sluice.session.rulings import Ruling
from sluice.session.shape import Shape
from sluice.session.state import Sending, State, Wait

TRACKS = 256
_KINDS = frozenset({Kind.QUERY, Kind.PREPARE, Kind.BIND, Kind.DESCRIBE_PORTAL, Kind.EXECUTE, Kind.SYNC})


@dataclass(slots=True)
class Leg:
    """One request of a track: the flight it makes. `ruling`: it has a run of its own, to be recorded."""

    kind: Kind
    ruling: Ruling | None
    text: bytes
    name: str
    prepared: Prepared | None
    portal: Portal | None
    also: tuple[Ruling, ...]


@dataclass(slots=True)
class Track:
    """An exchange that is known: its requests, the answer's signature, the shape of its rows."""

    legs: tuple[Leg, ...]
    reply: bytes
    shape: Shape | None
    endings: tuple[Ending, ...]
    """How each of its runs ends."""
    needs: tuple[str, Prepared] | None
    """A statement prepared earlier that its Bind names: it must still be that very one."""


class Lane:
    """One session's tracks, the exchange that may become one, and the one under way."""

    __slots__ = ("_active", "_candidate", "_data", "_engine", "_key", "_runs", "_sent", "_text", "_tracks")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tracks: Bounded[bytes, Track] = Bounded(TRACKS)
        self._key: tuple[object, ...] = ()
        self._candidate: tuple[bytes, list[Flight]] | None = None
        self._active: Track | None = None
        self._runs: list[Run] = []
        self._data = b""
        self._text = b""
        self._sent = False

    @property
    def active(self) -> bool:
        """An exchange is under way in the lane."""
        return self._active is not None

    def enter(self, state: State, data: bytes, now: float) -> list[fx.Effect] | None:
        """Takes a client's messages if they are a known track; None: they go the whole way."""
        self._candidate = None
        if not _clear(state):
            return None
        seen = self._engine.skim_asked(data)
        if seen is None:
            return None
        signature, start, end = seen
        key = (state.world, state.analyses, state.seen, state.read_only)
        if key != self._key:
            self._tracks.clear()
            self._key = key
        track = self._tracks.get(signature)
        if track is None or not _meant(track, state):
            self._candidate = (signature, [])
            return None
        self._text = data[start:end]
        return self._go(state, track, data, now)

    def _go(self, state: State, track: Track, data: bytes, now: float) -> list[fx.Effect]:
        runs: list[Run] = []
        lines: list[bytes] = []
        journal = state.journal
        for leg in track.legs:
            if leg.ruling is not None:
                run = Run(journal.next_id(), leg.ruling, now, leg.text or self._text)
                lines.append(journal.asked(run, now, "prepare" if leg.kind is Kind.PREPARE else "run"))
                runs.append(run)
        self._active, self._runs, self._data, self._sent = track, runs, data, False
        ids = tuple([run.event_id for run in runs])
        return [fx.Record(lines[0] if len(lines) == 1 else b"".join(lines), ids, True)]

    def recorded(self, receipt: Receipt) -> list[fx.Effect]:
        """The log has the exchange: it may go upstream."""
        self._sent = True
        return [fx.ToUpstream(self._data, [mint(run.ruling.decision, receipt, run.event_id) for run in self._runs])]

    def waits(self) -> bool:
        """An exchange under way waits for its receipt."""
        return self._active is not None and not self._sent

    def answered(self, state: State, data: bytes, now: float) -> list[fx.Effect] | None:
        """Takes the database's answer if it is the one the track expects; None: the exchange has left the lane."""
        track = self._active
        if track is None:
            return None
        seen = self._engine.skim_answered(data)
        if seen is None or seen[0] != track.reply or not self._sent:
            self.leave(state)
            return None
        _, start, end, count, tag_start, tag_end = seen
        last = self._runs[-1]
        out = data
        shape = track.shape
        if count and shape is not None and shape.mask is not None:
            try:
                masked, _, hidden = shape.mask.rows(data[start:end])
            except ValueError:
                self.leave(state)
                return None
            count_masked(last, hidden)
            out = b"".join((data[:start], masked, data[end:]))
            last.size = len(masked)
        else:
            last.size = end - start
        last.rows = count
        self._active = None
        tag = data[tag_start:tag_end].decode("ascii", "replace")
        for run, ending in zip(self._runs, track.endings, strict=True):
            state.notes.append(state.journal.done(run, ending, tag if ending == "completed" else "", "", now))
        notes, state.notes = state.notes, []
        self._name(state, track)
        return [fx.Record(notes[0] if len(notes) == 1 else b"".join(notes), (), False), fx.ToClient(out)]

    @staticmethod
    def _name(state: State, track: Track) -> None:
        """Leaves the names the exchange gave as the whole way would have."""
        for leg in track.legs:
            if leg.kind is Kind.PREPARE:
                state.statements.put(leg.name, leg.prepared)
            elif leg.kind is Kind.BIND:
                state.portals.put(leg.name, leg.portal)
        state.pipeline += 1

    def leave(self, state: State) -> None:
        """Turns the exchange under way, if any, into flights; from here on it goes the whole way."""
        track, self._active = self._active, None
        self._candidate = None
        if track is None:
            return
        runs = iter(self._runs)
        for leg in track.legs:
            own = [] if leg.ruling is None else [next(runs)]
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
        if not self._sent:
            sending = [Sending(b"", run.ruling.decision, run.event_id, "") for run in self._runs]
            sending[-1].data = self._data
            state.awaiting.append(sending)
            state.wait = state.wait or Wait.RECEIPT

    def watch(self, state: State) -> None:
        """After a client's messages went the whole way: notes their flights, if they may become a track."""
        if self._candidate is None:
            return
        flights = list(state.flights)
        fit = not state.inbox and flights and all(_fit(flight) for flight in flights)
        runs = [run for flight in flights for run in flight.runs if run.event_id]
        self._candidate = (self._candidate[0], flights) if fit and 0 < len(runs) <= 2 else None

    def learn(self, state: State, data: bytes) -> Callable[[], None]:
        """Before an answer goes the whole way: what to call after it, to keep the exchange as a track if all went well."""
        candidate, self._candidate = self._candidate, None
        seen = None if candidate is None or not candidate[1] else self._engine.skim_answered(data)
        if candidate is None or seen is None:
            return _nothing
        key = (state.world, state.analyses, state.seen, state.read_only)
        reply = seen[0]

        def keep() -> None:
            if state.flights or not _clear(state) or key != (state.world, state.analyses, state.seen, state.read_only):
                return
            self._key = self._key if key == self._key else key
            self._tracks.keep(candidate[0], _track(candidate[1], reply))

        return keep


def _nothing() -> None:
    return


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
        or state.transaction_read_only
        or state.status == "E"
        or state.encoding != "UTF8"
        or not state.plain_strings
        or state.world.snapshot.policies.reads_time
    )


def _meant(track: Track, state: State) -> bool:
    if track.needs is None:
        return True
    name, prepared = track.needs
    return state.statements.get(name) is prepared and prepared.under is state.analyses


def _fit(flight: Flight) -> bool:
    if flight.kind not in _KINDS or flight.silent or flight.report is not None or len(flight.runs) > 1:
        return False
    for run in flight.runs:
        decision, span = run.ruling.decision, run.ruling.span
        duties = decision.obligations
        if decision.inherits or span.effects or span.copy is not None or decision.outcome != "allow" or span.writes:
            return False
        if duties.row_limit is not None or duties.statement_timeout_ms is not None or duties.read_only:
            return False
        if flight.kind is Kind.QUERY and span.literals_matter:
            return False
    return True


def _track(flights: list[Flight], reply: bytes) -> Track:
    legs: list[Leg] = []
    shape: Shape | None = None
    needs: tuple[str, Prepared] | None = None
    defined: set[str] = set()
    for flight in flights:
        own = next((run for run in flight.runs if run.event_id), None)
        also = tuple(run.ruling for run in flight.runs if not run.event_id)
        text = b"" if flight.kind is Kind.QUERY or own is None else own.text
        ruling = None if own is None else own.ruling
        legs.append(Leg(flight.kind, ruling, text, flight.name, flight.prepared, flight.portal, also))
        if own is not None and flight.kind in (Kind.QUERY, Kind.EXECUTE):
            shape = own.shape
        if flight.kind is Kind.PREPARE:
            defined.add(flight.name)
        if flight.kind is Kind.BIND and flight.portal is not None and flight.statement not in defined:
            needs = (flight.statement, flight.portal.prepared)
    endings: list[Ending] = [
        "prepared" if leg.kind is Kind.PREPARE else "completed" for leg in legs if leg.ruling is not None
    ]
    return Track(tuple(legs), reply, shape, tuple(endings), needs)
