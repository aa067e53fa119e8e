"""Scrubbed values, lines and records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import _kernel
from sluice.classify.matcher import LEAST, compiled, find

KEY = b"k" * 32


def _masked(value: bytes, kind: str = "text") -> bytes | None:
    return _kernel.mask_value(value, "scrub", kind, False, {}, KEY, compiled())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"write to jane@example.com or +44 20 7946 0958", b"write to [email] or [phone]"),
        (b"my card 4242 4242 4242 4242 was charged", b"my card [card] was charged"),
        (b"iban DE89370400440532013000, ssn 219-09-9999", b"iban [iban], ssn [ssn]"),
        (b"password: hunter2xyz", b"password: [secret]"),
        (b"postgres://app:pa55word@db.example.com/x", b"postgres://app:[credentials]@db.example.com/x"),
        (b"from 203.0.113.7 at 10:30", b"from [ip] at 10:30"),
        (b"nothing to see in order 4242-4242", b"nothing to see in order 4242-4242"),
    ],
)
def test_only_the_sensitive_spans_of_a_text_are_replaced(value: bytes, expected: bytes) -> None:
    assert _masked(value) == expected


def test_json_is_scrubbed_within_its_strings_and_numbers_and_stays_json() -> None:
    value = json.dumps(
        {
            "note": 'say "hi" to jane@example.com\n',
            "pan": 4242424242424242,
            "at": 17,
            "deep": [{"x": ["+44 20 7946 0958"]}],
        }
    )
    masked = _masked(value.encode(), "json")
    assert masked is not None
    assert json.loads(masked) == {"note": 'say "hi" to [email]\n', "pan": 0, "at": 17, "deep": [{"x": ["[phone]"]}]}


def test_an_escape_cannot_hide_a_value() -> None:
    masked = _masked(b'{"a": "jane\\u0040example.com"}', "json")
    assert masked == b'{"a": "[email]"}'


def test_a_scrub_without_detectors_is_refused() -> None:
    with pytest.raises(_kernel.KernelError, match="detectors"):
        _kernel.mask_value(b"x", "scrub", "text", False, {}, KEY)


def test_lines_keep_their_structure_and_say_where_something_was() -> None:
    lines = [
        {"messages": [{"role": "user", "content": "I am jane@example.com"}, {"role": "assistant", "content": "hello"}]},
        {"messages": [{"role": "user", "content": "again JANE@example.com"}]},
    ]
    run = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"not json: bob@example.com\n"
    out, found = compiled().scrub(run, "jsonl", KEY, LEAST)
    first, second, third = out.splitlines()
    mark = json.loads(first)["messages"][0]["content"].removeprefix("I am ")
    assert mark.startswith("[email:") and json.loads(second)["messages"][0]["content"] == f"again {mark}"
    assert third.startswith(b"not json: [email:") and mark.encode() not in third
    assert sorted((path, count) for path, _, count in found) == [(b"messages[].content", 2), (b"text", 1)]


def test_csv_keeps_its_quotes_and_counts_by_column() -> None:
    run = b'1,"a ""quoted"" jane@example.com, yes",x\n2,plain,"two\nlines +44 20 7946 0958"\n'
    out, found = compiled().scrub(run, "csv", None, LEAST, columns=[b"id", b"note", b"more"])
    assert out == b'1,"a ""quoted"" [email], yes",x\n2,plain,"two\nlines [phone]"\n'
    assert sorted((path, count) for path, _, count in found) == [(b"more", 1), (b"note", 1)]


def test_a_buffer_is_cut_between_records() -> None:
    assert _kernel.cut(b'a,"x\ny"\nb,"open\n', "csv") == 8
    assert _kernel.cut(b"one\ntwo\nthr", "jsonl") == 8
    assert _kernel.cut(b"one\n-----BEGIN PRIVATE KEY-----\nabc\n", "text") == 4


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5), _LEAVES | st.lists(_LEAVES, max_size=3), max_size=4))
def test_json_in_which_nothing_is_found_comes_out_as_it_was(value: object) -> None:
    run = json.dumps(value).encode()
    out, found = compiled().scrub(run, "jsonl", None, LEAST)
    assert found or out == run
    json.loads(out)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_a_scrubbed_text_holds_nothing_more_to_find(text: str) -> None:
    value = f"{text} jane@example.com {text}".encode()
    out, _ = compiled().scrub(value, "text", KEY, LEAST)
    assert not [finding for finding in find([out])[0] if finding.kind == "email"]
