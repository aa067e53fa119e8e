"""What a server says, decoded: the cut of the bytes never matters, and what breaks the protocol is `Broken` where it stands."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import NAMES, SHORTS, VALUES, cuts, damaged, frame, heard, shorts, steady, values

from sluice.engines.postgres.upstream import Upstream, cells, columns
from sluice.model.waist import (
    Broken,
    Columns,
    CopyEnd,
    CopyStart,
    Done,
    Failed,
    Notice,
    Pass,
    Ready,
    ResultColumn,
    Rows,
    Step,
)  # fmt: skip

MOST = 1 << 12


def column(
    name: bytes = b"a\0", table: int = 7, attnum: int = 1, kind: int = 23, typmod: int = -1, form: int = 0
) -> bytes:
    """One column of a RowDescription."""
    return name + struct.pack("!IhIhih", table, attnum, kind, 4, typmod, form)


def described(*found: bytes) -> bytes:
    """A RowDescription."""
    return frame("T", struct.pack("!h", len(found)) + b"".join(found))


FIELDS = st.lists(st.builds(lambda letter, text: letter.encode() + text, st.sampled_from("SVCMDHQ"), NAMES), max_size=3)
MESSAGES = st.one_of(
    st.lists(NAMES.map(column), max_size=3).map(lambda found: described(*found)),
    VALUES.map(lambda found: frame("D", values(found))),
    st.binary(max_size=6).map(lambda data: frame("d", data)),
    NAMES.map(lambda tag: frame("C", tag)),
    st.builds(lambda kind, found: frame(kind, b"".join(found) + b"\0"), st.sampled_from("EN"), FIELDS),
    st.builds(lambda pid, channel, load: frame("A", struct.pack("!i", pid) + channel + load), st.integers(0, 9), NAMES, NAMES),
    NAMES.map(lambda value: frame("S", b"name\0" + value)),
    st.builds(lambda kind, form, formats: frame(kind, bytes([form]) + shorts(formats)), st.sampled_from("GHW"), st.sampled_from([0, 1]), SHORTS),
    st.lists(st.integers(0, 2**32 - 1), max_size=3).map(lambda types: frame("t", struct.pack(f"!h{len(types)}I", len(types), *types))),
    st.sampled_from([b"I", b"T", b"E"]).map(lambda status: frame("Z", status)),
    st.sampled_from([frame(kind) for kind in "Is123nc"]),
)  # fmt: skip


def _said(pieces: list[bytes], most: int = MOST, stream: bool = False) -> list[Any]:
    """The events of pieces; rows taken together, whose runs may follow the cut of the bytes."""
    codec = Upstream(most)
    codec.stream(stream)
    events: list[Any] = []
    for event in heard(codec.feed, pieces):
        before = events[-1] if events else None
        if isinstance(event, Rows) and isinstance(before, Rows) and event.copy == before.copy:
            events[-1] = Rows(before.raw + event.raw, event.copy)
        else:
            events.append(event)
    return events


@steady(200)
@given(data=st.data(), stream=damaged(MESSAGES), most=st.sampled_from([5, 16, MOST]), parts=st.booleans())
def test_the_cut_of_the_bytes_never_matters(data: st.DataObject, stream: bytes, most: int, parts: bool) -> None:
    whole, *others = data.draw(cuts(stream))
    said = _said(whole, most, parts)
    for pieces in others:
        assert _said(pieces, most, parts) == said
    assert not any(isinstance(event, Broken) for event in said[:-1])


@steady(100)
@given(st.lists(MESSAGES, max_size=6))
def test_every_message_keeps_its_bytes(messages: list[bytes]) -> None:
    said = _said([b"".join(messages)])
    assert not any(isinstance(event, Broken) for event in said)
    assert b"".join(event.raw for event in said) == b"".join(messages)


@steady(100)
@given(st.binary(max_size=60))
def test_no_bytes_raise_and_nothing_follows_what_is_broken(junk: bytes) -> None:
    codec = Upstream(MOST)
    said = heard(codec.feed, [junk, junk, frame("Z", b"I")])
    if any(isinstance(event, Broken) for event in said):
        assert isinstance(said[-1], Broken)
        assert codec.feed(frame("Z", b"I")) == []


@steady(80)
@given(data=st.data(), rows=st.lists(VALUES, min_size=1, max_size=5))
def test_rows_are_counted_in_whatever_parts_they_come(data: st.DataObject, rows: list[list[bytes | None]]) -> None:
    stream = b"".join(frame("D", values(row)) for row in rows)
    for pieces in data.draw(cuts(stream)):
        codec = Upstream(16)
        codec.stream(True)
        assert sum(codec.begun(event.raw) for event in heard(codec.feed, pieces)) == len(rows)


GOOD = [
    (frame("D", values([b"a"])) * 2, Rows(frame("D", values([b"a"])) * 2, False)),
    (frame("d", b"a\n"), Rows(frame("d", b"a\n"), True)),
    (frame("C", b"SELECT 2\0"), Done(frame("C", b"SELECT 2\0"), "SELECT 2")),
    (frame("I"), Done(frame("I"), "", empty=True)),
    (frame("s"), Done(frame("s"), "", suspended=True)),
    (frame("1"), Step(frame("1"), "prepared")),
    (frame("n"), Step(frame("n"), "no-data")),
    (frame("E", b"SERROR\0C42501\0\0"), Failed(frame("E", b"SERROR\0C42501\0\0"), {"S": "ERROR", "C": "42501"})),
    (frame("N", b"M\xff\0\0"), Notice(frame("N", b"M\xff\0\0"), {"M": "\ufffd"})),
    (frame("A", b"\0\0\0\7c\0p\0"), Pass(frame("A", b"\0\0\0\7c\0p\0"), hushed=frame("A", b"\0\0\0\7c\0\0"))),
    (frame("S", b"TimeZone\0UTC\0"), Pass(frame("S", b"TimeZone\0UTC\0"), "TimeZone", "UTC")),
    (frame("H", b"\1\0\2\0\1\0\1"), CopyStart(frame("H", b"\1\0\2\0\1\0\1"), "out", 2, True)),
    (frame("c"), CopyEnd(frame("c"))),
    (frame("Z", b"T"), Ready(frame("Z", b"T"), "T")),
    (described(column()), Columns(described(column()))),
]


@pytest.mark.parametrize(("raw", "event"), GOOD, ids=[chr(raw[0]) for raw, _ in GOOD])
def test_a_message_is_read_as_it_is_laid_out(raw: bytes, event: Any) -> None:
    assert _said([raw]) == [event]


BAD = [
    frame("C"), frame("C", b"SELECT 1"), frame("C", b"SELECT\0 1\0"),
    *(frame(kind, b"x") for kind in "Is123nc"),
    frame("t"), frame("t", b"\0\1"), frame("t", b"\0\0more"),
    frame("E"), frame("E", b"SERROR"), frame("E", b"SERROR\0"), frame("N", b"\0more"),
    frame("A", b"\0\0\0\7c\0"), frame("A", b"\0\0\0\7c\0p\0more"), frame("A"),
    frame("S", b"name\0"), frame("S", b"name\0value\0more\0"), frame("S", b"\xff\0value\0"),
    frame("H"), frame("H", b"\2\0\0"), frame("G", b"\0\0\1"), frame("W", b"\0\0\0more"),
    frame("Z"), frame("Z", b"X"), frame("Z", b"II"),
    frame("T"), frame("T", b"\0\1"), frame("T", b"\0\1a\0"), frame("T", b"\0\0more"), frame("T", b"\xff\xff"),
    frame("Q", b"select 1\0"), frame("R", b"\0\0\0\0"), frame("K", bytes(8)), frame("v", bytes(8)), b"\0\0\0\0\4",
    b"C\0\0\0\0", b"C\0\0\0\3", b"C\x7f\xff\xff\xff", b"D\xff\xff\xff\xff", frame("D", b"x" * MOST), frame("C", b"x" * MOST + b"\0"),
]  # fmt: skip


@pytest.mark.parametrize("raw", BAD, ids=[repr(raw[:16]) for raw in BAD])
def test_what_breaks_its_layout_is_broken_in_its_place(raw: bytes) -> None:
    before, after = frame("1"), frame("Z", b"I")
    said = _said([before + raw + after + after])
    assert [type(event) for event in said] == [Step, Broken]


def test_columns_are_those_described() -> None:
    raw = described(column(b"a\0"), column(b"caf\xc3\xa9\0", 0, 0, 2**32 - 1, 9, 1))
    assert columns(raw) == (ResultColumn("a", 7, 1, 23, -1, False), ResultColumn("café", 0, 0, 2**32 - 1, 9, True))


@steady(80)
@given(st.lists(VALUES, max_size=4))
def test_the_cells_of_rows_are_those_sent(rows: list[list[bytes | None]]) -> None:
    assert cells(b"".join(frame("D", values(row)) for row in rows)) == rows


@steady(80)
@given(st.binary(max_size=40).map(lambda body: frame("D", body)))
def test_rows_that_break_their_layout_are_a_value_error_and_no_other(raw: bytes) -> None:
    try:
        found = cells(raw)
    except ValueError:
        return
    assert frame("D", values(found[0])) == raw


@pytest.mark.parametrize(
    "raw", [frame("D"), frame("D", b"\0"), frame("D", b"\0\1\xff\xff\xff\xfe"), frame("D", b"\0\1\0\0\0\2a"), b"D"]
)
def test_rows_that_are_cut_short_have_no_cells(raw: bytes) -> None:
    with pytest.raises(ValueError, match="row"):
        cells(raw)
