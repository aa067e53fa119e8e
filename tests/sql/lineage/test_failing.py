"""Whether a statement succeeds is seen by everybody: what may fail by a value is a condition on it."""

from __future__ import annotations

import pytest
from small import uses


@pytest.mark.parametrize("output", ["ssn::int", "1 / salary", "salary * 2", "(doc ->> 'a')::int"])
def test_what_may_fail_by_a_value_is_a_condition_on_it(output: str) -> None:
    assert [use.partition(" ")[2] for use in uses(f"select {output} from people")] == ["filter"]


@pytest.mark.parametrize(
    "output", ["ssn", "ssn::text", "ssn || 'x'", "upper(ssn)", "doc -> 'a'", "salary::text", "ssn = 'x'"]
)
def test_what_succeeds_whatever_it_is_given_is_none(output: str) -> None:
    assert uses(f"select {output} from people") == []
