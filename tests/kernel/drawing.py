"""Values of every type in both wire formats, and streams, drawn by Hypothesis; the same ones in every run."""

from __future__ import annotations

import json
import struct
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from reference import days, masks, values

KEY = b"a key for tests"


def steady(examples: int) -> settings:
    """Settings of a property: so many examples, always the same."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=24).map(str.encode),
    st.from_regex(r"[a-zA-Z._é]{1,9}@[a-z.-]{1,9}\.[a-z]{2}", fullmatch=True).map(str.encode),
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4} {0,3}", fullmatch=True).map(str.encode),
    st.binary(max_size=12),
)

_WHOLE = {"int2": "!h", "int4": "!i", "int8": "!q", "oid": "!I"}
_BITS = {"int2": 16, "int4": 32, "int8": 64}


def _wholes(kind: str) -> st.SearchStrategy[int]:
    least, most = (0, 2**32 - 1) if kind == "oid" else (-(2 ** (_BITS[kind] - 1)), 2 ** (_BITS[kind] - 1) - 1)
    near = st.sampled_from([least, least + 1, -1 if least else 0, 0, 1, 9, 10, 99, 100, most - 1, most])
    return near | st.integers(least, most) | st.integers(max(least, -2000), 2000)


_DECIMALS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12),
    st.builds(lambda n, places: Decimal(n).scaleb(-places), st.integers(-(10**30), 10**30), st.integers(0, 40)),
    st.sampled_from([Decimal("0.00"), Decimal("-0.5"), Decimal("1.50"), Decimal("100"), Decimal("-99.99")]),
)
_DAYS = (
    st.integers(-days.J2000, days.LAST_DAY)
    | st.integers(-732000, -728000)
    | st.sampled_from([-days.J2000, days.LAST_DAY])
    | st.integers(-20000, 20000)
)
_MOMENTS = (
    st.integers(days.FIRST_MOMENT, days.LAST_MOMENT)
    | st.sampled_from([days.FIRST_MOMENT, days.LAST_MOMENT])
    | st.integers(-(10**15), 10**15)
)
_ZONES = st.sampled_from(["+00", "-07", "+05:30", "-07:52:58"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
).map(lambda value: json.dumps(value).encode())


def _floats(kind: str) -> st.SearchStrategy[float]:
    width = 32 if kind == "float4" else 64
    whole = st.integers(-(2**24), 2**24).map(float)
    return (
        st.floats(width=width, allow_nan=False, allow_infinity=False) | whole | st.sampled_from([1e7, 1e8, -1e15, 0.5])
    )


def _pairs(kind: str) -> st.SearchStrategy[tuple[bytes, bytes]]:
    """A value of the type in text and in binary."""
    if kind in _WHOLE:
        return _wholes(kind).map(lambda n: (str(n).encode(), struct.pack(_WHOLE[kind], n)))
    if kind in ("float4", "float8"):
        form = "!f" if kind == "float4" else "!d"
        return _floats(kind).map(lambda n: (repr(n).encode(), struct.pack(form, n)))
    if kind == "numeric":
        return _DECIMALS.map(lambda n: f"{n:f}").map(lambda text: (text.encode(), values.packed(text)))
    if kind == "date":
        return _DAYS.map(lambda day: (days.print_day(day).encode(), struct.pack("!i", day)))
    if kind == "timestamp":
        return _MOMENTS.map(lambda at: (days.print_moment(at, "").encode(), struct.pack("!q", at)))
    if kind == "timestamptz":
        return st.tuples(_MOMENTS, _ZONES).map(lambda at: (days.print_moment(*at).encode(), struct.pack("!q", at[0])))
    if kind == "uuid":
        return st.uuids().map(lambda one: (str(one).encode(), one.bytes))
    if kind == "bytea":
        return st.binary(max_size=70).map(lambda value: (b"\\x" + value.hex().encode(), value))
    if kind in ("json", "jsonb"):
        version = b"\x01" if kind == "jsonb" else b""
        return _JSON.map(lambda text: (text, version + text))
    return TEXTS.map(lambda value: (value, value))


PAIRS = {kind: _pairs(kind) for kind in masks.KINDS}
"""Of each type: a value as the server sends it in text, and the same value in binary."""

ODD = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"", b"NaN", b"Infinity", b"-Infinity", b"infinity", b"+5", b"--1", b"1e5", b"2026-02-30", b"\\xabc"]
    ),
    st.from_regex(r"-?[0-9.]{1,12}", fullmatch=True).map(str.encode),
    st.from_regex(r"\d{4,8}-\d\d-\d\d( \d\d:\d\d:\d\d)?( BC)?", fullmatch=True).map(str.encode),
)
"""What is hardly a value of any type."""

PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "keep_first": st.integers(0, 5).map(str),
        "keep_last": st.integers(0, 5).map(str),
        "width": st.sampled_from(["1", "7", "10", "1000", "999999999"]),
        "unit": st.sampled_from(["month", "year"]),
        "max_len": st.integers(1, 40).map(str),
        "precision": st.integers(1, 30).map(str),
        "scale": st.integers(-5, 12).map(str),
    },
)

METHODS = st.sampled_from(masks.METHODS)
KINDS = st.sampled_from(masks.KINDS)


def element(value: bytes | None) -> bytes:
    """A value as the server writes it among others of an array."""
    if value is None:
        return b"NULL"
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@st.composite
def arrays(draw: st.DrawFn, kind: str) -> tuple[bytes, bytes]:
    """An array of one or two dimensions in text and in binary, with NULLs and bounds of its own."""
    width, height = draw(st.integers(1, 3)), draw(st.sampled_from([0, 0, 2]))
    lower = draw(st.sampled_from([1, 1, -2]))
    many = width * max(height, 1)
    pairs = draw(st.lists(st.none() | PAIRS[kind], min_size=many, max_size=many))
    cells = [element(pair and pair[0]) for pair in pairs]
    rows = [b"{" + b",".join(cells[at : at + width]) + b"}" for at in range(0, many, width)]
    text = b"{" + b",".join(rows) + b"}" if height else rows[0]
    sizes = [height, width] if height else [width]
    if lower != 1:
        text = b"".join(b"[%d:%d]" % (lower, lower + size - 1) for size in sizes) + b"=" + text
    head = struct.pack("!iii", len(sizes), None in pairs, 0) + b"".join(
        struct.pack("!ii", size, lower) for size in sizes
    )
    body = b"".join(
        struct.pack("!i", -1) if pair is None else struct.pack("!i", len(pair[1])) + pair[1] for pair in pairs
    )
    return text, head + body
