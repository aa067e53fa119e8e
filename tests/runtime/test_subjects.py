"""Whom a result was about: whatever way a person's row went, who got it is found by their address, and by no other's."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
import pytest

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.persons import Subject
from sluice.edges.answers.who_saw import Question, who_saw
from sluice.edges.evidence.subjects import load_keys
from sluice.edges.sinks.jsonl import read

ADA, OTHER = "Person7@Example.com", "person8@example.com"
CLEAR, MASKED, PERHAPS, UNSEEN = {(True, True)}, {(True, False)}, {(False, True)}, set[tuple[bool, bool]]()


class Ask(NamedTuple):
    """A statement, in a way of asking it. `how`: `simple`, `extended`, `binary` or `copy`."""

    text: str
    how: str = "simple"
    purpose: str = "ticket"


def _run(gateway, ask: Ask, encoding: str = "UTF8") -> None:
    more = {"client_encoding": encoding}
    with psycopg.connect(gateway.dsn("sam", ask.purpose, **more), autocommit=True) as connection:
        if ask.how == "copy":
            with connection.cursor().copy(ask.text) as copy:
                assert b"".join(map(bytes, copy))
            return
        with connection.cursor(binary=ask.how == "binary") as cursor:
            cursor.execute(ask.text, () if ask.how != "simple" else None, prepare=ask.how != "simple" or None)
            assert cursor.fetchall()


def _seen(gateway, mark: str, value: str, label: str = "pii.email") -> set[tuple[bool, bool]]:
    """(certain, in clear) of the statement whose text holds the mark, as the answer about a person has it."""
    folder = gateway.gateway.audit
    keys = load_keys(gateway.gateway.folder / "subject.keys")
    hashes = {key.id: int(key.hashed(value).partition(":")[2], 16) for key in keys}
    catch_up(folder)
    answers = Answers([folder])
    found = who_saw(answers, Question(Subject(hashes, (label,)), who="sam"), events=100_000)
    answers.close()
    return {(one["certain"], one["clear"]) for one in found if mark in one["text"]}


CASES = [
    (Ask("select email as {} from customers where id = 7"), CLEAR, UNSEEN),
    (Ask("select email as {} from customers where id = 7", "extended"), CLEAR, UNSEEN),
    (Ask("select email as {} from customers where id = 7", "binary"), CLEAR, UNSEEN),
    (Ask("select email as {} from customers where id = 7", purpose=""), MASKED, UNSEEN),
    (Ask("select id as {}, * from customers where id = 7"), CLEAR, UNSEEN),
    (Ask("select c.e as {} from (select email as e from customers) c where c.e like '%n7@%'"), CLEAR, UNSEEN),
    (Ask("select id as {}, email from customers"), CLEAR, CLEAR),
    (Ask("select id as {} from customers where id = 7"), UNSEEN, UNSEEN),
    (Ask("select count(email) as {} from customers"), UNSEEN, UNSEEN),
    (Ask("select email::varchar(60) as {} from customers where id = 7"), CLEAR, UNSEEN),
    (Ask("copy (select email as {}, id from customers where id = 7) to stdout", "copy"), CLEAR, UNSEEN),
    (Ask("copy (select id as {}, email from customers where id = 7) to stdout (format csv, header)", "copy"), CLEAR, UNSEEN),
    (Ask("copy (select email as {} from customers where id = 7) to stdout (format binary)", "copy"), CLEAR, UNSEEN),
    (Ask("copy (select email as {} from customers where id = 7) to stdout", "copy", ""), MASKED, UNSEEN),
    # What is computed from an address is no address: whose it was is not known.
    (Ask("select reverse(email) as {} from customers where id = 7"), PERHAPS, PERHAPS),
    (Ask("select coalesce(email, phone) as {} from customers where id = 7"), PERHAPS, PERHAPS),
    (Ask("select email::varchar(5) as {} from customers where id = 7"), PERHAPS, PERHAPS),
    (Ask("copy (select email::varchar(5) as {} from customers where id = 7) to stdout", "copy"), PERHAPS, PERHAPS),
    (Ask("select email as {} from customers where id = 8 union all select reverse(email) from customers where id = 7"), PERHAPS, PERHAPS),
    (Ask("select min(email) as {} from customers"), PERHAPS, PERHAPS),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "ada", "other"), CASES)
def test_a_person_is_found_in_every_form_their_row_can_take(gateway, ask, ada, other):
    mark = f"marked_{CASES.index((ask, ada, other))}"
    _run(gateway, ask._replace(text=ask.text.format(mark)))
    assert _seen(gateway, mark, ADA) == ada
    assert _seen(gateway, mark, OTHER) == other


def test_texts_in_another_encoding_are_not_said_to_be_somebody(gateway):
    _run(gateway, Ask("select email as latin from customers where id = 7"), "LATIN1")
    assert _seen(gateway, "latin", ADA) == PERHAPS
    assert _seen(gateway, "latin", OTHER) == PERHAPS


def test_more_people_than_are_told_of_may_be_anybody(gateway):
    many = "select a.email as crowd from customers a, generate_series(1, 6) n where a.id > 7"
    _run(gateway, Ask(many))
    assert _seen(gateway, "crowd", ADA) == UNSEEN
    assert _seen(gateway, "crowd", OTHER) == CLEAR


def test_an_address_is_not_asked_for_by_what_another_label_holds(gateway):
    _run(gateway, Ask("select email as elsewhere from customers where id = 7"))
    assert _seen(gateway, "elsewhere", ADA, "pii.national_id") == UNSEEN


def test_neither_the_value_nor_a_guess_at_it_is_in_the_log(gateway):
    _run(gateway, Ask("select email as unsaid from customers where id = 7"))
    lines = b"".join(read(gateway.gateway.audit))
    assert b'"subjects":[{"output":0,"labels":["pii.email"],"shown":true' in lines
    assert b"person7@" not in lines
