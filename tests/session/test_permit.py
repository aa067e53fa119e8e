"""Permits exist only for what is allowed and recorded."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.decision import Decision, Refusal
from sluice.session.permit import Permit, PermitDenied, Receipt, mint, mint_all, mint_internal, mint_refusal

ALLOW = Decision("allow", ("readers",))
HELD = Receipt(("c-1", "c-2"), synced=False)


def test_an_allowed_and_recorded_statement_gets_a_permit() -> None:
    permit = mint(ALLOW, HELD, "c-2")
    assert (permit.event_id, permit.reason) == ("c-2", "statement")


@pytest.mark.parametrize("outcome", ["refuse", "hold"])
def test_a_decision_that_does_not_allow_gets_no_permit(outcome: str) -> None:
    with pytest.raises(PermitDenied, match="does not allow"):
        mint(Decision(outcome, refusal=Refusal("no")), HELD, "c-1")  # type: ignore[arg-type]


@given(st.text(max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_a_permit_exists_exactly_when_the_receipt_covers_the_event(event_id: str, held: list[str]) -> None:
    receipt = Receipt(tuple(held), synced=True)
    for attempt in (lambda: mint(ALLOW, receipt, event_id), lambda: mint_refusal(receipt, event_id)):
        if event_id and event_id in held:
            assert attempt().event_id == event_id
        else:
            with pytest.raises(PermitDenied, match="does not cover"):
                attempt()


@given(st.lists(st.sampled_from(["allow", "refuse", "hold"]), max_size=3), st.integers(0, 3), st.booleans())
def test_permits_for_several_exist_exactly_when_each_would(outcomes: list[str], count: int, same: bool) -> None:
    ids = tuple(f"c-{number}" for number in range(count))
    receipt = Receipt(ids if same else (*ids, "c-9"), synced=False)
    decisions = [Decision(outcome) for outcome in outcomes]  # type: ignore[arg-type]
    if len(ids) != len(outcomes):
        with pytest.raises((PermitDenied, ValueError)):
            mint_all(decisions, receipt, ids)
    elif set(outcomes) <= {"allow"}:
        assert [permit.event_id for permit in mint_all(decisions, receipt, ids)] == list(ids)
    else:
        with pytest.raises(PermitDenied, match="does not allow"):
            mint_all(decisions, receipt, ids)


def test_a_refusal_has_its_own_reason() -> None:
    assert mint_refusal(HELD, "c-1").reason == "refusal"


@pytest.mark.parametrize("reason", ["", "statement"])
def test_an_internal_message_cannot_pass_for_a_statement(reason: str) -> None:
    with pytest.raises(PermitDenied):
        mint_internal(reason)


def test_an_internal_permit_says_why_and_carries_no_event() -> None:
    permit = mint_internal("catalog")
    assert (permit.event_id, permit.reason) == ("", "catalog")


def test_a_permit_cannot_be_constructed_copied_or_pickled() -> None:
    with pytest.raises(PermitDenied, match="minted"):
        Permit(object(), "c-1", "statement")
    permit = mint(ALLOW, HELD, "c-1")
    for trick in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(PermitDenied):
            trick(permit)


def test_a_permit_and_a_receipt_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        mint(ALLOW, HELD, "c-1").event_id = "c-9"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        HELD.more = 1  # type: ignore[attr-defined]
