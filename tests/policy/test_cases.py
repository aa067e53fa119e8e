"""Every case in cases/*.yaml: policies, labels and a request, and the decision they must give."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.policy.decide import decide, explain

from .casework import cases, setting, shown

CASES = cases()


@pytest.mark.parametrize(("document", "case"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_a_case_is_decided_as_written(document: dict[str, Any], case: dict[str, Any]) -> None:
    request, snapshot = setting(document, case)
    found = shown(decide(request, snapshot))
    assert {key: found[key] for key in case["expect"]} == case["expect"]


@pytest.mark.parametrize(("document", "case"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_explaining_gives_the_same_decision_and_every_deciding_policy(
    document: dict[str, Any], case: dict[str, Any]
) -> None:
    request, snapshot = setting(document, case)
    explanation = explain(request, snapshot)
    assert explanation.decision == decide(request, snapshot)
    named = {name for asked in explanation.asked for name in (*asked.policies, *asked.errors)}
    assert set(explanation.decision.policies) <= named
