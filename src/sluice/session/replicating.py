"""Replication connections: what they ask and how it is answered.

What streams through one is not rows of a statement but the database's own log, so nothing in it can be masked: it is allowed
only to those who may see everything in clear (`may_connect` with `replication`), asked of policy again for each command, and
passed on unread. On a logical one SQL goes the whole way that it goes anywhere; on either, the extended protocol is refused,
as the server itself would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sluice.model.decision import Refusal
from sluice.model.waist import (
    Answered,
    Asked,
    Bind,
    CloseName,
    Columns,
    CopyEnd,
    CopyIn,
    CopyStart,
    Describe,
    Done,
    Execute,
    FunctionCall,
    Prepare,
    Query,
    Ready,
    Rows,
)
from sluice.policy.refusals import IN_CLEAR
from sluice.session import asking
from sluice.session.dispatch import carry, first_refused, refuse_query, refuse_step, sent_within
from sluice.session.flights import Flight, Kind
from sluice.session.rulings import Ruling
from sluice.session.state import State
from sluice.sql.span import replication

_NO_SQL = Refusal(
    "cannot execute SQL commands in WAL sender for physical replication",
    hint="connect without `replication`, or with `replication=database`",
    code="0A000",
)
_SIMPLE = Refusal(
    "extended query protocol not supported in a replication connection",
    hint="send replication commands as simple queries",
    code="08P01",
)
_ROWS = Refusal(
    "a replication stream cannot be cut after so many rows, as policy asks for",
    hint="ask the owner of the source for a policy without a row limit",
)


def may_go(ruling: Ruling) -> Refusal | None:
    """Why a command of this ruling may not go on, besides what its decision says."""
    if not ruling.clear:
        return IN_CLEAR
    return None if ruling.decision.obligations.row_limit is None else _ROWS


def relaying(state: State) -> bool:
    """Whether the answer that comes next belongs to a replication command."""
    return bool(state.flights) and state.flights[0].kind is Kind.RELAY


def took(state: State, answered: Answered, now: float) -> bool:
    """Passes on an answer to a replication command; False: it is one that every statement may have.

    Completions are held until the next message, so that the record of the end comes before the end.
    """
    flight = state.flights[0] if state.flights else None
    if flight is None or flight.kind is not Kind.RELAY:
        return False
    if isinstance(answered, Ready):
        _over(state, flight, now)
        return False
    if not isinstance(answered, Columns | Rows | CopyStart | CopyEnd | Done):
        return False
    state.say(flight.held)
    flight.held = b""
    if isinstance(answered, Done):
        flight.held, flight.name = answered.raw, answered.tag
        return True
    run = flight.run
    if isinstance(answered, Rows) and run is not None:
        run.rows += state.count(answered.raw)
        run.size += len(answered.raw)
    state.say(answered.raw)
    return True


def _over(state: State, flight: Flight, now: float) -> None:
    run = flight.run
    if run is not None and not run.over:
        run.over = True
        state.notes.append(state.journal.done(run, "completed", flight.name, "", now))
    state.say(flight.held)


def _query(state: State, asked: Query, now: float) -> bool:
    command = state.engine.replication_command(asked.text)
    if not command and state.replication == "logical":
        return asking.query(state, asked, now)
    if state.skipping:
        return True
    if not command:
        refuse_query(state, asked.text, (), _NO_SQL, now)
        return True
    span = replication(command)
    literals = sent_within(state, asked.text)
    ruling = state.rulings.of(span, asked.text, (span,), state.caller.purpose, state.past, now, literals)
    refused = first_refused(state, (ruling,)) or may_go(ruling)
    if refused is not None:
        refuse_query(state, asked.text, (ruling,), refused, now)
        return True
    carry(state, state.fly(Flight(Kind.RELAY)), (ruling,), asked, asked.text, now)
    state.pipeline += 1
    state.in_pipeline = False
    return True


def _copy_in(state: State, asked: CopyIn, now: float) -> bool:
    """What the client reports while it is streamed to; it is no data of the statement."""
    if not relaying(state):
        return asking.HANDLERS[CopyIn](state, asked, now)
    state.send(asked.raw)
    return True


def _extended(state: State, _asked: Asked, now: float) -> bool:
    if not state.skipping:
        refuse_step(state, b"", (), _SIMPLE, now)
    return True


def _call(state: State, _asked: FunctionCall, now: float) -> bool:
    if not state.skipping:
        refuse_query(state, b"", (), _SIMPLE, now)
    return True


HANDLERS: Final[dict[type, Callable[..., bool]]] = {
    **asking.HANDLERS,
    Query: _query,
    CopyIn: _copy_in,
    **dict.fromkeys((Prepare, Bind, Describe, Execute, CloseName), _extended),
    FunctionCall: _call,
}
"""Who handles each kind of request on a replication connection, in the place of `asking.HANDLERS`."""
