"""What the client asks: each request is understood, ruled upon, recorded, and only then queued for the database.

A handler returns False when the request must wait; it is offered again when the state allows. What becomes of a request once
it is ruled upon is `dispatch`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from sluice.session import holding, settling
from sluice.session.calling import call
from sluice.session.dispatch import (
    carry,
    first_refused,
    refuse_query,
    refuse_step,
    rulings_of,
    sent_shifting,
    sent_within,
)
from sluice.session.flights import Flight, Kind, Run
from sluice.session.names import Portal, Prepared
from sluice.session.obligations import oblige
from sluice.session.state import State

_BROKEN_CODE = "08P01"
_UNBOUND: tuple[bytes, bytes, tuple[str, ...]] = (b"", b"", ())


def advance(state: State, now: float) -> None:
    """Takes requests off the inbox until it is empty or one must wait."""
    while state.inbox and state.wait is None and not state.closed and not state.held_rows:
        asked = state.inbox[0]
        if not (state.takes or HANDLERS)[type(asked)](state, asked, now):
            break
        if state.inbox:
            state.inbox.popleft()
    if state.holding is not None:
        holding.tidy(state)


def query(state: State, asked: Query, now: float) -> bool:
    """Handles a text that is to run at once; False when it must wait."""
    if state.skipping:
        return True
    if not settling.settled(state):
        return False
    understood = settling.understand(state, asked.text)
    if understood is None:
        return False
    if understood.names and not settling.names_settled(state, ()):
        return False
    rulings = rulings_of(state, understood, asked.text, now)
    refused = first_refused(state, rulings)
    if refused is not None:
        lifted = holding.lift(state, asked, understood, asked.text, rulings, _UNBOUND, now)
        if lifted is None:
            return False
        rulings, refused = lifted
    if refused is None and not (oblige(state, rulings) and settling.published(state, rulings)):
        return False
    if state.lifted:
        state.lifted = {}
    if refused is not None:
        refuse_query(state, asked.text, rulings, refused, now)
        return True
    flight = state.fly(Flight(Kind.QUERY))
    carry(state, flight, rulings, asked, asked.text, now)
    sent_shifting(state, understood)
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
    understood = settling.typed(state, understood, asked.types)
    rulings = rulings_of(state, understood, asked.text, now)
    refused = first_refused(state, rulings)
    if refused is not None:
        lifted = holding.lift_prepare(state, asked, understood, rulings, now)
        if lifted is None:
            return False
        rulings, refused = lifted
    if refused is not None:
        refuse_step(state, asked.text, rulings, refused, now)
        return True
    prepared = Prepared(understood, asked.text, under=state.analyses, types=asked.types)
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
        refuse_step(state, b"", (), _absent("S", asked.statement), now)
        return True
    understood = settling.renewed(state, prepared)
    if understood is None:
        return False
    literals = sent_within(state, prepared.text, lambda: state.engine.values(asked.raw))
    rulings = rulings_of(state, understood, prepared.text, now, literals)
    refused = first_refused(state, rulings)
    if refused is not None:
        bound = (prepared.types, *state.engine.parameters(asked.raw))
        lifted = holding.lift(state, asked, understood, prepared.text, rulings, bound, now)
        if lifted is None:
            return False
        rulings, refused = lifted
        state.lifted = {}
    if refused is not None:
        refuse_step(state, prepared.text, rulings, refused, now)
        return True
    portal = Portal(prepared, understood, asked.formats, holding.approval_of(rulings), literals)
    flight = Flight(Kind.BIND, portal=portal, name=asked.portal, statement=asked.statement, ends_pipeline=False)
    flight.runs = [Run("", ruling, now, prepared.text, over=True) for ruling in rulings]
    state.fly(flight)
    state.portals.define(asked.portal, portal, state.pipeline)
    state.send(asked.raw)
    state.in_pipeline = state.bound = True
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
        refuse_step(state, b"", (), _absent(asked.kind, asked.name), now)
        return True
    literals = None if flight.portal is None else flight.portal.literals
    rulings = rulings_of(state, known.understood, known.text, now, literals)
    rulings = holding.foreseen(state, known.text, rulings, now)
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
        refuse_step(state, b"", (), _absent("P", asked.portal), now)
        return True
    prepared = portal.prepared
    understood = portal.understood
    if not understood.lasting or any(span.verb not in _RESOLVED_BEFORE for span in understood.spans):
        # EXECUTE and FETCH look their name up when they run, and whatever is no query finds its tables then.
        if not settling.settled(state):
            return False
        renewed = settling.renewed(state, prepared)
        if renewed is None:
            return False
        understood = renewed
    rulings = rulings_of(state, understood, prepared.text, now, portal.literals)
    refused = first_refused(state, rulings)
    if refused is not None:
        rulings, refused = holding.lift_portal(state, portal, prepared.text, rulings, now)
    if refused is not None:
        refuse_step(state, prepared.text, rulings, refused, now)
        return True
    if not (oblige(state, rulings) and settling.published(state, rulings)):
        return False
    if not portal.asked and not prepared.described:
        # Without a description there is nothing to mask by: ask for it first and keep the answer.
        portal.asked = True
        state.fly(Flight(Kind.DESCRIBE_PORTAL, portal=portal, silent=True, ends_pipeline=False))
        state.send(state.engine.voice.describe_portal(asked.portal), own="describe")
    flight = state.fly(Flight(Kind.EXECUTE, portal=portal, ends_pipeline=False))
    carry(state, flight, rulings, asked, prepared.text, now)
    sent_shifting(state, understood)
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
    state.skipping = state.bound = False
    if state.lifted:
        state.lifted = {}
    # A transaction of one pipeline ends here, and constraints put off to its end fail here.
    put_off = [] if state.quiet is None else [Run("", state.quiet, now, b"", over=True)]
    state.quiet = None
    state.fly(Flight(Kind.SYNC, put_off))
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


def _absent(kind: str, name: str) -> Refusal:
    """A name that stands for nothing on this connection, in the server's words."""
    if kind == "P":
        return Refusal(f'portal "{name}" does not exist', hint="bind a statement to the portal first", code="34000")
    what = f'prepared statement "{name}"' if name else "unnamed prepared statement"
    return Refusal(f"{what} does not exist", hint="prepare it on this connection first", code="26000")


_RESOLVED_BEFORE: Final = frozenset(
    {
        "select", "insert", "update", "delete", "merge", "declare", "explain", "create table as", "create materialized view",
        "select into", "begin", "commit", "rollback",
    }
)  # fmt: skip
"""What a portal runs as it was understood when it was bound, or what names nothing."""

HANDLERS: Final[dict[type, Callable[..., bool]]] = {
    Query: query,
    Prepare: _prepare,
    Bind: _bind,
    Describe: _describe,
    Execute: _execute,
    CloseName: _close,
    Sync: _sync,
    Flush: _flush,
    CopyIn: _copy_in,
    FunctionCall: call,
    Terminate: _terminate,
    Broken: _broken,
}
"""Every kind of request and who handles it; a house test holds it against the union `Asked`."""
