"""What is added up week by week answers as the statements themselves do, whatever a question begins and ends with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from sluice.audit.events import Caller
from sluice.edges.answers import index
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.who_saw import Question, who_saw

from .conftest import ALICE, START, TRAINER, asked, done

BOB = Caller("user", "bob", (), "scram")
DAY = 86_400.0
LABELS = ("pii.email", "pii.phone", "pci.pan", "")
ENDS = ("completed", "completed", "completed", "completed", "cut", "failed", "skipped", "")


@dataclass(frozen=True)
class Told:
    who: Caller
    connection: str
    n: int
    label: str
    mask: str
    source: str
    outcome: str
    ended: str
    rows: int
    at: float

    def lines(self) -> tuple[bytes, bytes]:
        begin = asked(
            self.who, self.connection, self.n, mask=self.mask, label=self.label, source=self.source, outcome=self.outcome,
            at=self.at,
        )  # fmt: skip
        if self.outcome != "allow" or not self.ended:
            return begin, b""
        return begin, done(self.connection, self.n, self.rows, self.ended, at=self.at + 1)

    @property
    def reached(self) -> bool:
        """Whether anything of it reached somebody, as far as the log tells."""
        return self.outcome == "allow" and self.ended not in ("failed", "skipped") and (self.rows > 0 or not self.ended)


def history(seed: int, count: int = 300) -> Iterator[Told]:
    """Statements over six weeks, in their order."""
    dice = random.Random(seed)
    moments = sorted(START + dice.random() * 42 * DAY for _ in range(count))
    for number, at in enumerate(moments):
        who = dice.choice((ALICE, BOB, TRAINER))
        yield Told(
            who, f"{who.name}{dice.randrange(4)}", 2 * number, dice.choice(LABELS), dice.choice(("clear", "email")),
            dice.choice(("shop", "lake")), dice.choice(("allow", "allow", "allow", "refuse")), dice.choice(ENDS),
            dice.choice((0, 1, 7, 40)), at,
        )  # fmt: skip


def written(folder: Path, told: list[Told], seed: int) -> None:
    """A log in which ends come somewhat after beginnings, read into columns now and then."""
    dice, waiting, number = random.Random(seed), [], 1
    for one in told:
        begin, end = one.lines()
        with (folder / f"audit-{number:06d}.jsonl").open("ab") as log:
            log.write(begin)
            waiting.append(end)
            dice.shuffle(waiting)
            while waiting and dice.random() < 0.7:
                log.write(waiting.pop())
        if dice.random() < 0.05:
            catch_up(folder)
        if dice.random() < 0.02:
            number += 1
    with (folder / f"audit-{number:06d}.jsonl").open("ab") as log:
        log.write(b"".join(waiting))
    catch_up(folder)


def expected(told: list[Told], question: Question) -> dict[tuple[object, ...], tuple[int, int, float, float]]:
    """Statements, rows, first and last of each answer, by going through all of them."""
    found: dict[tuple[object, ...], list[Told]] = {}
    for one in told:
        clear, at = one.mask == "clear", datetime.fromtimestamp(one.at, UTC)
        if (
            one.reached
            and (one.label == question.what or one.label.startswith(f"{question.what}."))
            and (question.since is None or at >= question.since)
            and (question.until is None or at < question.until)
            and question.clear in (None, clear)
            and question.source in ("", one.source)
            and question.who in ("", one.who.name, one.who.on_behalf_of.name if one.who.on_behalf_of else "")
        ):
            masks = [] if clear else [one.mask]
            found.setdefault((one.who.name, one.source, clear, str(masks)), []).append(one)
    return {
        key: (len(ones), sum(one.rows for one in ones if one.ended), ones[0].at, ones[-1].at)
        for key, ones in found.items()
    }


def questions(seed: int) -> Iterator[Question]:
    dice = random.Random(seed)
    begin = datetime.fromtimestamp(START, UTC)
    yield Question("pii")
    for days in ((0, 42), (3, 4), (3, 11), (0.5, 30), (20, 60), (-9, 12)):
        since, until = (begin + timedelta(days=one) for one in days)
        what = dice.choice(("pii", "pii.email", "pci"))
        yield Question(what, since=since)
        yield Question(what, until=until)
        yield Question(
            what,
            dice.choice(("", "shop")),
            dice.choice(("", "dana", "bob")),
            since,
            until,
            dice.choice((None, True, False)),
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_are_those_of_going_through_all_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(index, "MANY", 6)
    monkeypatch.setattr(index, "SLICE", 40_000)
    told = list(history(seed))
    written(tmp_path, told, seed)
    answers = Answers([tmp_path])
    assert answers.rows("select count(*) from open")[1][0][0] > 0
    assert answers.rows("select count(distinct week) from seen")[1][0][0] >= 6
    for question in questions(seed):
        found = {
            (one["who"], one["source"], one["clear"], str(one["masks"] or [])): (
                one["statements"], int(one["rows"] or 0), one["first"].timestamp(), one["last"].timestamp(),
            )
            for one in who_saw(answers, question)
        }  # fmt: skip
        wanted = expected(told, question)
        assert found.keys() == wanted.keys(), question
        for key, figures in wanted.items():
            assert found[key] == pytest.approx(figures), question
    answers.close()


def test_the_newest_statements_are_the_newest_of_all(tmp_path: Path) -> None:
    told = list(history(7))
    written(tmp_path, told, 7)
    answers = Answers([tmp_path])
    begin = datetime.fromtimestamp(START, UTC)
    for count, until, since in product(
        (1, 20, 10_000), (None, begin + timedelta(days=17.5)), (None, begin + timedelta(days=12))
    ):
        found = who_saw(answers, Question("pii", since=since, until=until), events=count)
        wanted = [
            f"{one.connection}-{one.n}"
            for one in reversed(told)
            if one.reached
            and one.label.startswith("pii.")
            and (until is None or one.at < until.timestamp())
            and (since is None or one.at >= since.timestamp())
        ]
        assert [one["id"] for one in found] == wanted[:count]
    answers.close()


def test_the_newest_event_is_named_across_weeks_and_slices(tmp_path: Path) -> None:
    for n, day in ((1, 0), (3, 9), (5, 20)):
        with (tmp_path / "audit-000001.jsonl").open("ab") as log:
            log.write(asked(ALICE, "c", n, at=START + day * DAY) + done("c", n, at=START + day * DAY))
        catch_up(tmp_path)
    answers = Answers([tmp_path])
    (found,) = who_saw(answers, Question("pii"))
    assert (found["newest"], found["statements"], found["rows"]) == ("c-5", 3, 9)
    until = datetime.fromtimestamp(START + 20 * DAY, UTC)
    assert who_saw(answers, Question("pii", until=until))[0]["newest"] == "c-3"
    answers.close()


def test_large_files_are_left_alone_and_sums_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MANY", 2)
    monkeypatch.setattr(index, "SMALL", 1)
    for n in range(1, 16, 2):
        with (tmp_path / "audit-000001.jsonl").open("ab") as log:
            log.write(asked(ALICE, "c", n) + done("c", n))
        catch_up(tmp_path)
    assert len(list((tmp_path / "columns").glob("facts-*"))) == 8
    assert len(list((tmp_path / "columns").glob("seen-*"))) <= 2
    answers = Answers([tmp_path])
    assert answers.rows("select sum(statements), count(*) from seen")[1][0][0] == 8
    answers.close()
