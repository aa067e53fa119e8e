"""A comment chooses among the purposes that the identity has, and adds none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_lane import Play

from sluice.engines.postgres.engine import POSTGRES
from sluice.session.purposes import purpose_of
from sluice.session.state import State


@pytest.fixture
def state() -> State:
    state = Play(POSTGRES).session._state
    state.caller.purpose = "support"
    state.caller.identity = replace(state.caller.identity, purposes=frozenset({"support", "ticket desk"}))
    return state


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        (b"select 1", "support"),
        (b"select 1 /* purpose='ticket%20desk' */", "ticket desk"),
        (b"/* a='b', purpose='ticket desk' */ select 1", "ticket desk"),
        (b"select 1 /* purpose='incident' */", "support"),
        (b"select 1 /* purpose='' */", "support"),
        (b"select 'purpose=''ticket desk'''", "support"),
        (b"select 1 /* purpose=ticket */", "support"),
        (b"select 1 /* purpose='\xff' */", "support"),
    ],
)
def test_a_comment_chooses_among_the_purposes_one_has(state: State, text: bytes, purpose: str) -> None:
    assert purpose_of(state, text) == purpose


def test_who_is_bound_to_no_purposes_may_state_any(state: State) -> None:
    state.caller.identity = replace(state.caller.identity, purposes=None)
    assert purpose_of(state, b"select 1 /* purpose='incident' */") == "incident"
