"""Masks on runs of rows and on the data of a COPY, taken whole. ValueError: it is not what it should be."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from reference import masks
from reference.frames import each, message

Column = tuple[str, str, bool, dict[str, str]] | None
SIGNATURE = b"PGCOPY\n\xff\r\n\0"


@dataclass(frozen=True)
class Marks:
    """The characters of a text format."""

    delimiter: bytes
    null: bytes
    quote: bytes = b'"'
    escape: bytes = b'"'


def _shown(value: bytes | None, column: Column, key: bytes) -> bytes | None:
    if column is None or value is None:
        return value
    method, kind, binary, params = column
    return masks.mask(value, method, kind, binary, params, key)


def cells(body: bytes) -> tuple[list[bytes | None], bytes]:
    """The values of a counted tuple, and what stands behind it."""
    try:
        count = struct.unpack_from("!H", body)[0]
        values: list[bytes | None] = []
        at = 2
        for _ in range(count):
            size = struct.unpack_from("!i", body, at)[0]
            at += 4
            if size < -1 or at + size > len(body):
                raise ValueError("no such length")
            values.append(None if size < 0 else body[at : at + size])
            at += max(size, 0)
    except struct.error as error:
        raise ValueError("a row is cut short") from error
    return values, body[at:]


def laid_out(values: Sequence[bytes | None]) -> bytes:
    """A counted tuple."""
    return struct.pack("!H", len(values)) + b"".join(
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values
    )


def mask_rows(run: bytes, columns: Sequence[Column], key: bytes) -> tuple[bytes, int, list[int]]:
    """The run rewritten, its rows, the values hidden per column."""
    out, rows, hidden = b"", 0, [0] * len(columns)
    for raw in each(run):
        values, rest = cells(raw[5:])
        if raw[:1] != b"D" or rest or len(values) != len(columns):
            raise ValueError("not a row of this plan")
        out += message(b"D", laid_out(_masked(values, columns, hidden, key)))
        rows += 1
    return out, rows, hidden


def _masked(
    values: Sequence[bytes | None], columns: Sequence[Column], hidden: list[int], key: bytes
) -> list[bytes | None]:
    for at, (value, column) in enumerate(zip(values, columns, strict=True)):
        hidden[at] += value is not None and column is not None
    return [_shown(value, column, key) for value, column in zip(values, columns, strict=True)]


def mask_binary(data: bytes, columns: Sequence[Column], key: bytes) -> tuple[bytes, int, list[int]]:
    """A whole COPY in binary format to one message a row (the header with the first, the end in one of its own)."""
    if len(data) < 19 or not data.startswith(SIGNATURE) or data[15:19] != bytes(4):
        raise ValueError("no binary copy")
    head, data = data[:19], data[19:]
    out, rows, hidden = b"", 0, [0] * len(columns)
    while data != b"\xff\xff":
        values, data = cells(data)
        if len(values) != len(columns):
            raise ValueError("another number of fields")
        out += message(b"d", head + laid_out(_masked(values, columns, hidden, key)))
        head, rows = b"", rows + 1
    return out + message(b"d", head + b"\xff\xff"), rows, hidden


def mask_text(
    data: bytes, columns: Sequence[Column], key: bytes, marks: Marks, header: bool
) -> tuple[bytes, int, list[int]]:
    """A whole COPY in text format. A backslash gives the character behind it another meaning."""
    if data and not data.endswith(b"\n"):
        raise ValueError("a line does not end")
    out, rows, hidden = b"", 0, [0] * len(columns)
    # Written by the server for a value, so what is masked must not show that it is there.
    doubtful = bool(marks.null) and written(read(marks.null), marks) == marks.null
    for number, line in enumerate(data.split(b"\n")[:-1]):
        if header and not number:
            out += message(b"d", line + b"\n")
            continue
        fields = _fields(line, marks)
        if len(fields) != len(columns):
            raise ValueError("another number of fields")
        values = [None if field == marks.null else read(field) for field in fields]
        made = _masked(values, columns, hidden, key)
        shown = [
            field if column is None or field == marks.null
            else marks.null if value is None or doubtful
            else written(value, marks)
            for field, column, value in zip(fields, columns, made, strict=True)
        ]  # fmt: skip
        out += message(b"d", marks.delimiter.join(shown) + b"\n")
        rows += 1
    return out, rows, hidden


_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _fields(line: bytes, marks: Marks) -> list[bytes]:
    fields, at, start = [], 0, 0
    while at < len(line):
        if line[at : at + 1] == b"\\":
            at += 1
        elif line[at : at + 1] == marks.delimiter:
            fields.append(line[start:at])
            start = at + 1
        at += 1
    return [*fields, line[start:]]


def read(field: bytes) -> bytes:
    """The value that a text field stands for."""
    value, at = b"", 0
    while at < len(field):
        if field[at : at + 1] == b"\\":
            at += 1
            behind = field[at : at + 1] or b"\\"
            value += _LETTERS.get(behind, behind)
        else:
            value += field[at : at + 1]
        at += 1
    return value


def written(value: bytes, marks: Marks) -> bytes:
    """The text field of a value."""
    letters = {meaning: b"\\" + letter for letter, meaning in _LETTERS.items()}
    letters |= {b"\\": b"\\\\"}
    return b"".join(
        letters.get(one, b"\\" + one if one == marks.delimiter else one) for one in (bytes([c]) for c in value)
    )


def mask_csv(
    data: bytes, columns: Sequence[Column], key: bytes, marks: Marks, header: bool
) -> tuple[bytes, int, list[int]]:
    """A whole COPY in CSV format: read character by character, in quotes or not."""
    out, rows, hidden = b"", 0, [0] * len(columns)
    while data:
        fields, line, data = _record(data, marks)
        if header:
            header = False
            out += message(b"d", line + b"\n")
            continue
        if len(fields) != len(columns):
            raise ValueError("another number of fields")
        made = _masked([value for _, value in fields], columns, hidden, key)
        shown = [
            raw if column is None or before is None else marks.null if value is None else _quoted(value, marks)
            for (raw, before), column, value in zip(fields, columns, made, strict=True)
        ]
        out += message(b"d", marks.delimiter.join(shown) + b"\n")
        rows += 1
    return out, rows, hidden


def _record(data: bytes, marks: Marks) -> tuple[list[tuple[bytes, bytes | None]], bytes, bytes]:
    """One record: its fields (as they stand, and their values), its line, and the data behind it."""
    fields: list[tuple[bytes, bytes | None]] = []
    raw, value, inside, at = b"", b"", False, 0
    while at < len(data):
        c, behind = data[at : at + 1], data[at + 1 : at + 2]
        if inside and c == marks.escape and behind in (marks.quote, marks.escape) and behind:
            raw, value, at = raw + c + behind, value + behind, at + 2
            continue
        at += 1
        if c == marks.quote:
            raw, inside = raw + c, not inside
        elif not inside and c in (marks.delimiter, b"\n"):
            fields.append((raw, None if raw == marks.null else value))
            raw = value = b""
            if c == b"\n":
                return fields, data[: at - 1], data[at:]
        else:
            raw, value = raw + c, value + c
    raise ValueError("a record does not end")


def _quoted(value: bytes, marks: Marks) -> bytes:
    special = {marks.quote, marks.escape}
    body = b"".join(marks.escape + one if one in special else one for one in (bytes([c]) for c in value))
    return marks.quote + body + marks.quote
