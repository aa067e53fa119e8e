"""Rows and copies are masked as plain Python masks them; those that do not fit their plan are errors for both."""

from __future__ import annotations

import struct

import pytest
from drawing import KEY, METHODS, TEXTS, arrays, steady
from drawing import PAIRS as VALUES
from hypothesis import given
from hypothesis import strategies as st
from reference import frames, rows

from sluice import _kernel

CELLS = {"text": TEXTS, "int4": VALUES["int4"].map(lambda pair: pair[0])}


@st.composite
def columns(draw: st.DrawFn, binary: bool) -> list[rows.Column]:
    """Plans of up to four columns, of text but for an integer here and there."""

    def one() -> rows.Column:
        kind = draw(st.sampled_from(["text", "text", "int4", "other"]))
        return draw(st.none() | METHODS.map(lambda method: (method, kind, binary, {})))

    return [one() for _ in range(draw(st.integers(1, 4)))]


def _table(draw: st.DrawFn, width: int, values: st.SearchStrategy[bytes]) -> list[list[bytes | None]]:
    return draw(st.lists(st.lists(st.none() | values, min_size=width, max_size=width), max_size=4))


@st.composite
def runs(draw: st.DrawFn) -> tuple[bytes, list[rows.Column]]:
    """A run of rows with its plan, or nearly."""
    plan = draw(columns(draw(st.booleans())))
    width = len(plan) + draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
    run = b"".join(frames.message(b"D", rows.laid_out(row)) for row in _table(draw, width, TEXTS))
    damage = draw(st.none() | st.tuples(st.integers(0, max(len(run) - 1, 0)), st.integers(0, 255)))
    if damage is not None and run:
        run = run[: damage[0]] + bytes([damage[1]]) + run[damage[0] + 1 :]
    return run, plan


@steady(120)
@given(runs())
def test_a_run_is_masked_as_plain_python_does(given_run: tuple[bytes, list[rows.Column]]) -> None:
    run, plan = given_run
    try:
        wanted = rows.mask_rows(run, plan, KEY)
    except ValueError:
        with pytest.raises(_kernel.KernelError):
            _kernel.MaskPlan(plan, KEY).rows(run)
    else:
        assert _kernel.MaskPlan(plan, KEY).rows(run)[:3] == wanted


@steady(25)
@given(data=st.data(), kind=st.sampled_from(["text", "int4", "numeric", "date"]), method=METHODS)
def test_arrays_in_rows_keep_their_lengths(data: st.DataObject, kind: str, method: str) -> None:
    for binary in (False, True):
        cells = [data.draw(arrays(kind))[binary], None]
        run = b"".join(frames.message(b"D", rows.laid_out([cell])) for cell in cells)
        plan: list[rows.Column] = [(method, f"array:{kind}", binary, {})]
        assert _kernel.MaskPlan(plan, KEY).rows(run)[:3] == rows.mask_rows(run, plan, KEY)


def _copy(plan: list[rows.Column], form: str, marks: rows.Marks, header: bool) -> _kernel.CopyMask:
    return _kernel.CopyMask(
        plan, KEY, format=form, delimiter=marks.delimiter, null=marks.null, quote=marks.quote, escape=marks.escape,
        header=header, max_row=1 << 20,
    )  # fmt: skip


def _fed(copy: _kernel.CopyMask, pieces: list[bytes]) -> tuple[bytes, int, list[int]]:
    out, count, hidden = b"", 0, [0]
    for piece in pieces:
        made, some, more, _ = copy.feed(frames.message(b"d", piece))
        out, count = out + made, count + some
        hidden = [old + new for old, new in zip(hidden * len(more) if len(hidden) == 1 else hidden, more, strict=True)]
    return out + copy.finish(), count, hidden


def _pieces(draw: st.DrawFn, data: bytes) -> list[list[bytes]]:
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=5)))
    some = [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    return [[data], some, [data[at : at + 1] for at in range(len(data))] or [b""]]


def _agree(draw: st.DrawFn, data: bytes, plan: list[rows.Column], form: str, marks: rows.Marks, header: bool) -> None:
    try:
        if form == "binary":
            wanted = rows.mask_binary(data, plan, KEY)
        elif form == "csv":
            wanted = rows.mask_csv(data, plan, KEY, marks, header)
        else:
            wanted = rows.mask_text(data, plan, KEY, marks, header)
    except ValueError:
        for pieces in _pieces(draw, data):
            with pytest.raises(_kernel.KernelError):
                _fed(_copy(plan, form, marks, header), pieces)
    else:
        for pieces in _pieces(draw, data):
            assert _fed(_copy(plan, form, marks, header), pieces) == wanted


TEXT_MARKS = st.builds(
    rows.Marks,
    st.sampled_from([b"\t", b"|", b",", b"N"]),
    st.sampled_from([b"\\x", b"", b"NULL!", b"\\t", b"guess", b"\\."]),
)


@steady(70)
@given(data=st.data(), plan=columns(False), marks=TEXT_MARKS, header=st.booleans())
def test_a_copy_in_text_is_masked_as_plain_python_does(
    data: st.DataObject, plan: list[rows.Column], marks: rows.Marks, header: bool
) -> None:
    if marks.delimiter in marks.null:
        marks = rows.Marks(marks.delimiter, b"\\x")
    table = _table(data.draw, len(plan), TEXTS | st.sampled_from([b"guess", b"\t", b"\\N"]))
    lines = [marks.delimiter.join(marks.null if v is None else rows.written(v, marks) for v in row) for row in table]
    _agree(data.draw, b"".join(line + b"\n" for line in [b"a\tb"] * header + lines), plan, "text", marks, header)


CSV_MARKS = st.sampled_from(
    [(b",", b'"', b'"'), (b";", b"'", b"\\"), (b",", b'"', b","), (b"\t", b"'", b"x"), (b"|", b'"', b"|")]
)


@steady(70)
@given(data=st.data(), plan=columns(False), three=CSV_MARKS, null=st.sampled_from([b"", b"NULL"]), force=st.booleans())
def test_a_copy_in_csv_is_masked_as_plain_python_does(
    data: st.DataObject, plan: list[rows.Column], three: tuple[bytes, bytes, bytes], null: bytes, force: bool
) -> None:
    delimiter, quote, escape = three
    marks = rows.Marks(delimiter, null, quote, escape)

    def field(value: bytes | None) -> bytes:
        if value is None:
            return null
        plain = not force and value != null and not any(one in value for one in (delimiter, quote, b"\n", b"\r"))
        return value if plain else rows._quoted(value, marks)

    table = _table(data.draw, len(plan), TEXTS | st.sampled_from([b"NULL", b'a"b', b"a\nb"]))
    lines = [delimiter.join(map(field, row)) for row in table]
    _agree(
        data.draw,
        b"".join(line + b"\n" for line in [rows._quoted(b"a\nb", marks)] * force + lines),
        plan,
        "csv",
        marks,
        force,
    )


@steady(70)
@given(
    data=st.data(), plan=columns(False), form=st.sampled_from(["text", "csv"]), header=st.booleans(),
    junk=st.lists(st.sampled_from([b"a", b"1", b"\n", b"\n", b"\t", b",", b'"', b"\\", b"\xc3", b"x"]), max_size=24),
    three=CSV_MARKS,
)  # fmt: skip
def test_a_copy_of_junk_is_masked_or_an_error_for_both(
    data: st.DataObject,
    plan: list[rows.Column],
    form: str,
    header: bool,
    junk: list[bytes],
    three: tuple[bytes, bytes, bytes],
) -> None:
    _agree(
        data.draw,
        b"".join(junk),
        plan,
        form,
        rows.Marks(three[0], b"\\N" if form == "text" else b"", *three[1:]),
        header,
    )


@steady(50)
@given(data=st.data(), plan=columns(True), cutting=st.integers(0, 3), behind=st.sampled_from([b"", b"", b"\0\0"]))
def test_a_copy_in_binary_is_masked_as_plain_python_does(
    data: st.DataObject, plan: list[rows.Column], cutting: int, behind: bytes
) -> None:
    table = _table(data.draw, len(plan), TEXTS)
    copied = rows.SIGNATURE + bytes(8) + b"".join(map(rows.laid_out, table)) + b"\xff\xff" + behind
    _agree(data.draw, copied[: len(copied) - cutting], plan, "binary", rows.Marks(b"\t", b""), False)


def test_a_binary_copy_with_another_head_is_an_error() -> None:
    for head in (bytes(19), rows.SIGNATURE + bytes(4) + struct.pack("!i", 1)):
        with pytest.raises(_kernel.KernelError):
            _fed(_copy([None], "binary", rows.Marks(b"\t", b""), False), [head + b"\xff\xff"])
