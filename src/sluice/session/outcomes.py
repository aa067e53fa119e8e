"""What a statement that succeeded leaves behind in the session: names, labels taken on, transactions ended."""

from __future__ import annotations

from sluice.session import settling
from sluice.session.flights import Run
from sluice.session.names import Portal, Prepared
from sluice.session.state import State
from sluice.sql.span import SessionEffect, Span

_READ_ONLY = frozenset({"*", "default_transaction_read_only", "transaction_read_only"})


def succeeded(state: State, run: Run, tag: str) -> None:
    """Applies the effects of a completed statement."""
    span = run.ruling.span
    for effect in span.effects:
        _apply(state, run, span, effect)
    if tag == "ROLLBACK":
        if not any(effect.kind == "rollback-to" for effect in span.effects):
            state.uncommitted.clear()
            state.inheriting.clear()
        settling.transaction_ended(state, rolled_back_to=True)
    if run.ruling.decision.inherits:
        state.inheriting.extend(run.ruling.decision.inherits)
        state.unsettled.add("catalog")


def _apply(state: State, run: Run, span: Span, effect: SessionEffect) -> None:
    kind, name = effect.kind, effect.args[0] if effect.args else ""
    if kind == "prepare":
        state.statements.put(name, _inner(state, run, span, name))
    elif kind == "declare":
        state.portals.put(
            name, Portal(_inner(state, run, span, name), settling.inside(span), approval=run.ruling.approval)
        )
    elif kind == "deallocate":
        _forget(state, "S", name)
    elif kind == "close":
        _forget(state, "P", name)
    elif kind == "discard" and name == "all":
        _forget(state, "S", "*")
        _forget(state, "P", "*")
        state.read_only = False
    elif kind in ("set", "reset") and name in _READ_ONLY:
        # What Sluice had set is undone: it is to be set again before the next statement that needs it.
        state.read_only = state.transaction_read_only = False
    elif kind == "rollback-to":
        settling.transaction_ended(state, rolled_back_to=True)


def _inner(state: State, run: Run, span: Span, name: str) -> Prepared:
    return Prepared(settling.inside(span), run.text, under=state.analyses, inner=name)


def _forget(state: State, kind: str, name: str) -> None:
    book = state.statements if kind == "S" else state.portals
    if name == "*":
        book.clear()
    else:
        book.put(name, None)
