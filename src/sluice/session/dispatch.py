"""A request that was ruled upon: recorded and queued for the database, or refused in the server's own manner.

Refusals ride on the server's own error (see `Voice.poison_query`), so that transactions and pipelines end up exactly as after
any server error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sluice.audit.template import Step
from sluice.model.decision import Refusal
from sluice.model.waist import Execute, FunctionCall, Query
from sluice.session import budgeting, settling
from sluice.session.analyses import BLIND, Understood
from sluice.session.flights import Flight, Kind, Run
from sluice.session.literals import labels_in
from sluice.session.obligations import start_clock
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


def sent_within(state: State, text: bytes, values: Callable[[], Iterable[bytes]] = tuple) -> frozenset[str]:
    """The labels of what is sent within a text and as bound `values`; looked for only where some policy asks for them."""
    return labels_in(text, values()) if state.rulings.reads_literals else frozenset()


def rulings_of(
    state: State, understood: Understood, text: bytes, now: float, literals: frozenset[str] | None = None
) -> Sequence[Ruling]:
    """The ruling on each statement of a text, for the purpose it states. `literals` None: those of the text alone."""
    begin = state.watch.clock()
    if literals is None:
        literals = sent_within(state, text)
    purpose = purpose_of(state, text)
    budgeting.refresh(state, now)
    spans = understood.spans
    found = [state.rulings.of(span, text, spans, purpose, state.past, now, literals) for span in spans]
    state.watch.deciding += state.watch.clock() - begin
    return found


def first_refused(state: State, rulings: Sequence[Ruling]) -> Refusal | None:
    """The first reason why a request may not run, in the words its client will read; None: it may."""
    for ruling in rulings:
        if ruling.decision.outcome != "allow":
            return unknown(ruling) or ruling.decision.refusal or Refusal("the statement is not allowed")
    return unmaskable(state, rulings) or (settling.blind(state, rulings) if state.unsettled else None)


def unknown(ruling: Ruling) -> Refusal | None:
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


def carry(
    state: State,
    flight: Flight,
    rulings: Sequence[Ruling],
    asked: Query | Execute | FunctionCall,
    text: bytes,
    now: float,
) -> None:
    """Records each statement of a request, then queues the request behind the records."""
    last = len(rulings) - 1
    step: Step = "call" if isinstance(asked, FunctionCall) else "run"
    for index, ruling in enumerate(rulings):
        run = Run(state.journal.next_id(), ruling, now, text)
        state.record(state.journal.asked(run, now, step), run.event_id)
        start_clock(state, run, now)
        budgeting.reserve(state, ruling, now)
        if ruling.decision.quiet_errors:
            state.quiet = ruling
        flight.runs.append(run)
        state.send(asked.raw if index == last else b"", ruling.decision, run.event_id)
    if last < 0:
        state.send(asked.raw)


def sent_shifting(state: State, understood: Understood) -> None:
    """Notes what a text just sent may change: prepared names, or what names mean."""
    if understood.names:
        state.names_busy = True
    if understood.shifts:
        settling.shifted(state, understood)


def refuse_query(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> None:
    """Refuses a request that ends with ReadyForQuery: the server fails in its place."""
    event_id = _refused_line(state, text, rulings, refusal, now)
    report = state.engine.voice.report(refusal, "ERROR")
    state.fly(Flight(Kind.QUERY, report=report))
    state.send(state.engine.voice.poison_query, event_id=event_id)
    state.pipeline += 1
    state.in_pipeline = False


def refuse_step(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> None:
    """Refuses a step of the extended protocol; what follows is skipped up to the next Sync."""
    event_id = _refused_line(state, text, rulings, refusal, now)
    report = state.engine.voice.report(refusal, "ERROR")
    state.fly(Flight(Kind.PREPARE, report=report, ends_pipeline=False))
    state.send(state.engine.voice.poison_prepare, event_id=event_id)
    state.skipping = True
    state.in_pipeline = True


def _refused_line(state: State, text: bytes, rulings: Sequence[Ruling], refusal: Refusal, now: float) -> str:
    event_id = state.journal.next_id()
    culprit = next(
        (ruling for ruling in rulings if ruling.decision.outcome != "allow"), rulings[0] if rulings else None
    )
    state.record(state.journal.refused(event_id, culprit, text, refusal, now), event_id)
    return event_id
