"""What is written where, what of it is looked up by that, and how far a change is held down."""

from __future__ import annotations

import pytest
from small import said, uses


@pytest.mark.parametrize(
    "sql",
    [
        "insert into people (email) values ('x')",
        "insert into people (email) values ('x') on conflict do nothing",
        "insert into people (email) select 'x'",
        "update people set email = 'x' where id = 1",
        "merge into people p using (values (1)) v(id) on p.id = v.id when not matched then insert (email) values ('x')",
        "copy people (email) from stdin",
    ],
)
def test_writing_a_key_looks_it_up(sql: str) -> None:
    assert "email lookup" in uses(sql)


def test_a_column_that_is_no_key_is_not_looked_up_by_writing_it() -> None:
    assert uses("insert into people (ssn) values ('x')") == []
    assert uses("copy people (ssn) from stdin") == []


def test_a_key_written_as_it_stands_tells_nothing() -> None:
    assert uses("update people set email = email where id = 1") == ["id lookup"]


def test_a_key_of_a_partition_is_looked_up_through_the_whole() -> None:
    assert uses("insert into whole values ('x')") == ["code lookup"]


def test_a_trigger_may_have_changed_what_names_mean() -> None:
    kinds = [effect.kind for effect in said("insert into watched values (1)").effects]
    assert kinds == ["context"]
    assert said("insert into people (ssn) values ('x')").effects == ()


@pytest.mark.parametrize(
    ("where", "held"),
    [
        ("", False),
        ("where true", False),
        ("where id = id", False),
        ("where id = 1", True),
        ("where id = 1 or true", False),
    ],
)
def test_a_change_is_held_down_by_a_condition_on_its_own_columns(where: str, held: bool) -> None:
    assert said(f"delete from people {where}").bounded is held
    assert said(f"update people set ssn = 'x' {where}").bounded is held
