"""Values are looked through as plain Python looks them through; what is hidden, counted and left alone is the same."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from drawing import element, steady
from hypothesis import given
from hypothesis import strategies as st
from reference import found, frames, rows

from sluice import _kernel
from sluice.classify.detectors import DETECTORS
from sluice.classify.matcher import compiled, detector, hidden_by

EXAMPLES = [example for one in DETECTORS for example in one.examples]
HIDE = st.sampled_from([0, hidden_by(frozenset()), hidden_by(frozenset({"pii.email", "pci.pan", "pii.name"}))])
NAMES = st.sampled_from(["", "note", "ssn", "order_number", "iban"])
PROSE = st.lists(
    st.sampled_from([*EXAMPLES, " ", ", ", "hello", "order ", "12", "\n", "&#64;", "\\", '"', "é"]), max_size=5
).map("".join)
JSON = st.recursive(
    st.none() | st.integers() | PROSE,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "email", "ssn", "card"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def _looked(
    value: bytes, kind: str, binary: bool, name: str, hide: int
) -> tuple[bytes | None, Counter[tuple[str, str]]]:
    plan = _kernel.MaskPlan([("detect", kind, binary, {"name": name, "hide": str(hide)})], b"", compiled())
    run = frames.message(b"D", rows.laid_out([value]))
    made, count, hidden, tally = plan.rows(run)
    assert count == 1
    assert (made is run) is (hidden == [0])
    counts: Counter[tuple[str, str]] = Counter()
    for _, path, index, some, _ in tally:
        one = detector(index)
        counts[path.decode(), "unread" if one is None else one.kind] += some
    return rows.cells(made[5:])[0][0], counts


def _wanted(value: bytes, kind: str, name: str, hide: int) -> tuple[bytes, Counter[tuple[str, str]]]:
    counts: Counter[tuple[str, str]] = Counter()
    return found.OF[kind](value, name, hide, counts), counts


@steady(150)
@given(PROSE, NAMES, HIDE, st.booleans())
def test_a_text_is_looked_through_as_plain_python_does(value: str, name: str, hide: int, binary: bool) -> None:
    assert _looked(value.encode(), "text", binary, name, hide) == _wanted(value.encode(), "text", name, hide)


@steady(150)
@given(JSON, NAMES, HIDE, st.booleans())
def test_a_json_stays_one_and_is_looked_through_as_plain_python_does(
    value: object, name: str, hide: int, plain: bool
) -> None:
    written = json.dumps(value, ensure_ascii=plain).encode()
    made, counts = _looked(written, "json", False, name, hide)
    assert (made, counts) == _wanted(written, "json", name, hide)
    json.loads(made or b"")
    assert _looked(b"\x01" + written, "jsonb", True, name, hide) == (b"\x01" + (made or b""), counts)


@steady(60)
@given(PROSE, NAMES, HIDE)
def test_bytes_are_looked_through_in_either_form(value: str, name: str, hide: int) -> None:
    wanted, counts = _wanted(value.encode(), "text", name, hide)
    assert _looked(value.encode(), "bytea", True, name, hide) == (wanted, counts)
    written = b"\\x" + value.encode().hex().encode()
    assert _looked(written, "bytea", False, name, hide) == (b"\\x" + wanted.hex().encode(), counts)


@steady(60)
@given(st.lists(PROSE, max_size=3), HIDE)
def test_the_elements_of_an_array_are_looked_through_one_by_one(values: list[str], hide: int) -> None:
    wanted = [_wanted(value.encode(), "text", "", hide) for value in values]
    array = b"{" + b",".join(element(value.encode()) for value in values) + b"}"
    made = b"{" + b",".join(element(value) for value, _ in wanted) + b"}"
    counts = sum((counts for _, counts in wanted), Counter[tuple[str, str]]())
    assert _looked(array, "array:text", False, "", hide) == (made, counts)


@pytest.mark.parametrize(
    "value",
    [b"<p>ann@example.com</p>", b"<p>ann&#64;example.com</p>", b"<p>ann&#x40;example.com</p>", b"<p a='1 &amp; 2'/>"],
)
def test_an_xml_with_anything_hidden_in_it_is_replaced_whole(value: bytes) -> None:
    for hide in (0, hidden_by(frozenset())):
        assert _looked(value, "xml", False, "", hide)[0] == found.xml(value, "", hide, Counter())


def test_what_cannot_be_read_is_null() -> None:
    everything = hidden_by(frozenset())
    for kind, value in (("json", b'{"a'), ("jsonb", b"\x02{}"), ("bytea", b"\\xzz"), ("other", b"(1,ann@example.com)")):
        assert _looked(value, kind, kind == "jsonb", "", everything)[0] is None
    assert _looked(b"(1,nothing)", "other", False, "", everything)[0] == b"(1,nothing)"


def test_a_stand_in_fits_into_what_the_column_declares() -> None:
    everything = str(hidden_by(frozenset()))
    for kind, size, wanted in (("varchar", "4", b"[ema"), ("bpchar", "9", b"[email]  "), ("bpchar", "3", b"[em")):
        params = {"name": "", "hide": everything, "max_len": size}
        assert _kernel.mask_value(b"a@example.com   ", "detect", kind, False, params, b"", compiled()) == wanted


def test_rows_before_the_first_that_holds_anything_pass_as_they_came() -> None:
    plan = _kernel.MaskPlan(
        [None, ("detect", "text", False, {"name": "", "hide": str(hidden_by(frozenset()))})], b"", compiled()
    )
    table = [[b"1", b"nothing"], [None, None], [b"2", b"to ann@example.com"], [b"3", b"nothing"]]
    run = b"".join(frames.message(b"D", rows.laid_out(row)) for row in table)
    table[2][1] = b"to [email]"
    clean = b"".join(frames.message(b"D", rows.laid_out(row)) for row in table)
    made, count, hidden, tally = plan.rows(run)
    assert (made, count, hidden) == (clean, 4, [0, 1])
    assert [(column, path, some, whole) for column, path, _, some, whole in tally] == [(1, b"", 1, 0)]
