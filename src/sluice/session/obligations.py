"""What policy asks of an allowed statement besides masks: a read-only transaction, a time limit, a row limit.

Read-only is the server's own enforcement, set by Sluice's statement before the client's; the time limit is a cancel request
from outside; the row limit cuts the result. None of them changes the client's text.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.session import effects as fx
from sluice.session import settling
from sluice.session.flights import Run
from sluice.session.rulings import Ruling
from sluice.session.state import State

_ALWAYS = "set default_transaction_read_only = on"
_AGAIN = "reset default_transaction_read_only"
_NOW = "set transaction read only"
AGAIN_SECONDS = 1.0


def oblige(state: State, rulings: Sequence[Ruling]) -> bool:
    """Brings the server's transaction mode to what the rulings demand; False: that is under way, come again."""
    wanted = False
    for ruling in rulings:
        wanted = wanted or ruling.decision.obligations.read_only
    if wanted == state.read_only and (not wanted or state.status == "I" or state.transaction_read_only):
        return True
    if not settling.drained(state):
        return False
    if state.status == "E":
        return True
    if state.status == "T" or state.in_pipeline:
        if not wanted or state.transaction_read_only:
            return True
        state.transaction_read_only = True
        settling.inject(state, _NOW, "obligation")
        return False
    state.read_only = wanted
    settling.inject(state, _ALWAYS if wanted else _AGAIN, "obligation")
    return False


def start_clock(state: State, run: Run, now: float) -> None:
    """Asks to be woken when a statement with a time limit has had its time."""
    limit = run.ruling.decision.obligations.statement_timeout_ms
    if limit is not None:
        run.deadline = now + limit / 1000
        state.also.append(fx.WakeAt(run.deadline))


def check_clock(state: State, now: float) -> None:
    """Cancels the running statement when its time is up."""
    for flight in state.flights:
        run = flight.run
        if run is not None and run.deadline is not None and not run.over and now >= run.deadline:
            run.timed_out = True
            # A request to cancel is lost when the server has not begun yet, so it is said until it is heard.
            run.deadline = now + AGAIN_SECONDS
            state.also += [fx.CancelUpstream(), fx.WakeAt(run.deadline)]
            return
