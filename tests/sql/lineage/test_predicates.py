"""Compared with a constant, with another column, or in any other way."""

from __future__ import annotations

import pytest
from small import uses


@pytest.mark.parametrize(
    ("where", "made"),
    [
        ("ssn = 'x'", ["ssn lookup"]),
        ("ssn in ('x', 'y')", ["ssn lookup"]),
        ("'x' = ssn", ["ssn lookup"]),
        ("ssn = email", ["email join", "ssn join"]),
        ("ssn <> 'x'", ["ssn filter"]),
        ("ssn like 'x%'", ["ssn filter"]),
        ("upper(ssn) = 'x'", ["ssn filter"]),
        ("ssn is null", ["ssn filter"]),
        ("not ssn = 'x'", ["ssn filter"]),
        ("ssn = 'x' or salary > 5", ["salary filter", "ssn lookup"]),
        ("(ssn, salary) = ('x', 5)", ["salary filter", "ssn filter"]),
    ],
)
def test_a_condition_uses_columns_as_it_compares_them(where: str, made: list[str]) -> None:
    assert uses(f"select 1 from people where {where}") == made


@pytest.mark.parametrize(
    "tail", ["order by ssn", "group by ssn", "order by upper(ssn)", "limit (select salary from people)"]
)
def test_what_shapes_a_result_is_a_filter(tail: str) -> None:
    assert [use.partition(" ")[2] for use in uses(f"select 1 from people {tail}")] == ["filter"]
