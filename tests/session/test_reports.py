"""Which of its parameters the server may report: what code may have put into one is not said to the client."""

from __future__ import annotations

import pytest

from sluice.session.reports import FEW_WORDS, Reports
from sluice.sql.span import Confidence, SessionEffect, Span

START = {"application_name": "shop", "TimeZone": "UTC", "DateStyle": "ISO, MDY"}
PLAIN = Span("set", "session", Confidence.EXACT, effects=(SessionEffect("set", ("application_name",)),))
ENDS = Span("rollback", "session", Confidence.EXACT, effects=(SessionEffect("rollback"),))
RUNS_CODE = Span("insert", "write", Confidence.PARTIAL, runs_code=True)
OPAQUE = Span("select", "read", Confidence.OPAQUE, functions=frozenset({"public.steal"}))


def test_what_the_client_itself_set_is_reported() -> None:
    assert Reports(START).may_pass("application_name", "billing", [PLAIN])


@pytest.mark.parametrize("span", [RUNS_CODE, OPAQUE], ids=["a trigger", "a function"])
def test_what_code_may_have_set_is_not(span: Span) -> None:
    reports = Reports(START)
    assert not reports.may_pass("application_name", "900-10-1234", [span])
    assert not reports.may_pass("application_name", "900-10-1234", [PLAIN, span])
    reports.since.append(span)
    assert not reports.may_pass("application_name", "900-10-1234", [PLAIN])


def test_what_was_there_at_the_start_is_reported_whatever_ran() -> None:
    assert Reports(START).may_pass("TimeZone", "UTC", [RUNS_CODE])


def test_the_end_of_a_transaction_brings_back_only_what_was_heard_before() -> None:
    reports = Reports(START)
    assert not reports.may_pass("application_name", "billing", [ENDS])
    assert reports.may_pass("application_name", "billing", [PLAIN])
    assert reports.may_pass("application_name", "billing", [ENDS])
    assert not reports.may_pass("application_name", "900-10-1234", [PLAIN, ENDS])


def test_a_report_that_belongs_to_no_statement_is_not_passed_on() -> None:
    assert not Reports(START).may_pass("application_name", "900-10-1234", [])


@pytest.mark.parametrize("name", sorted(FEW_WORDS))
def test_a_parameter_of_few_values_is_always_reported(name: str) -> None:
    assert Reports(START).may_pass(name.upper(), "on", [RUNS_CODE])
