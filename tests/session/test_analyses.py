"""What is remembered of statements, and how those of one message stand to each other."""

from __future__ import annotations

import pytest
from test_lane import CATALOG

from sluice.engines.postgres.engine import POSTGRES
from sluice.session.analyses import BLIND, Analyses, Understood, respelt
from sluice.sql.lineage import Context
from sluice.sql.span import Confidence


@pytest.fixture
def analyses() -> Analyses:
    return Analyses(POSTGRES, CATALOG, Context(search_path=("pg_catalog", "public"), user="ada", lower=POSTGRES.lower))


def _understood(analyses: Analyses, text: str) -> Understood:
    return analyses.understand(text.encode(), POSTGRES.lower(text), {}, {})


def test_a_statement_is_known_again_whatever_its_literals_where_none_matters(analyses: Analyses) -> None:
    kept = _understood(analyses, "select ssn from people where id = 1")
    assert analyses.recall(b"select ssn from people where id = 2") is kept
    assert analyses.recall(b"select name from people where id = 1") is None


def test_where_a_literal_matters_only_the_very_text_is_known_again(analyses: Analyses) -> None:
    kept = _understood(analyses, "select id from people order by 1")
    assert analyses.recall(b"select id from people order by 1") is kept
    assert analyses.recall(b"select id from people order by 2") is None


@pytest.mark.parametrize("text", ["execute p", "fetch all from c"])
def test_what_names_a_kept_statement_is_never_remembered(analyses: Analyses, text: str) -> None:
    assert not _understood(analyses, text).lasting
    assert analyses.recall(text.encode()) is None


@pytest.mark.parametrize(
    "first", ["set search_path = other", "alter table people rename to persons", "set role app", "discard all"]
)
def test_what_follows_a_statement_that_shifts_names_is_not_understood(analyses: Analyses, first: str) -> None:
    spans = _understood(analyses, f"{first}; select ssn from people").spans
    assert spans[1].confidence is Confidence.OPAQUE and BLIND in spans[1].reasons


def test_what_follows_an_ordinary_statement_is(analyses: Analyses) -> None:
    spans = _understood(analyses, "select 1; set work_mem = '8MB'; select ssn from people").spans
    assert [span.confidence for span in spans] == [Confidence.EXACT] * 3


def test_a_name_that_nothing_has_is_told_apart(analyses: Analyses) -> None:
    assert _understood(analyses, "select * from nothing").unknown
    assert not _understood(analyses, "select * from people").unknown


def test_settings_by_which_bytes_are_read_are_told_apart(analyses: Analyses) -> None:
    assert respelt(_understood(analyses, "set client_encoding = 'LATIN1'").spans)
    assert not respelt(_understood(analyses, "set work_mem = '8MB'").spans)
