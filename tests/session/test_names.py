"""What names of prepared statements mean while the server has not answered yet, as scripts."""

from __future__ import annotations

import pytest

from sluice.session.analyses import Understood
from sluice.session.names import Book, Prepared


def _prepared(text: bytes) -> Prepared:
    return Prepared(Understood((), lasting=True, shifts=False, unknown=False, names=False), text)


FIRST, SECOND, THIRD = (_prepared(text) for text in (b"select 1", b"select 2", b"select 3"))


@pytest.fixture
def book() -> Book[Prepared]:
    return Book()


def test_within_its_pipeline_the_newest_definition_is_right_at_once(book: Book[Prepared]) -> None:
    book.define("a", FIRST, pipeline=1)
    assert book.get("a") is FIRST
    assert not book.unsure("a", 1)


def test_another_pipeline_waits_until_the_server_has_answered(book: Book[Prepared]) -> None:
    book.define("a", FIRST, pipeline=1)
    assert book.unsure("a", 2)
    book.settle("a", FIRST, ok=True)
    assert not book.unsure("a", 2)
    assert book.get("a") is FIRST


@pytest.mark.parametrize(("name", "left"), [("a", FIRST), ("", None)])
def test_a_definition_that_fails_leaves_what_was_there_and_nothing_of_the_unnamed_one(
    book: Book[Prepared], name: str, left: Prepared | None
) -> None:
    book.put(name, FIRST)
    book.define(name, SECOND, pipeline=1)
    book.settle(name, SECOND, ok=False)
    assert book.get(name) is left


def test_two_definitions_that_both_fail_leave_what_was_confirmed_before_them(book: Book[Prepared]) -> None:
    book.put("a", FIRST)
    book.define("a", SECOND, pipeline=1)
    book.define("a", THIRD, pipeline=1)
    book.settle("a", SECOND, ok=False)
    assert book.get("a") is THIRD
    book.settle("a", THIRD, ok=False)
    assert book.get("a") is FIRST


def test_an_answer_to_an_earlier_definition_settles_no_later_one(book: Book[Prepared]) -> None:
    book.define("a", FIRST, pipeline=1)
    book.define("a", SECOND, pipeline=2)
    book.settle("a", FIRST, ok=True)
    assert book.unsure("a", 3)
    book.settle("a", SECOND, ok=True)
    assert book.get("a") is SECOND


def test_a_name_that_is_closed_is_gone_and_comes_back_if_closing_fails(book: Book[Prepared]) -> None:
    book.put("a", FIRST)
    book.define("a", None, pipeline=1)
    assert book.get("a") is None
    book.settle("a", None, ok=False)
    assert book.get("a") is FIRST
    book.define("a", None, pipeline=2)
    book.settle("a", None, ok=True)
    assert book.get("a") is None and not book.spans()


def test_a_name_put_over_an_open_definition_is_sure(book: Book[Prepared]) -> None:
    book.define("a", FIRST, pipeline=1)
    book.put("a", SECOND)
    book.settle("a", FIRST, ok=False)
    assert book.get("a") is SECOND and not book.unsure("a", 9)


def test_discarding_forgets_all_and_late_answers_bring_nothing_back(book: Book[Prepared]) -> None:
    book.define("a", FIRST, pipeline=1)
    book.clear()
    book.settle("a", FIRST, ok=True)
    assert book.get("a") is None
