"""Prints results: for people as text and tables, with `--json` as one JSON value on standard output."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

Mark = Literal["ok", "warn", "fail", "note"]

_STYLES: dict[Mark, str] = {"ok": "green", "warn": "yellow", "fail": "red", "note": "dim"}
# What could move a terminal's cursor or hide text: names and texts here come from databases and clients.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Output:
    """One command's output. With `json`, only `data` prints, and it has to be called exactly once."""

    def __init__(self, json: bool) -> None:
        self.json = json
        self._console = Console(markup=False, highlight=False, soft_wrap=True, emoji=False)

    def data(self, value: object) -> None:
        """The result for programs; nothing without `--json`."""
        if self.json:
            sys.stdout.buffer.write(encoded(value) + b"\n")
            sys.stdout.flush()

    def say(self, text: str, mark: Mark | None = None) -> None:
        """A line for people."""
        if not self.json:
            self._console.print(Text(clean(text), style=_STYLES[mark] if mark else ""))

    def verdict(self, mark: Mark, text: str) -> None:
        """A line that begins with how it went."""
        if not self.json:
            self._console.print(Text.assemble((f"{mark:>4}  ", _STYLES[mark]), clean(text)))

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows for people; nothing when there are none."""
        listed = [[Text(clean(str(cell))) for cell in row] for row in rows]
        if self.json or not listed:
            return
        table = Table(*headings, box=None, pad_edge=False, header_style="bold")
        for row in listed:
            table.add_row(*row)
        self._console.print(table, soft_wrap=False)


def clean(text: str) -> str:
    """Text without what could take over a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def encoded(value: object) -> bytes:
    """A value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"`{type(value).__name__}` has no JSON form")
