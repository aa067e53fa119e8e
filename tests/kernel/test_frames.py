"""Frames are cut as plain Python cuts them, however the bytes come."""

from __future__ import annotations

import pytest
from drawing import steady
from hypothesis import given
from hypothesis import strategies as st
from reference import frames

from sluice import _kernel

KINDS = st.sampled_from(b"DDDdQPBSCTZENX\x00")
BODIES = st.binary(max_size=12)
LIES = st.sampled_from([0, 0, 0, 0, 0, 1, -1, 3, -4, -5, 2**31, 40])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Messages, some with a length that lies; perhaps cut short."""
    data = b""
    for kind, body, lie in draw(st.lists(st.tuples(KINDS, BODIES, LIES), max_size=8)):
        data += bytes([kind]) + ((len(body) + 4 + lie) % 2**32).to_bytes(4, "big") + body
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in pieces."""
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def _cut(
    pieces: list[bytes], server: bool, most: int, stream: bool = False
) -> tuple[list[tuple[int, bytes]], int, int]:
    kernel = _kernel.Frames(server=server, max_frame=most)
    kernel.stream = stream
    found = [one for piece in pieces for one in kernel.feed(piece)]
    return frames.runs(found, server=server), kernel.take_rows(), kernel.pending


@steady(120)
@given(data=st.data(), stream=streams(), server=st.booleans(), most=st.sampled_from([5, 12, 1 << 20]))
def test_a_stream_is_cut_into_the_same_messages_however_it_comes(
    data: st.DataObject, stream: bytes, server: bool, most: int
) -> None:
    messages, rest = frames.cut(stream, server=server, max_frame=most)
    wanted = frames.runs(messages, server=server)
    for pieces in ([stream], data.draw(cut(stream)), [stream[at : at + 1] for at in range(len(stream))]):
        got, rows, pending = _cut(pieces, server, most)
        assert got == wanted
        assert rows == sum(kind == ord("d") or (server and kind == ord("D")) for kind, _ in messages)
        assert pending == len(rest) or (got[-1:] and got[-1][0] == 0)


@steady(60)
@given(data=st.data(), rows=st.lists(BODIES, min_size=1, max_size=5), behind=st.booleans())
def test_a_row_that_passes_in_parts_is_the_row(data: st.DataObject, rows: list[bytes], behind: bool) -> None:
    stream = b"".join(frames.message(b"D", row) for row in rows) + frames.message(b"Z", b"I") * behind
    got, begun, _ = _cut(data.draw(cut(stream)), True, 5 if not behind else 6, stream=True)
    assert b"".join(raw for _, raw in got) == stream
    assert begun == len(rows)


@steady(100)
@given(run=streams(), n=st.integers(0, 9))
def test_runs_are_counted_and_begun_alike(run: bytes, n: int) -> None:
    try:
        messages = frames.each(run)
    except ValueError:
        with pytest.raises(_kernel.KernelError):
            _kernel.count_rows(run)
    else:
        assert _kernel.count_rows(run) == len(messages)
        assert _kernel.head(run, n) == b"".join(messages[:n])


@steady(80)
@given(data=st.binary(max_size=60), server=st.booleans())
def test_no_bytes_raise(data: bytes, server: bool) -> None:
    kernel = _kernel.Frames(server=server, max_frame=64)
    assert all(isinstance(raw, bytes) for _, raw in kernel.feed(data) + kernel.feed(data))
    assert kernel.feed(b"") == []
    for look in (_kernel.reply_signature, _kernel.normalize):
        look(data)
