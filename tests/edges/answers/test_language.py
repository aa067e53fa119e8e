"""What is asked in words is what is found, and no word is SQL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.language import QueryError, condition, moment

from .conftest import some

NOW = datetime(2026, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder: Path = tmp_path_factory.mktemp("log")
    (folder / "audit-000001.jsonl").write_bytes(some())
    catch_up(folder)
    return Answers([folder])


def _ids(answers: Answers, words: str) -> list[str]:
    where, values = condition(words, NOW)
    return [row[0] for row in answers.rows(f"select id from statements where {where} order by id", values)[1]]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("", ["c1-2", "c1-4", "c1-6", "c2-1", "c2-3", "c3-1", "c3-3"]),
        ("who:trainer", ["c2-1", "c2-3"]),
        ("who:tr* -outcome:refuse", ["c2-1"]),
        ("who:alice,trainer rows>=40", ["c2-1", "c3-3"]),
        ("rows>5 rows<=7", ["c1-4"]),
        ("on-behalf-of:dana outcome:refuse", ["c2-3"]),
        ("label:pii hidden:pii.email", ["c1-6", "c2-1"]),
        ("-label:pii", ["c3-3"]),
        ("table:orders", ["c3-3"]),
        ("table:public.cust*  -who:alice", ["c2-1", "c2-3"]),
        ("policy:support-reads group:support amount", ["c3-3"]),
        ("AMOUNT", ["c3-3"]),
        ("-customers", ["c3-3"]),
        ("'from public.customers' purpose:ticket source:shop rows:5", ["c1-2"]),
        ("since:2026-09-22T00:00", ["c1-4"]),
        ("since:1d", []),
        ("until:2026-09-22 rows:7", []),
    ],
)
def test_words_find_what_they_say(answers: Answers, words: str, ids: list[str]) -> None:
    assert _ids(answers, words) == ids


@pytest.mark.parametrize(
    "words", ["colour:red", "rows:many", "rows>1.5", "since:yesterday", "who>3", "'open", "rows>", "since>3"]
)
def test_what_is_not_understood_is_said(answers: Answers, words: str) -> None:
    if words == "rows>":
        assert _ids(answers, words) == []
        return
    with pytest.raises(QueryError):
        condition(words, NOW)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=25), st.sampled_from(["", "who:", "-table:", "label:", "policy:", "text "]))
def test_no_word_is_sql(answers: Answers, text: str, field: str) -> None:
    try:
        where, values = condition(field + text, NOW)
    except QueryError:
        return
    answers.rows(f"select count(*) from statements where {where}", values)


def test_a_time_is_so_long_ago_or_a_date() -> None:
    assert moment("36h", NOW) == datetime(2026, 9, 28, 12, tzinfo=UTC)
    assert moment("2026-01-31", NOW) == datetime(2026, 1, 31, tzinfo=UTC)
    assert moment("2026-01-31T09:30+02:00", NOW) == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)
