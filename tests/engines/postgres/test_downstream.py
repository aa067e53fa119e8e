"""What a client says, decoded: the cut of the bytes never matters, and what breaks the protocol is `Broken` where it stands."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import NAMES, SHORTS, TEXTS, VALUES, cuts, damaged, frame, heard, shorts, steady, values

from sluice.engines.postgres.downstream import Downstream, parameters
from sluice.model.waist import (
    Bind,
    Broken,
    CloseName,
    CopyIn,
    Describe,
    Execute,
    Flush,
    Prepare,
    Query,
    Sync,
    Terminate,
)  # fmt: skip

MOST = 1 << 12

MESSAGES = st.one_of(
    TEXTS.map(lambda text: frame("Q", text)),
    st.builds(
        lambda name, text, types: frame("P", name + text + struct.pack(f"!h{len(types)}I", len(types), *types)),
        NAMES, TEXTS, st.lists(st.integers(0, 2**32 - 1), max_size=3),
    ),
    st.builds(
        lambda portal, name, formats, found, results: frame("B", portal + name + shorts(formats) + values(found) + shorts(results)),
        NAMES, NAMES, SHORTS, VALUES, SHORTS,
    ),
    st.builds(lambda kind, what, name: frame(kind, what + name), st.sampled_from("DC"), st.sampled_from([b"S", b"P"]), NAMES),
    st.builds(lambda name, rows: frame("E", name + struct.pack("!i", rows)), NAMES, st.integers(-1, 9)),
    st.sampled_from([frame("S"), frame("H"), frame("X"), frame("c"), frame("f", b"why\0"), frame("d", b"data\n")]),
)  # fmt: skip


def _said(pieces: list[bytes], most: int = MOST) -> list[Any]:
    """The events of pieces; the data of a COPY taken together, whose runs may follow the cut of the bytes."""
    codec = Downstream(most)
    events: list[Any] = []
    for event in heard(codec.feed, pieces):
        before = events[-1] if events else None
        if isinstance(event, CopyIn) and isinstance(before, CopyIn) and not event.last and not before.last:
            events[-1] = CopyIn(before.raw + event.raw, before.rows + event.rows, False)
        else:
            events.append(event)
    return events


@steady(200)
@given(data=st.data(), stream=damaged(MESSAGES), most=st.sampled_from([5, 16, MOST]))
def test_the_cut_of_the_bytes_never_matters(data: st.DataObject, stream: bytes, most: int) -> None:
    whole, *others = data.draw(cuts(stream))
    said = _said(whole, most)
    for pieces in others:
        assert _said(pieces, most) == said
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
    codec = Downstream(MOST)
    said = heard(codec.feed, [junk, junk, frame("S")])
    if any(isinstance(event, Broken) for event in said):
        assert isinstance(said[-1], Broken)
        assert codec.feed(frame("S")) == []


GOOD = [
    (frame("Q", b"select 1\0"), Query(frame("Q", b"select 1\0"), b"select 1")),
    (frame("B", b"p\0s\0" + shorts([1]) + values([b"x", None]) + shorts([0, 1])), (Bind, "p", "s", (0, 1))),
    (frame("D", b"Sname\0"), Describe(frame("D", b"Sname\0"), "S", "name")),
    (frame("C", b"P\xff\0"), CloseName(frame("C", b"P\xff\0"), "P", "\udcff")),
    (frame("E", b"\0\0\0\0\7"), Execute(frame("E", b"\0\0\0\0\7"), "", 7)),
    (frame("S"), Sync(frame("S"))),
    (frame("H"), Flush(frame("H"))),
    (frame("X"), Terminate(frame("X"))),
    (frame("d", b"a") * 2, CopyIn(frame("d", b"a") * 2, 2, False)),
    (frame("f", b"why\0"), CopyIn(frame("f", b"why\0"), 0, True)),
]


@pytest.mark.parametrize(("raw", "event"), GOOD, ids=[chr(raw[0]) for raw, _ in GOOD])
def test_a_message_is_read_as_it_is_laid_out(raw: bytes, event: Any) -> None:
    (said,) = _said([raw])
    if isinstance(event, tuple):
        assert (type(said), said.portal, said.statement, said.formats) == event
    else:
        assert said == event


BAD = [
    frame("Q"), frame("Q", b"select 1"), frame("Q", b"select\0 1\0"),
    frame("P", b"s\0"), frame("P", b"s\0select 1\0"), frame("P", b"s\0select 1\0\0\1"), frame("P", b"s\0x\0\0\0more"),
    frame("B"), frame("B", b"p\0s"), frame("B", b"p\0s\0\0\0\0\1\xff\xff\xff\xfe\0\0"), frame("B", b"p\0s\0\0\0\0\1\0\0\0\x09a\0\0"),
    frame("B", b"p\0s\0\xff\xff\0\0\0\0"), frame("B", b"p\0s\0\0\0\0\0\0\1"), frame("B", b"p\0s\0\0\0\0\0\0\0more"),
    frame("D"), frame("D", b"Xname\0"), frame("D", b"Sname"), frame("C", b"Sname\0more"),
    frame("E", b"p\0"), frame("E", b"p\0\0\0\0"), frame("E", b"p\0\0\0\0\0\0"),
    frame("S", b"x"), frame("H", b"x"), frame("X", b"x"), frame("c", b"x"), frame("f", b"why"), frame("f", b"why\0more"),
    frame("p", b"a password\0"), frame("Z", b"I"), b"\0\0\0\0\4", b"Q\0\0\0\0", b"Q\0\0\0\3", b"Q\x7f\xff\xff\xff", b"Q\xff\xff\xff\xff",
    frame("Q", b"x" * MOST + b"\0"), frame("d", b"x" * MOST),
]  # fmt: skip


@pytest.mark.parametrize("raw", BAD, ids=[repr(raw[:16]) for raw in BAD])
def test_what_breaks_its_layout_is_broken_in_its_place(raw: bytes) -> None:
    before, after = frame("Q", b"select 1\0"), frame("S")
    said = _said([before + raw + after])
    assert [type(event) for event in said] == [Query, Broken]
    assert "select" not in said[-1].reason


@steady(60)
@given(formats=SHORTS, found=VALUES, results=SHORTS)
def test_parameters_are_shown_whatever_their_formats(
    formats: list[int], found: list[bytes | None], results: list[int]
) -> None:
    raw = frame("B", b"p\0s\0" + shorts(formats) + values(found) + shorts(results))
    told, shown = parameters(raw)
    assert len(shown) == len(found)
    assert told == (shorts(formats) + values(found) if found else b"")
    assert [one == "NULL" for one, value in zip(shown, found, strict=True) if value is None] == [True] * found.count(
        None
    )


def test_an_unfinished_message_is_held() -> None:
    codec = Downstream(MOST)
    assert codec.feed(frame("Q", b"select 1\0")[:7]) == []
    assert codec.pending == 7


def test_a_prepared_statement_keeps_the_types_it_was_given() -> None:
    raw = frame("P", b"s\0select $1\0" + struct.pack("!hI", 1, 23))
    (said,) = _said([raw])
    assert isinstance(said, Prepare)
    assert (said.name, said.text) == ("s", b"select $1")
