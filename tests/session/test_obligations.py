"""A read-only transaction, a time limit: asked of the server and of the clock, never of the client's text."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import pytest
from test_lane import CLIENTS, Play

from sluice.engines.postgres.engine import POSTGRES
from sluice.model.decision import Obligations
from sluice.session import effects as fx
from sluice.session.events import ClientBytes
from sluice.session.obligations import check_clock, oblige, start_clock
from sluice.session.rulings import Ruling
from sluice.session.state import State, Wait


@pytest.fixture
def play() -> Play:
    return Play(POSTGRES)


def _ruling(play: Play, duties: Obligations) -> Ruling:
    play.happens(ClientBytes(CLIENTS[0](1), 2.0))
    run = play.session._state.flights[0].runs[0]
    run.ruling = copy(run.ruling)
    run.ruling.decision = replace(run.ruling.decision, obligations=duties)
    return run.ruling


def _idle(play: Play) -> State:
    state = play.session._state
    state.flights.clear()
    return state


def test_a_read_only_statement_waits_until_the_server_is_so(play: Play) -> None:
    ruling = _ruling(play, Obligations(read_only=True))
    state = _idle(play)
    assert not oblige(state, [ruling])
    assert state.wait is Wait.OWN and b"default_transaction_read_only = on" in state.sending[0].data
    assert state.read_only


def test_what_the_server_is_already_is_not_asked_for_again(play: Play) -> None:
    ruling = _ruling(play, Obligations(read_only=True))
    state = _idle(play)
    state.read_only = True
    assert oblige(state, [ruling])
    assert state.sending == []


def test_inside_a_transaction_that_very_transaction_is_made_read_only(play: Play) -> None:
    ruling = _ruling(play, Obligations(read_only=True))
    state = _idle(play)
    state.status = "T"
    assert not oblige(state, [ruling])
    assert b"set transaction read only" in state.sending[0].data
    assert state.transaction_read_only


def test_a_statement_past_its_time_is_cancelled_until_that_is_heard(play: Play) -> None:
    _ruling(play, Obligations(statement_timeout_ms=500))
    state = play.session._state
    run = state.flights[0].runs[0]
    start_clock(state, run, 10.0)
    assert state.also == [fx.WakeAt(10.5)]
    check_clock(state, 10.4)
    assert not run.timed_out
    check_clock(state, 10.5)
    assert run.timed_out and fx.CancelUpstream() in state.also
    check_clock(state, 11.5)
    assert state.also.count(fx.CancelUpstream()) == 2
