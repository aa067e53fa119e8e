"""Budgets: values in clear pass only as far as they are paid for; what goes over is masked from there on, or ends the result.

The shared counts are the runtime's. A session that lacks a lease asks for one and holds its rows back until it hears.
"""

from __future__ import annotations

from sluice.model.decision import Refusal
from sluice.model.waist import Rows
from sluice.session import delivering
from sluice.session import effects as fx
from sluice.session.flights import Run
from sluice.session.rulings import Ruling
from sluice.session.state import State

_SPENT = "as many values were shown as a budget allows for now"
_HINT = "run it again later, or leave the column out"


def refresh(state: State, now: float) -> None:
    """Before statements are ruled upon: what is spent by now, and what is again to be had."""
    spent = state.purse.spent(now)
    if spent != state.past.spent:
        state.past = state.past._replace(spent=spent)


def reserve(state: State, ruling: Ruling, now: float) -> None:
    """Leases ahead for a statement that is sent, so that its rows need not wait."""
    wanted = state.purse.low(ruling.decision.costs, now)
    if wanted:
        state.also.append(fx.Lease(wanted))


def rows(state: State, run: Run, answered: Rows, now: float) -> bool:
    """Passes rows on as far as they are paid for; False when they do not fit their shape."""
    ruling = run.ruling if run.shape is None else run.shape.ruling
    costs = ruling.decision.costs
    if not costs or run.swallow:
        return delivering.rows(state, run, answered)
    purse, count = state.purse, state.engine.count(answered.raw)
    lacking = purse.short(costs, count, now)
    if not lacking:
        purse.spend(costs, count, now)
        reserve(state, ruling, now)
        return delivering.rows(state, run, answered)
    if not all(purse.is_dry(want.cost, now) for want in lacking):
        state.also.append(fx.Lease(tuple(want for want in lacking if not purse.is_dry(want.cost, now))))
        state.held_rows.append(answered)
        return True
    return _spent(state, run, ruling, answered, now)


def _spent(state: State, run: Run, ruling: Ruling, answered: Rows, now: float) -> bool:
    """The budget ends within these rows."""
    costs, raw = ruling.decision.costs, answered.raw
    paid = state.purse.affordable(costs, now)
    if answered.copy:
        # The masks of a COPY are fixed when it starts, since its rows may be cut anywhere.
        state.fatal(Refusal(_SPENT, hint=_HINT))
        return True
    head = state.engine.head(raw, paid)
    if paid:
        state.purse.spend(costs, paid, now)
        if not delivering.rows(state, run, Rows(head, answered.copy)):
            return False
    # Whatever is left is less than a row's worth, and nobody is to have it.
    refresh(state, now)
    short = {(cost.who, cost.label) for cost in costs if state.purse.affordable((cost,), now) == 0}
    state.past = state.past._replace(spent=state.past.spent | short)
    if any(cost.cuts for cost in costs if (cost.who, cost.label) in short):
        run.swallow = True
        named = ", ".join(ruling.decision.policies)
        said = Refusal(f"the result was cut: {_SPENT}", f"budget set by policy {named}", _HINT, "01000")
        state.say(state.engine.voice.report(said, "WARNING"))
        return True
    delivering.reshape(state, run, now)
    return state.closed or rows(state, run, Rows(raw[len(head) :], answered.copy), now)
