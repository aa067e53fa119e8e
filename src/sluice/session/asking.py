"""What the client asks: each request is understood, ruled upon, recorded, and only then queued for the database.

A handler returns False when the request must wait; it is offered again when the state allows. Refusals ride on the server's own
error (see `Voice.poison_query`), so that transactions and pipelines end up exactly as after any server error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sluice.model.decision import Refusal
from sluice.model.waist import (
    Bind,
    Broken,
    CloseName,
    CopyIn,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    Prepare,
    Query,
    Sync,
    Terminate,
)
from sluice.session import settling
from sluice.session.analyses import BLIND, Understood
from sluice.session.flights import Flight, Kind, Run
from sluice.session.names import Portal, Prepared
from sluice.session.obligations import oblige, start_clock
from sluice.session.purposes import purpose_of
from sluice.session.rulings import Ruling
from sluice.session.spelling import unmaskable
from sluice.session.state import State

_UNKNOWN = (("relation", "42P01"), ("column", "42703"))
_NAMELESS = (("execute", "prepared statement", "26000"), ("fetch", "cursor", "34000"))
_UNREADABLE = {
    "42601": "check the statement; the gateway must be able to read what it is to govern",
    "22021": "send text that is valid in `client_encoding`, best UTF8",
    "54000": "send it in smaller parts",
    "54001": "send it in simpler parts",
}
"""Why a text could not be read at all, by SQLSTATE, and what to do about it."""
_BROKEN_CODE = "08P01"


def advance(state: State, now: float) -> None:
    """Takes requests off the inbox until it is empty or one must wait."""
    while state.inbox and state.wait is None and not state.closed and not state.held_rows:
        asked = state.inbox[0]
        if not _HANDLERS[type(asked)](state, asked, now):
            break
        if state.inbox:
            state.inbox.popleft()


def _query(state: State, asked: Query, now: float) -> bool:
    if state.skipping:
        return True
    if not settling.settled(state):
        return False
    understood = settling.understand(state, asked.text)
    if understood is None:
        return False
    if understood.names and not settling.names_settled(state, ()):
        return False
    rulings = _rulings(state, understood, asked.text, now)
    refused = _first_refused(state, rulings)
    if refused is None and not oblige(state, rulings):
        return False
    if refused is not None:
        _refuse_query(state, asked.text, rulings, refused, now)
        return True
    flight = state.fly(Flight(Kind.QUERY))
    _run(state, flight, rulings, asked, asked.text, now)
    _sent_shifting(state, understood)
    state.pipeline += 1
    state.in_pipeline = False
    return True


def _prepare(state: State, asked: Prepare, now: float) -> bool:
    if state.skipping:
        return True
    if not settling.settled(state):
        return False
    understood = settling.understand(state, asked.text)
    if understood is None:
        return False
    if understood.names and not settling.names_settled(state, ()):
        return False
    rulings = _rulings(state, understood, asked.text, now)
    refused = _first_refused(state, rulings)
    if refused is not None:
        _refuse_step(state, asked.text, rulings, refused, now)
        return True
    prepared = Prepared(understood, asked.text, under=state.analyses)
    flight = state.fly(Flight(Kind.PREPARE, prepared=prepared, name=asked.name, ends_pipeline=False))
    for ruling in rulings:
        # Parsing is a statement's first step in the server (it resolves names, folds constants): recorded like the rest.
        run = Run(state.journal.next_id(), ruling, now, asked.text)
        state.record(state.journal.asked(run, now, "prepare"), run.event_id)
        state.send(b"", ruling.decision, run.event_id)
        flight.runs.append(run)
    state.send(asked.raw)
    state.statements.define(asked.name, prepared, state.pipeline)
    state.in_pipeline = True
    return True


def _bind(state: State, asked: Bind, now: float) -> bool:
    if state.skipping:
        return True
    if not settling.names_settled(state, ((state.statements, asked.statement),)) or not settling.settled(state):
        return False
    prepared = state.statements.get(asked.statement)
    if prepared is None:
        _refuse_step(state, b"", (), _absent("S", asked.statement), now)
        return True
    understood = settling.renewed(state, prepared)
    if understood is None:
        return False
    rulings = _rulings(state, understood, prepared.text, now)
    refused = _first_refused(state, rulings)
    if refused is not None:
        _refuse_step(state, prepared.text, rulings, refused, now)
        return True
    portal = Portal(prepared, understood, asked.formats)
    flight = Flight(Kind.BIND, portal=portal, name=asked.portal, statement=asked.statement, ends_pipeline=False)
    flight.runs = [Run("", ruling, now, prepared.text, over=True) for ruling in rulings]
    state.fly(flight)
    state.portals.define(asked.portal, portal, state.pipeline)
    state.send(asked.raw)
    state.in_pipeline = True
    return True


def _describe(state: State, asked: Describe, now: float) -> bool:
    if state.skipping:
        return True
    book = state.statements if asked.kind == "S" else state.portals
    if not settling.names_settled(state, ((book, asked.name),)):
        return False
    if asked.kind == "S":
        flight = Flight(Kind.DESCRIBE_STATEMENT, prepared=state.statements.get(asked.name), ends_pipeline=False)
    else:
        portal = state.portals.get(asked.name)
        flight = Flight(Kind.DESCRIBE_PORTAL, portal=portal, ends_pipeline=False)
        if portal is not None:
            portal.asked = True
    known = flight.prepared or (flight.portal.prepared if flight.portal else None)
    if known is None:
        _refuse_step(state, b"", (), _absent(asked.kind, asked.name), now)
        return True
    rulings = _rulings(state, known.understood, known.text, now)
    flight.runs = [Run("", ruling, now, known.text, over=True) for ruling in rulings]
    state.fly(flight)
    state.send(asked.raw)
    state.in_pipeline = True
    return True


def _execute(state: State, asked: Execute, now: float) -> bool:
    if state.skipping:
        return True
    if not settling.names_settled(state, ((state.portals, asked.portal),)):
        return False
    portal = state.portals.get(asked.portal)
    if portal is None:
        _refuse_step(state, b"", (), _absent("P", asked.portal), now)
        return True
    prepared = portal.prepared
    understood = portal.understood
    if not understood.lasting:
        # EXECUTE and FETCH look their name up when they run.
        if not settling.settled(state):
            return False
        renewed = settling.renewed(state, prepared)
        if renewed is None:
            return False
        understood = renewed
    rulings = _rulings(state, understood, prepared.text, now)
    refused = _first_refused(state, rulings)
    if refused is not None:
        _refuse_step(state, prepared.text, rulings, refused, now)
        return True
    if not oblige(state, rulings):
        return False
    if not portal.asked and not prepared.described:
        # Without a description there is nothing to mask by: ask for it first and keep the answer.
        portal.asked = True
        state.fly(Flight(Kind.DESCRIBE_PORTAL, portal=portal, silent=True, ends_pipeline=False))
        state.send(state.engine.voice.describe_portal(asked.portal), own="describe")
    flight = state.fly(Flight(Kind.EXECUTE, portal=portal, ends_pipeline=False))
    _run(state, flight, rulings, asked, prepared.text, now)
    _sent_shifting(state, understood)
    state.in_pipeline = True
    return True


def _close(state: State, asked: CloseName, now: float) -> bool:
    if state.skipping:
        return True
    book = state.statements if asked.kind == "S" else state.portals
    if not settling.names_settled(state, ((book, asked.name),)):
        return False
    book.define(asked.name, None, state.pipeline)
    state.fly(Flight(Kind.CLOSE, name=asked.kind + asked.name, ends_pipeline=False))
    state.send(asked.raw)
    state.in_pipeline = True
    return True


def _sync(state: State, asked: Sync, now: float) -> bool:
    state.skipping = False
    state.fly(Flight(Kind.SYNC))
    state.send(asked.raw)
    state.pipeline += 1
    state.in_pipeline = False
    return True


def _flush(state: State, asked: Flush, now: float) -> bool:
    if not state.skipping:
        state.send(asked.raw)
    return True


def _copy_in(state: State, asked: CopyIn, now: float) -> bool:
    # Outside a COPY the server ignores these (left over from one that failed); inside a pipeline that failed, so do we.
    flight = state.flights[0] if state.flights else None
    if flight is not None and flight.run is not None:
        flight.run.rows += asked.rows
        flight.run.size += len(asked.raw)
    if not state.skipping:
        state.send(asked.raw)
    return True


def _call(state: State, asked: FunctionCall, now: float) -> bool:
    if state.skipping:
        return True
    if not settling.settled(state):
        return False
    span = settling.call_span(asked.oid)
    ruling = state.rulings.of(span, b"", (span,), state.caller.purpose, state.seen, now)
    refused = _first_refused(state, (ruling,))
    if refused is not None:
        _refuse_query(state, b"", (ruling,), refused, now)
        return True
    _run(state, state.fly(Flight(Kind.CALL)), (ruling,), asked, b"", now)
    state.unsettled |= {"context", "catalog"}
    state.pipeline += 1
    return True


def _terminate(state: State, asked: Terminate, now: float) -> bool:
    state.close("the client ended the connection")
    return True


def _broken(state: State, asked: Broken, now: float) -> bool:
    state.notes.append(state.journal.broken("client", asked.reason))
    state.fatal(
        Refusal(
            f"protocol violation: {asked.reason}", hint="the connection cannot go on; connect again", code=_BROKEN_CODE
        )
    )
    return True


def _rulings(state: State, understood: Understood, text: bytes, now: float) -> tuple[Ruling, ...]:
    purpose = purpose_of(state, text)
    spans = understood.spans
    if len(spans) == 1:
        return (state.rulings.of(spans[0], text, spans, purpose, state.seen, now),)
    return tuple([state.rulings.of(span, text, spans, purpose, state.seen, now) for span in spans])


def _first_refused(state: State, rulings: Sequence[Ruling]) -> Refusal | None:
    for ruling in rulings:
        if ruling.decision.outcome != "allow":
            return _unknown(ruling) or ruling.decision.refusal or Refusal("the statement is not allowed")
    return unmaskable(state, rulings) or (settling.blind(state, rulings) if state.unsettled else None)


def _unknown(ruling: Ruling) -> Refusal | None:
    """A name that nothing has, or a text that is no SQL, is said as the server would: most of them are typing errors."""
    if ruling.span.code in _UNREADABLE:
        return Refusal(ruling.span.reasons[0], hint=_UNREADABLE[ruling.span.code], code=ruling.span.code)
    for kind, what, code in _NAMELESS:
        for effect in ruling.span.effects:
            if effect.kind == kind and f"`{effect.args[0]}` is not known to name one statement" in ruling.span.reasons:
                return Refusal(
                    f'{what} "{effect.args[0]}" does not exist', hint="make it on this connection", code=code
                )
    if BLIND in ruling.span.reasons:
        # It may well be there by then; what stands in the way is that the message is analysed before it runs.
        return None
    for reason in ruling.span.reasons:
        for what, code in _UNKNOWN:
            if reason.startswith(f"unknown {what} `"):
                name = reason.split("`")[1]
                hint = "check the spelling and the search path; the gateway must see what it is to govern"
                return Refusal(f'{what} "{name}" does not exist', hint=hint, code=code)
    return None


def _absent(kind: str, name: str) -> Refusal:
    """A name that stands for nothing on this connection, in the server's words."""
    if kind == "P":
        return Refusal(f'portal "{name}" does not exist', hint="bind a statement to the portal first", code="34000")
    what = f'prepared statement "{name}"' if name else "unnamed prepared statement"
    return Refusal(f"{what} does not exist", hint="prepare it on this connection first", code="26000")


def _run(
    state: State,
    flight: Flight,
    rulings: Sequence[Ruling],
    asked: Query | Execute | FunctionCall,
    text: bytes,
    now: float,
) -> None:
    """Records each statement of a request, then queues the request behind the records."""
    last = len(rulings) - 1
    for index, ruling in enumerate(rulings):
        run = Run(state.journal.next_id(), ruling, now, text)
        state.record(state.journal.asked(run, now), run.event_id)
        start_clock(state, run, now)
        flight.runs.append(run)
        state.send(asked.raw if index == last else b"", ruling.decision, run.event_id)
    if last < 0:
        state.send(asked.raw)


def _sent_shifting(state: State, understood: Understood) -> None:
    if understood.names:
        state.names_busy = True
    if understood.shifts:
        settling.shifted(state, understood)


def _refused_line(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> str:
    event_id = state.journal.next_id()
    culprit = next(
        (ruling for ruling in rulings if ruling.decision.outcome != "allow"), rulings[0] if rulings else None
    )
    state.record(state.journal.refused(event_id, culprit, text, refusal, now), event_id)
    return event_id


def _refuse_query(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> None:
    event_id = _refused_line(state, text, rulings, refusal, now)
    report = state.engine.voice.report(refusal, "ERROR")
    state.fly(Flight(Kind.QUERY, report=report))
    state.send(state.engine.voice.poison_query, event_id=event_id)
    state.pipeline += 1
    state.in_pipeline = False


def _refuse_step(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> None:
    event_id = _refused_line(state, text, rulings, refusal, now)
    report = state.engine.voice.report(refusal, "ERROR")
    state.fly(Flight(Kind.PREPARE, report=report, ends_pipeline=False))
    state.send(state.engine.voice.poison_prepare, event_id=event_id)
    state.skipping = True
    state.in_pipeline = True


_HANDLERS: dict[type, Callable[..., bool]] = {
    Query: _query,
    Prepare: _prepare,
    Bind: _bind,
    Describe: _describe,
    Execute: _execute,
    CloseName: _close,
    Sync: _sync,
    Flush: _flush,
    CopyIn: _copy_in,
    FunctionCall: _call,
    Terminate: _terminate,
    Broken: _broken,
}
"""Every kind of request and who handles it; a house test holds it against the union `Asked`."""


def handled() -> frozenset[type]:
    """The kinds of request that have a handler."""
    return frozenset(_HANDLERS)
