"""A masked COPY comes as the server would send it: one message a row, however the data was cut on its way."""

from __future__ import annotations

import struct

import pytest

from sluice import _kernel

KEY = b"k" * 32
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def _mask(form: str, header: bool = False) -> _kernel.CopyMask:
    return _kernel.CopyMask(
        [None, ("redact", "text", form == "binary", {})],
        KEY,
        format=form,
        delimiter=b"," if form == "csv" else b"\t",
        null=b"" if form == "csv" else b"\\N",
        quote=b'"',
        escape=b'"',
        header=header,
        max_row=1 << 20,
    )


def _message(data: bytes) -> bytes:
    return b"d" + (len(data) + 4).to_bytes(4, "big") + data


def _tuple(*values: bytes) -> bytes:
    return struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(value)) + value for value in values)


CASES = {
    "text": ([b"1\tabc\n", b"2\t\\N\n"], [b"1\t[redacted]\n", b"2\t\\N\n"]),
    "csv": ([b"id,name\n", b'1,"a\nb"\n', b"2,\n"], [b"id,name\n", b'1,"[redacted]"\n', b"2,\n"]),
    "binary": (
        [HEAD + _tuple(b"1", b"abc"), _tuple(b"2", b"x"), b"\xff\xff"],
        [HEAD + _tuple(b"1", b"[redacted]"), _tuple(b"2", b"[redacted]"), b"\xff\xff"],
    ),
}


@pytest.mark.parametrize("form", CASES)
def test_one_message_comes_for_one_row(form: str) -> None:
    sent, wanted = CASES[form]
    mask = _mask(form, header=form == "csv")
    got, rows, hidden, _ = mask.feed(b"".join(map(_message, sent)))
    assert got + mask.finish() == b"".join(map(_message, wanted))
    assert (rows, hidden) == (2, [0, 2 if form == "binary" else 1])


@pytest.mark.parametrize("form", CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 11, 20])
def test_the_cut_of_the_data_does_not_matter(form: str, size: int) -> None:
    sent, wanted = CASES[form]
    data, mask, got, rows = b"".join(sent), _mask(form, header=form == "csv"), b"", 0
    for at in range(0, len(data), size):
        some, count, _, _ = mask.feed(_message(data[at : at + size]))
        got, rows = got + some, rows + count
    assert got + mask.finish() == b"".join(map(_message, wanted))
    assert rows == 2


def test_an_empty_binary_copy_is_one_message() -> None:
    mask = _mask("binary")
    assert mask.feed(_message(HEAD + b"\xff\xff"))[0] + mask.finish() == _message(HEAD + b"\xff\xff")


def test_a_binary_copy_that_does_not_end_is_an_error() -> None:
    mask = _mask("binary")
    mask.feed(_message(HEAD))
    with pytest.raises(_kernel.KernelError):
        mask.finish()
