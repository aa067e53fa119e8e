"""Columns judged by name, type, comment, values and keys."""

from __future__ import annotations

import pytest

from sluice.classify.columns import Facts, Proposal, follow_keys, propose

MAILS = [f"user{number}@example.com".encode() for number in range(40)]


@pytest.mark.parametrize(
    ("name", "type_name", "label"),
    [
        ("email", "text", "pii.email"),
        ("workEmail", "character varying(80)", "pii.email"),
        ("full_name", "text", "pii.name"),
        ("birth_date", "date", "pii.birth_date"),
        ("salary", "integer", "hr.salary"),
        ("card_number", "text", "pci.pan"),
        ("password_hash", "text", "secret.password_hash"),
        ("api_key", "text", "secret.api_key"),
        ("customer_ssn", "text", "pii.national_id"),
        ("product_name", "text", None),
        ("email_sent", "boolean", None),
        ("email_count", "integer", None),
        ("phone_verified_at", "timestamp with time zone", None),
        ("id", "bigint", None),
    ],
)
def test_a_name_speaks_for_a_label_where_the_type_allows_it(name: str, type_name: str, label: str | None) -> None:
    found = propose(Facts(name, type_name), ())
    assert (found.label if found else None) == label


def test_values_speak_whatever_the_name() -> None:
    found = propose(Facts("x1", "text"), MAILS)
    assert found is not None and found.label == "pii.email" and found.in_effect


def test_name_and_values_together_are_surest() -> None:
    alone, both = propose(Facts("x1", "text"), MAILS), propose(Facts("email", "text"), MAILS)
    assert alone is not None and both is not None and both.confidence > alone.confidence


def test_a_sample_without_the_form_speaks_against_a_name_so_that_it_waits() -> None:
    found = propose(Facts("email", "text"), [b"weekly", b"never", b"daily"] * 10)
    assert found is not None and not found.in_effect


def test_what_stands_within_texts_makes_free_text_and_says_at_which_path() -> None:
    values = [b'{"chat": [{"content": "I am user%d@example.com"}]}' % number for number in range(20)]
    found = propose(Facts("payload", "jsonb"), values)
    assert found is not None and found.label == "pii.free_text"
    assert "pii.email at payload.chat[].content (20)" in found.evidence[0]


def test_the_evidence_never_holds_a_value() -> None:
    for name in ("email", "x1", "notes"):
        for values in (MAILS, [b"write to " + mail for mail in MAILS]):
            found = propose(Facts(name, "text"), values)
            assert found is not None and "example.com" not in " ".join(found.evidence)


def test_a_comment_speaks_less_than_a_name() -> None:
    found = propose(Facts("c17", "text", "holds the date of birth, home phone of the customer"), ())
    assert found is not None and not found.in_effect


def test_numbers_and_codes_are_nothing() -> None:
    for values in (
        [b"%d" % (100_000_000 + number * 7919) for number in range(60)],
        [b"2026-01-%02d 10:00:00+00" % (number % 28 + 1) for number in range(60)],
        [b"%032x" % (number * 2**90 + 12345) for number in range(60)],
        [b"open", b"closed"] * 30,
    ):
        assert propose(Facts("value", "text"), values) is None


def test_a_key_to_a_labelled_column_inherits_through_any_number_of_keys() -> None:
    proposals = {"a.people.email": Proposal("pii.email", 90, ("its name",))}
    follow_keys(proposals, {"a.orders.who": "a.people.email", "a.lines.who": "a.orders.who", "a.x.y": "a.z.y"})
    assert {column: one.label for column, one in proposals.items()} == dict.fromkeys(
        ("a.people.email", "a.orders.who", "a.lines.who"), "pii.email"
    )
    assert proposals["a.lines.who"].evidence == ("a foreign key to `a.orders.who`",)
