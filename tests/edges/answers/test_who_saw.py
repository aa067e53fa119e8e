"""Who received what, by label, column and table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sluice.audit.events import Approved, Assent
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.who_saw import Question, who_saw

from .conftest import ALICE, START, asked, done


@pytest.fixture
def answers(folder: Path) -> Answers:
    catch_up(folder)
    return Answers([folder])


def _told(answers: Answers, question: Question) -> list[tuple[object, ...]]:
    return [
        (
            one["who"],
            one["on_behalf_of"],
            one["source"],
            one["purpose"],
            one["clear"],
            one["masks"],
            one["statements"],
            one["rows"],
        )
        for one in who_saw(answers, question)
    ]


CLEAR = ("alice", None, "shop", "ticket", True, None, 2, 12)
MASKED = ("alice", None, "shop", "", False, ["email"], 1, 2)
AGENT = ("trainer", "dana", "lake", "ticket", False, ["hash"], 1, 100)


@pytest.mark.parametrize(
    "what", ["pii.email", "pii", "public.customers.email", "customers.email", "email", "public.customers"]
)
def test_clear_and_masked_are_told_apart_and_refused_or_empty_is_not_seen(answers: Answers, what: str) -> None:
    assert _told(answers, Question(what)) == [CLEAR, AGENT, MASKED]
    assert _told(answers, Question(what, clear=True)) == [CLEAR]
    assert _told(answers, Question(what, clear=False)) == [AGENT, MASKED]


def test_an_answer_can_be_narrowed(answers: Answers) -> None:
    assert _told(answers, Question("pii", source="lake")) == [AGENT]
    assert _told(answers, Question("pii", who="dana")) == [AGENT]
    later = datetime.fromtimestamp(START, UTC) + timedelta(hours=1)
    assert _told(answers, Question("pii", since=later)) == [("alice", None, "shop", "ticket", True, None, 1, 7)]
    assert _told(answers, Question("pii", until=later, clear=True)) == [
        ("alice", None, "shop", "ticket", True, None, 1, 5)
    ]
    assert _told(answers, Question("pii.phone")) == []
    assert _told(answers, Question("pi")) == []


def test_the_statements_behind_an_answer_are_named(answers: Answers) -> None:
    assert who_saw(answers, Question("pii", clear=True))[0]["newest"] == "c1-4"
    events = who_saw(answers, Question("pii", clear=True), events=10)
    assert [(one["id"], one["rows"], one["policies"]) for one in events] == [
        ("c1-4", 7, ["support-reads"]),
        ("c1-2", 5, ["support-reads"]),
    ]


def test_what_was_approved_says_by_whom(folder: Path) -> None:
    twice = Approved("r-1", (Assent("dana", ("dba",), "incident 7", "cli"), Assent("erin", ("dba",))))
    with (folder / "audit-000001.jsonl").open("ab") as log:
        for n, approval in ((1, twice), (3, Approved("r-2", (Assent("dana"),))), (5, msgspec.UNSET)):
            log.write(
                # Each a little before the last: their order is by time alone.
                asked(ALICE, "c9", n, column="public.cards.pan", label="pci.pan", approval=approval, at=START - n)
                + done("c9", n)
            )
    catch_up(folder)
    answers = Answers([folder])
    (summed,) = who_saw(answers, Question("pci.pan"))
    assert (summed["statements"], summed["approved_by"]) == (3, ["dana", "erin"])
    assert [
        (one["id"], one["approval"], one["approved_by"]) for one in who_saw(answers, Question("pci.pan"), events=9)
    ] == [
        ("c9-1", "r-1", ["dana", "erin"]),
        ("c9-3", "r-2", ["dana"]),
        ("c9-5", None, []),
    ]
    assert answers.rows("select id from statements where approval = 'r-2'")[1] == [("c9-3",)]
    assert who_saw(answers, Question("pii", clear=True))[0]["approved_by"] == []


def test_a_question_holds_no_sql(answers: Answers) -> None:
    assert _told(answers, Question("pii' or true --", source="' or true --")) == []


def test_logs_of_several_writers_are_answered_from_together(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = (folder / "audit-000001.jsonl").read_bytes()
    (other / "audit-000001.jsonl").write_bytes(
        text.replace(b'"c1', b'"w1').replace(b'"c2', b'"w2').replace(b'"c3', b'"w3')
    )
    for one in (folder, other):
        catch_up(one)
    assert _told(Answers([folder, other]), Question("pii", clear=True)) == [
        ("alice", None, "shop", "ticket", True, None, 4, 24)
    ]
