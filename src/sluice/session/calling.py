"""The fast-path protocol's call of a function by number, ruled upon as the SQL that calls the same function would be.

The server says which function the number is, at the moment of the call. The result cannot be masked, since nothing describes
it: a call whose result would have to be is refused before it runs.
"""

from __future__ import annotations

from sluice.model.decision import Refusal
from sluice.model.waist import FunctionCall
from sluice.session import settling
from sluice.session.dispatch import carry, first_refused, refuse_query, rulings_of, sent_shifting, sent_within
from sluice.session.flights import Flight, Kind
from sluice.session.obligations import oblige
from sluice.session.state import State

_MOST_ARGUMENTS = 100
"""FUNC_MAX_ARGS: the server refuses calls with more."""

_MASKED = Refusal(
    "the result of the call would have to be masked, which the fast-path protocol does not allow",
    "nothing describes its type",
    "call the function by SELECT",
)


def call(state: State, asked: FunctionCall, now: float) -> bool:
    """Handles a FunctionCall; False when it must wait."""
    if state.skipping:
        return True
    if not settling.settled(state) or not settling.drained(state):
        return False
    if state.status == "E":
        refuse_query(state, b"", (), settling.ABORTED, now)
        return True
    if state.called is None:
        settling.inject(state, state.engine.function_sql(asked.oid), "function")
        return False
    if not state.called:
        state.called = None
        refusal = Refusal(f"function with OID {asked.oid} does not exist", hint="look its OID up again", code="42883")
        refuse_query(state, b"", (), refusal, now)
        return True
    text = _as_sql(state.called, asked.arguments)
    understood = settling.understand(state, text)
    if understood is None:
        return False
    rulings = rulings_of(state, understood, text, now, sent_within(state, text, lambda: (asked.raw,)))
    refused = first_refused(state, rulings)
    if refused is None and not all(ruling.clear for ruling in rulings):
        refused = _MASKED
    if refused is None and not oblige(state, rulings):
        return False
    state.called = None
    if refused is not None:
        refuse_query(state, text, rulings, refused, now)
        return True
    carry(state, state.fly(Flight(Kind.CALL)), rulings, asked, text, now)
    sent_shifting(state, understood)
    state.pipeline += 1
    state.in_pipeline = False
    return True


def _as_sql(names: tuple[str, ...], arguments: int) -> bytes:
    called = ".".join('"' + name.replace('"', '""') + '"' for name in names)
    places = ", ".join(f"${place}" for place in range(1, min(arguments, _MOST_ARGUMENTS) + 1))
    return f"select {called}({places})".encode("utf-8", "surrogateescape")
