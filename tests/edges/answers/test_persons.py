"""Whose data was seen by whom: certain where the log has the hashes, and else perhaps; never a no that it cannot know."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from sluice.audit.encode import encode, stamp
from sluice.audit.events import GrantBegan, GrantEnded, Named, StatementDone
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.persons import Subject
from sluice.edges.answers.who_saw import Question, who_saw
from sluice.mask.subjects import SubjectKey, subject_key

from .conftest import ALICE, START, TRAINER, asked

KEY, OLD = subject_key(b"new"), subject_key(b"old")
ADA = "ada@example.com"


def _hash(value: str, key: SubjectKey) -> int:
    return int(key.hashed(value).partition(":")[2], 16)


def named(*values: str, shown: bool = True, more: bool = False, key: SubjectKey = KEY, output: int = 0) -> Named:
    hashes = b"".join(_hash(value, key).to_bytes(8, "big") for value in values)
    return Named(output, ("pii.email",), shown, key.id, base64.b64encode(hashes).decode(), more)


def done(connection: str, n: int, *about: Named, rows: int = 3, outcome: str = "completed", at: float = START) -> bytes:
    subjects = about or msgspec.UNSET
    event = StatementDone(f"{connection}-{n}", n + 1, stamp(at), outcome, rows, 9, (), 7, subjects=subjects)  # type: ignore[arg-type]
    return encode(event)


def _told(
    folder: Path, lines: list[bytes], question: Question | None = None, events: int = 100
) -> dict[str, tuple[bool, bool]]:
    (folder / "audit-000001.jsonl").write_bytes(b"".join(lines))
    catch_up(folder)
    answers = Answers([folder])
    found = who_saw(answers, question or Question(_ada()), events=events)
    assert len({(one["id"], one["certain"]) for one in found}) == len(found)
    return {one["id"]: (one["certain"], one["clear"]) for one in found}


def _ada(*keys: SubjectKey) -> Subject:
    return Subject({key.id: _hash(ADA, key) for key in keys or (KEY, OLD)}, ("pii.email",))


@pytest.mark.parametrize(
    ("about", "rows", "outcome", "told"),
    [
        ((named(ADA, "bob@example.com"),), 2, "completed", (True, True)),
        ((named("ADA@example.com "),), 2, "completed", (True, True)),
        ((named(ADA, shown=False),), 2, "completed", (True, False)),
        ((named(ADA, key=OLD),), 2, "completed", (True, True)),
        ((named("bob@example.com"),), 2, "completed", None),
        ((named(),), 2, "completed", None),
        ((named(more=True),), 2, "completed", (False, True)),
        ((named("bob@example.com", more=True),), 2, "completed", (False, True)),
        # Hashed under a key that is not here, or under two in one statement, or not at all.
        ((named(ADA, key=subject_key(b"gone")),), 2, "completed", (False, True)),
        ((named(key=KEY), named(key=OLD)), 2, "completed", (False, True)),
        ((), 2, "completed", (False, True)),
        # The entry is of another output, so of this one nothing is known.
        ((named("bob@example.com", output=1),), 2, "completed", (False, True)),
        # No row went; how many did, nobody saw; what never ran.
        ((), 0, "completed", None),
        ((), 0, "lost", (False, True)),
        ((), 0, "failed", None),
    ],
)  # fmt: skip
def test_a_person_was_seen_or_may_have_been_or_was_not(folder, about, rows, outcome, told):
    lines = [asked(ALICE, "c1", 1), done("c1", 1, *about, rows=rows, outcome=outcome)]
    assert _told(folder, lines) == ({} if told is None else {"c1-1": told})


def test_a_statement_whose_end_comes_later_is_found_all_the_same(folder):
    path = folder / "audit-000001.jsonl"
    path.write_bytes(asked(ALICE, "c1", 1) + asked(ALICE, "c2", 1))
    catch_up(folder)
    late = [done("c1", 1, named(ADA)), done("c2", 1, named("bob@example.com"))]
    assert _told(folder, [path.read_bytes(), *late]) == {"c1-1": (True, True)}


def test_what_is_masked_for_certain_may_be_clear_elsewhere_in_the_statement(folder):
    lines = [asked(ALICE, "c1", 1), done("c1", 1, named(ADA, shown=False, output=1), named(more=True))]
    (folder / "audit-000001.jsonl").write_bytes(b"".join(lines))
    catch_up(folder)
    found = who_saw(Answers([folder]), Question(_ada()), events=9)
    assert {(one["certain"], one["clear"]) for one in found} == {(True, False), (False, True)}


def test_answers_about_a_person_are_narrowed_and_summed(folder):
    lines = [
        asked(ALICE, "c1", 1), done("c1", 1, named(ADA)), asked(TRAINER, "c2", 1, mask="hash", source="lake"),
        done("c2", 1, named(ADA, shown=False)), asked(ALICE, "c3", 1), done("c3", 1, named(more=True), rows=500),
    ]  # fmt: skip
    assert set(_told(folder, lines)) == {"c1-1", "c2-1", "c3-1"}
    assert set(_told(folder, lines, Question(_ada(), clear=True))) == {"c1-1", "c3-1"}
    assert set(_told(folder, lines, Question(_ada(), clear=False))) == {"c2-1"}
    assert set(_told(folder, lines, Question(_ada(), source="lake"))) == {"c2-1"}
    assert set(_told(folder, lines, Question(_ada(), who="dana"))) == {"c2-1"}
    summed = who_saw(Answers([folder]), Question(_ada()))
    assert [(one["who"], one["certain"], one["clear"], one["masks"], one["rows"]) for one in summed] == [
        ("alice", True, True, None, 3),
        ("trainer", True, False, ["hash"], 3),
        ("alice", False, True, None, 500),
    ]


def test_a_hash_alone_is_found_wherever_it_stands_and_a_label_only_in_its_own(folder):
    lines = [asked(ALICE, "c1", 1), done("c1", 1, named(ADA))]
    phones = Subject({KEY.id: _hash(ADA, KEY)}, ("pii.phone",))
    assert _told(folder, lines, Question(phones)) == {}
    assert _told(folder, lines, Question(Subject(phones.hashes, ("pii.phone",), strict=False))) == {
        "c1-1": (True, True)
    }
    below = Subject({KEY.id: _hash(ADA, KEY)}, ("pii",))
    assert _told(folder, lines, Question(below)) == {"c1-1": (True, True)}


def test_what_was_lent_at_the_time_stands_with_who_approved_it(folder):
    day = 86_400.0

    def lent(name: str, kind: str, by: tuple[str, ...], at: float) -> bytes:
        ends = stamp(at + day)
        return encode(GrantBegan(name, stamp(at), name, kind, "user:dana", "lake", "dba", "why", "r", by, ends))  # type: ignore[arg-type]

    lines = [
        lent("g-1", "grant", ("erin",), START), lent("b-2", "break-glass", (), START + 2 * day),
        encode(GrantEnded("e", stamp(START + 2 * day + 60), "b-2", "user:dana", "lake", "dba", "erin")),
    ]  # fmt: skip
    for number, at in enumerate((START + 5, START + day + 5, START + 2 * day + 5, START + 2 * day + 65), 1):
        lines += [asked(TRAINER, f"c{number}", 1, source="lake", at=at), done(f"c{number}", 1, at=at)]
    lines += [asked(TRAINER, "c9", 1, at=START + 5), done("c9", 1, at=START + 5)]
    (folder / "audit-000001.jsonl").write_bytes(b"".join(lines))
    catch_up(folder)
    events = who_saw(Answers([folder]), Question("pii.email"), events=9)
    grant, opening = "grant g-1 of dba approved by erin", "break-glass b-2 of dba"
    assert {one["id"]: one["grants"] for one in events} == {
        "c1-1": [grant],
        "c2-1": [],
        "c3-1": [opening],
        "c4-1": [],
        "c9-1": [],
    }
    summed = {one["source"]: one for one in who_saw(Answers([folder]), Question("pii.email"))}
    assert (summed["lake"]["grants"], summed["shop"]["grants"]) == ([grant, opening], [])
    assert (summed["lake"]["statements"], summed["lake"]["rows"]) == (4, 12)
    persons = who_saw(Answers([folder]), Question(_ada()), events=9)
    assert [one["grants"] for one in persons if one["id"] == "c1-1"] == [[grant]]
