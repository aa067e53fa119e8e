"""What kind of file this is: by its name, and for CSV by its first record."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sluice.classify.scrubbing import Form

_FORMS: Final[dict[str, Form | Literal["parquet"]]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_WHOLE_JSON: Final = 256 << 20
"""Longer JSON values are read line by line, so that memory stays bounded."""

_LOOK: Final = 64 << 10
_BOM: Final = b"\xef\xbb\xbf"


class FileProblem(Exception):
    """A file that cannot be read or written as what it is; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is read. `head` is passed on as it is (a byte order mark, a header); `columns` are the fields' names."""

    form: Form | Literal["parquet"]
    head: bytes = b""
    delimiter: str = ","
    columns: tuple[bytes, ...] = ()


def shape_of(path: Path) -> Shape:
    """The shape of a file. FileProblem when it is none that can be read."""
    form = _FORMS.get(path.suffix.lower(), "text")
    if form == "parquet":
        return Shape(form)
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK)
    except OSError as error:
        raise FileProblem(f"cannot be read: {error.strerror}") from error
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileProblem("is UTF-16; convert it to UTF-8 first")
    if b"\0" in start:
        raise FileProblem("is not text")
    if form == "csv":
        return _csv(path, start)
    mark = _BOM if start.startswith(_BOM) else b""
    if form == "json" and path.stat().st_size > _WHOLE_JSON:
        form = "jsonl"
    return Shape(form, mark)


def _csv(path: Path, start: bytes) -> Shape:
    end = start.find(b"\n") + 1
    head = start[:end] if end else start
    text = head.decode("utf-8-sig", "replace")
    if text.count('"') % 2:
        raise FileProblem("has a header that goes over several lines")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=text.count)
    names = next(csv.reader([text], delimiter=delimiter), [])
    return Shape("csv", head, delimiter, tuple(name.strip().encode() for name in names))
