"""Statements that are no queries, and what code that ran before does to them."""

from __future__ import annotations

import pytest
from small import said

from sluice.sql.span import Confidence

TELLING = [
    "show application_name",
    "show search_path",
    "select current_setting('application_name')",
    "select current_setting('SEARCH_PATH', true)",
]


@pytest.mark.parametrize("sql", TELLING)
def test_a_setting_of_any_text_is_plain_until_code_has_run(sql: str) -> None:
    assert said(sql).confidence is Confidence.EXACT
    assert said(sql, stained=True).confidence is Confidence.OPAQUE


@pytest.mark.parametrize(
    "sql", ["show work_mem", "select current_setting('server_version')", "set application_name = 'x'"]
)
def test_other_settings_stay_plain(sql: str) -> None:
    assert said(sql, stained=True).confidence is Confidence.EXACT


def test_a_plan_with_its_settings_may_hold_one() -> None:
    (shown,) = said("explain (settings, costs off) select 1", stained=True).outputs or ()
    (clear,) = said("explain (costs off) select 1", stained=True).outputs or ()
    assert (shown.opaque, clear.opaque) == (True, False)


def test_a_statement_that_defines_says_that_the_catalog_changed() -> None:
    assert "catalog" in {effect.kind for effect in said("create table t (a int)").effects}


def test_explain_runs_nothing_and_explain_analyze_does() -> None:
    assert said("explain delete from people").actions == {"read"}
    assert "destroy" in said("explain analyze delete from people").actions
