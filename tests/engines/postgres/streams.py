"""Protocol streams, good and hostile, drawn by Hypothesis; the same ones in every run."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st


def steady(examples: int) -> settings:
    """Settings of a property: so many examples, always the same."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


def frame(kind: str, body: bytes = b"") -> bytes:
    """One message."""
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def told(body: bytes) -> bytes:
    """A text as the protocol writes it."""
    return body.replace(b"\0", b"") + b"\0"


NAMES = st.binary(max_size=5).map(told)
TEXTS = st.sampled_from([b"select 1\0", b"\0", b"select 'caf\xc3\xa9'\0", b"\xff\0"])
VALUES = st.lists(st.none() | st.binary(max_size=4), max_size=3)
SHORTS = st.lists(st.integers(-(2**15), 2**15 - 1), max_size=3)


def shorts(numbers: Sequence[int]) -> bytes:
    """A counted list of 16-bit numbers."""
    return struct.pack(f"!h{len(numbers)}h", len(numbers), *numbers)


def values(found: Sequence[bytes | None]) -> bytes:
    """A counted list of values."""
    cells = (struct.pack("!i", -1) if one is None else struct.pack("!i", len(one)) + one for one in found)
    return struct.pack("!h", len(found)) + b"".join(cells)


def damaged(messages: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Streams of such messages: as they are, with a byte turned, cut short, or with a length that lies."""

    def one(parts: list[bytes], way: str, at: int, byte: int) -> bytes:
        data = b"".join(parts)
        at %= len(data) or 1
        if way == "turned":
            return data[:at] + bytes([byte]) + data[at + 1 :]
        if way == "short":
            return data[:at]
        if way == "longer" and parts:
            return (
                b"".join(parts[:-1])
                + parts[-1][:1]
                + struct.pack("!i", len(parts[-1]) + 2)
                + parts[-1][5:]
                + b"\0\0\0"
                + data
            )
        return data

    ways = st.sampled_from(["whole", "whole", "turned", "short", "longer"])
    return st.builds(one, st.lists(messages, max_size=7), ways, st.integers(0, 2**16), st.integers(0, 255))


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[list[bytes]]:
    """The same bytes whole, byte by byte, and cut somewhere."""
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    some = [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    return [[data], [data[at : at + 1] for at in range(len(data))], some]


def heard(feed: Callable[[bytes], list[Any]], pieces: Sequence[bytes]) -> list[Any]:
    """All that is heard in the pieces."""
    return [event for piece in pieces for event in feed(piece)]
