"""What the database answers: each answer is matched to the request it belongs to, masked by its ruling, and passed on.

An answer that fits no request means that Sluice no longer knows what the server talks about: the connection ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sluice.audit.events import Ending
from sluice.model.decision import Refusal
from sluice.model.waist import (
    Answered,
    Broken,
    Columns,
    CopyEnd,
    CopyStart,
    Done,
    Failed,
    Notice,
    Pass,
    Ready,
    Rows,
    Step,
)
from sluice.session import budgeting, delivering, findings, replicating, settling
from sluice.session.flights import Flight, Kind, Run
from sluice.session.outcomes import succeeded
from sluice.session.purposes import purpose_of
from sluice.session.quiet import HEARD, says_names_alone
from sluice.session.state import State, Wait

_EXTENDED_END = (Kind.SYNC, Kind.QUERY, Kind.CALL, Kind.RELAY)


def answer(state: State, answered: Answered, now: float) -> None:
    """Takes one answer of the database."""
    if state.closed:
        return
    if state.held_rows:
        state.held_rows.append(answered)
        return
    if state.streaming and not isinstance(answered, Rows):
        state.streaming = False
    if state.replication and replicating.took(state, answered, now):
        return
    HANDLERS[type(answered)](state, answered, now)


def answers_in(state: State) -> None:
    """After a batch of answers: lets the inbox go on if all that it waited for has come."""
    if state.wait is Wait.ANSWERS and not state.flights:
        state.wait = None


def _first(state: State, *kinds: Kind) -> Flight | None:
    flight = state.flights[0] if state.flights else None
    if flight is None or flight.kind not in kinds:
        confused(state, "an answer that belongs to no request")
        return None
    return flight


def confused(state: State, what: str) -> None:
    """Ends a connection whose server said something that cannot be placed."""
    state.notes.append(state.journal.broken("upstream", what))
    state.fatal(
        Refusal(
            f"the database sent {what}, so the connection was ended",
            hint="connect again; the event log has more",
            code="08P01",
        )
    )


def _columns(state: State, answered: Columns, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.DESCRIBE_STATEMENT, Kind.DESCRIBE_PORTAL, Kind.OWN)
    if flight is None or flight.kind is Kind.OWN:
        return
    if flight.kind is Kind.DESCRIBE_STATEMENT and flight.prepared is not None:
        flight.prepared.described, flight.prepared.description = True, answered.raw
        _landed(state, answered.raw)
    elif flight.kind is Kind.DESCRIBE_PORTAL and flight.portal is not None:
        flight.portal.described, flight.portal.description = True, answered.raw
        _landed(state, b"" if flight.silent else answered.raw)
    elif flight.run is None:
        confused(state, "a result beyond the last statement")
    elif delivering.describe(state, flight.run, answered, now):
        state.say(answered.raw)


def _landed(state: State, raw: bytes) -> None:
    state.flights.popleft()
    if raw:
        state.say(raw)


def _rows(state: State, answered: Rows, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.EXECUTE, Kind.OWN)
    if flight is None:
        return
    if flight.kind is Kind.OWN:
        _collect(state, flight, answered)
        return
    run = flight.run
    if run is None:
        confused(state, "rows beyond the last statement")
        return
    if (
        run.shape is None
        and flight.portal is not None
        and not delivering.describe_portal(state, run, flight.portal, answered, now)
    ):
        return
    if not budgeting.rows(state, run, answered, now):
        confused(state, "rows that do not fit their description")


def _collect(state: State, flight: Flight, answered: Rows) -> None:
    try:
        cells = [cell or b"" for row in state.engine.cells(answered.raw) for cell in row]
    except ValueError:
        confused(state, "rows that break their layout")
        return
    flight.collected = [*(flight.collected or ()), *cells]


def _copy_start(state: State, answered: CopyStart, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.EXECUTE)
    run = flight.run if flight else None
    if run is None or answered.direction == "both" or not delivering.copy(state, run, answered):
        confused(state, "a COPY that was not asked for")
        return
    state.say(answered.raw)


def _copy_end(state: State, answered: CopyEnd, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.EXECUTE)
    run = flight.run if flight else None
    if run is None or not delivering.copy_end(state, run):
        confused(state, "the end of a COPY that does not end a row")
        return
    state.say(answered.raw)


def _done(state: State, answered: Done, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.EXECUTE, Kind.OWN)
    if flight is None or flight.kind is Kind.OWN:
        return
    run = flight.run
    if run is None:
        if flight.runs or not answered.empty:
            confused(state, "a completion beyond the last statement")
            return
        state.say(answered.raw)
    else:
        flight.at += 1
        refused = run.shape is not None and run.shape.refusal is not None
        _complete(state, run, "suspended" if answered.suspended else "completed", answered.tag, "", now)
        if not answered.suspended:
            succeeded(state, run, answered.tag)
        if not refused:
            state.say(answered.raw)
    if flight.kind is Kind.EXECUTE:
        state.reports.since += [run.ruling.span for run in flight.runs]
        state.flights.popleft()


def _complete(state: State, run: Run, outcome: Ending, tag: str, code: str, now: float) -> None:
    if not run.over:
        run.over = True
        state.notes.append(state.journal.done(run, outcome, tag, code, now))
        if run.found:
            findings.propose(state, run)


def _step(state: State, answered: Step, now: float) -> None:
    flight = state.flights[0] if state.flights else None
    if flight is not None and flight.kind is Kind.OWN:
        if answered.kind == "closed":
            flight.closings += 1
            if flight.closings == 2 and not flight.ends_pipeline:
                state.flights.popleft()
                _own_answered(state, flight)
        return
    flight = _first(state, *_STEPS[answered.kind])
    if flight is None:
        return
    if answered.kind == "parameters":
        state.say(answered.raw)
        return
    if answered.kind == "call":
        run = flight.run
        if run is None or not run.ruling.clear:
            confused(state, "the result of a call that may not be seen")
            return
        flight.at += 1
        run.rows, run.size = 1, len(answered.raw)
        delivering.note_seen(state, run.ruling, 1)
        _complete(state, run, "completed", "", "", now)
        state.say(answered.raw)
        return
    _stepped(state, flight, answered, now)


def _stepped(state: State, flight: Flight, answered: Step, now: float) -> None:
    if answered.kind == "prepared":
        state.statements.settle(flight.name, flight.prepared, True)
        for run in flight.runs:
            _complete(state, run, "prepared", "", "", now)
    elif answered.kind == "bound":
        state.portals.settle(flight.name, flight.portal, True)
    elif answered.kind == "closed":
        book = state.statements if flight.name[0] == "S" else state.portals
        book.settle(flight.name[1:], None, True)
    elif flight.prepared is not None:
        flight.prepared.described, flight.prepared.description = True, None
    elif flight.portal is not None:
        flight.portal.described, flight.portal.description = True, None
    _landed(state, b"" if flight.silent else answered.raw)


def _failed(state: State, answered: Failed, now: float) -> None:
    flight = state.flights[0] if state.flights else None
    severity = answered.fields.get("V", answered.fields.get("S", "ERROR"))
    if flight is None or severity in ("FATAL", "PANIC"):
        state.say(answered.raw if flight is None else _error_text(state, flight, answered))
        state.close("the database ended the connection")
        return
    if flight.kind is Kind.OWN:
        _lost_track(state, f"`{flight.purpose}` query of the gateway failed ({answered.fields.get('C', '')})")
        return
    if not flight.silent or flight.report is None:
        already = flight.run is not None and flight.run.shape is not None and flight.run.shape.refusal is not None
        if not already:
            state.say(_error_text(state, flight, answered))
    _fail_runs(state, flight, answered.fields.get("C", ""), now)
    if flight.kind in (Kind.QUERY, Kind.CALL, Kind.RELAY):
        return
    _skip_pipeline(state, now)


def _own_answered(state: State, flight: Flight) -> None:
    try:
        settling.own_answered(state, flight)
    except ValueError:
        _lost_track(state, f"`{flight.purpose}` query of the gateway was answered with what it cannot read")


def _lost_track(state: State, why: str) -> None:
    state.notes.append(state.journal.broken("upstream", why))
    state.fatal(
        Refusal(
            "the gateway could not learn how names resolve, so the connection was ended",
            hint="connect again, best with the client encoding UTF8",
            code="58000",
        )
    )


def _skip_pipeline(state: State, now: float) -> None:
    """The server skips all it was sent up to the next Sync."""
    while state.flights and state.flights[0].kind not in _EXTENDED_END:
        flight = state.flights.popleft()
        _fail_runs(state, flight, "", now)
        if flight.kind is Kind.PREPARE and flight.prepared is not None:
            state.statements.settle(flight.name, flight.prepared, False)
        elif flight.kind is Kind.BIND:
            state.portals.settle(flight.name, flight.portal, False)
        elif flight.kind is Kind.CLOSE:
            book = state.statements if flight.name[0] == "S" else state.portals
            book.settle(flight.name[1:], None, False)
    if not state.flights:
        state.skipping = True
        state.in_pipeline = True


def _fail_runs(state: State, flight: Flight, code: str, now: float) -> None:
    for run in flight.runs[flight.at :]:
        _complete(state, run, "failed" if code else "skipped", "", code, now)
        code = ""
    flight.at = len(flight.runs)


def _error_text(state: State, flight: Flight, answered: Failed) -> bytes:
    if flight.report is not None:
        return flight.report
    run = flight.run
    if run is not None and run.timed_out:
        policies = ", ".join(run.ruling.decision.policies)
        refusal = Refusal(
            "the statement took longer than policy allows",
            f"time limit set by policy {policies}",
            "narrow the statement",
            "57014",
        )
        return state.engine.voice.report(refusal, "ERROR")
    return _quietened(state, flight, answered)


def _quietened(state: State, flight: Flight | None, answered: Failed | Notice) -> bytes:
    if flight is None:
        return answered.raw
    if not any(run.ruling.decision.quiet_errors for run in flight.runs):
        run = flight.run
        if run is None or not state.world.detection or not findings.hidden_in(answered.raw, run.ruling):
            return answered.raw
        return state.engine.voice.withhold(answered.raw, answered.fields)
    span = flight.run.ruling.span if flight.run is not None else None
    if isinstance(answered, Failed) and says_names_alone(answered.fields, span):
        return answered.raw
    return state.engine.voice.withhold(answered.raw, answered.fields)


def _notice(state: State, answered: Notice, now: float) -> None:
    flight = state.flights[0] if state.flights else None
    if flight is None or flight.kind is not Kind.OWN:
        state.say(_quietened(state, flight, answered))


def _pass(state: State, answered: Pass, now: float) -> None:
    if answered.name == "client_encoding":
        state.encoding = answered.value
    elif answered.name == "standard_conforming_strings":
        state.plain_strings = answered.value == "on"
    elif answered.name:
        running = [run.ruling.span for run in state.flights[0].runs] if state.flights else []
        if not state.reports.may_pass(answered.name, answered.value, running) and not _may_hear_anything(state, now):
            return
    elif answered.hushed and not _may_hear_anything(state, now):
        state.say(answered.hushed)
        return
    state.say(answered.raw)


def _may_hear_anything(state: State, now: float) -> bool:
    """Whether what nobody knows the origin of may be said to this caller."""
    heard = state.rulings.of(HEARD, b"", (HEARD,), purpose_of(state, b""), state.past, now)
    return heard.decision.outcome == "allow" and heard.clear


def _ready(state: State, answered: Ready, now: float) -> None:
    flight = _first(state, Kind.QUERY, Kind.CALL, Kind.RELAY, Kind.SYNC, Kind.OWN)
    if flight is None:
        return
    state.flights.popleft()
    state.reports.since.clear()
    _fail_runs(state, flight, "", now)
    before, state.status = state.status, answered.status
    if flight.kind is Kind.OWN:
        _own_answered(state, flight)
        return
    if answered.status == "I" and (before != "I" or state.catalog_touched or state.shifted):
        settling.transaction_ended(state)
    if answered.status == "I" and state.inheriting and not state.flights:
        # The client hears of the end when the labels that columns took on are in force for everybody.
        state.held_ready = answered.raw
        settling.settled(state)
        return
    state.say(answered.raw)


def _broken(state: State, answered: Broken, now: float) -> None:
    confused(state, f"something that is not its protocol ({answered.reason})")


_STEPS: dict[str, tuple[Kind, ...]] = {
    "prepared": (Kind.PREPARE,),
    "bound": (Kind.BIND,),
    "closed": (Kind.CLOSE,),
    "parameters": (Kind.DESCRIBE_STATEMENT,),
    "no-data": (Kind.DESCRIBE_STATEMENT, Kind.DESCRIBE_PORTAL),
    "call": (Kind.CALL,),
}

HANDLERS: Final[dict[type, Callable[..., None]]] = {
    Columns: _columns,
    Rows: _rows,
    CopyStart: _copy_start,
    CopyEnd: _copy_end,
    Done: _done,
    Step: _step,
    Failed: _failed,
    Notice: _notice,
    Pass: _pass,
    Ready: _ready,
    Broken: _broken,
}
"""Every kind of answer and who handles it; a house test holds it against the union `Answered`."""
