"""What a PostgreSQL server says after its start-up: bytes to `Answered` events.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html. Rows arrive as runs, never one object a row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal

from sluice._kernel import Frames
from sluice.model.waist import (
    Answered,
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
)

_ORIGIN = struct.Struct("!IhIhih")


class Upstream:
    """Decodes one server's messages. `feed` never raises; the first `Broken` is the last event ever returned."""

    __slots__ = ("_broken", "_frames", "_left")

    def __init__(self, max_frame: int) -> None:
        self._frames = Frames(server=True, max_frame=max_frame)
        self._broken = False
        self._left = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held."""
        return self._frames.pending

    def stream(self, on: bool) -> None:
        """Whether a row that is not whole at the end of a read is handed on in parts; a row once begun so goes on so."""
        self._frames.stream = on

    def begun(self, run: bytes) -> int:
        """Rows (or COPY data messages) that begin in a run of them, which may itself begin and end inside one."""
        at, rows = self._left, 0
        while at < len(run):
            rows += 1
            at += 1 + int.from_bytes(run[at + 1 : at + 5], "big")
        self._left = at - len(run)
        return rows

    def feed(self, data: bytes) -> list[Answered]:
        """Bytes as they came from the socket, cut anywhere, to the events they complete."""
        if self._broken:
            return []
        answered: list[Answered] = []
        for kind, raw in self._frames.feed(data):
            event = _decode(kind, raw)
            answered.append(event)
            if isinstance(event, Broken):
                self._broken = True
                break
        return answered


def columns(raw: bytes) -> tuple[ResultColumn, ...]:
    """The columns of a RowDescription message. Raises ValueError when it breaks its own layout."""
    count = int.from_bytes(raw[5:7], "big")
    at = 7
    found = []
    try:
        for _ in range(count):
            end = raw.index(b"\0", at)
            table, attnum, type_oid, _, typmod, form = _ORIGIN.unpack_from(raw, end + 1)
            found.append(
                ResultColumn(raw[at:end].decode("utf-8", "replace"), table, attnum, type_oid, typmod, form == 1)
            )
            at = end + 1 + _ORIGIN.size
    except struct.error as error:
        raise ValueError("row description ends early") from error
    if at != len(raw):
        raise ValueError("row description holds more than its columns")
    return tuple(found)


def _decode(kind: int, raw: bytes) -> Answered:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return Broken(
            raw.decode("ascii", "replace") if kind == 0 else f"message type `{chr(kind)}` is not expected here"
        )
    try:
        return decoder(raw)
    except (ValueError, IndexError, struct.error):
        return Broken(f"malformed `{chr(kind)}` message")


def fields(raw: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse by their letters. Raises ValueError when it is cut short."""
    found: dict[str, str] = {}
    at = 5
    while raw[at] != 0:
        end = raw.index(b"\0", at + 1)
        found[chr(raw[at])] = raw[at + 1 : end].decode("utf-8", "replace")
        at = end + 1
    return found


def _copy_start(direction: Literal["in", "out", "both"]) -> Callable[[bytes], CopyStart]:
    def decode(raw: bytes) -> CopyStart:
        return CopyStart(raw, direction, int.from_bytes(raw[6:8], "big"), raw[5] == 1)

    return decode


def _parameter(raw: bytes) -> Pass:
    name, value, rest = raw[5:].split(b"\0")
    if rest:
        raise ValueError("a parameter is one name and one value")
    return Pass(raw, name.decode(), value.decode("utf-8", "replace"))


def _ready(raw: bytes) -> Ready:
    status = chr(raw[5])
    if len(raw) != 6 or status not in "ITE":
        raise ValueError("unknown transaction status")
    return Ready(raw, status)


_DECODERS: dict[int, Callable[[bytes], Answered]] = {
    ord("T"): Columns,
    ord("D"): lambda raw: Rows(raw, False),
    ord("d"): lambda raw: Rows(raw, True),
    ord("C"): lambda raw: Done(raw, raw[5:-1].decode("ascii", "replace")),
    ord("I"): lambda raw: Done(raw, "", empty=True),
    ord("s"): lambda raw: Done(raw, "", suspended=True),
    ord("1"): lambda raw: Step(raw, "prepared"),
    ord("2"): lambda raw: Step(raw, "bound"),
    ord("3"): lambda raw: Step(raw, "closed"),
    ord("n"): lambda raw: Step(raw, "no-data"),
    ord("t"): lambda raw: Step(raw, "parameters"),
    ord("V"): lambda raw: Step(raw, "call"),
    ord("E"): lambda raw: Failed(raw, fields(raw)),
    ord("N"): lambda raw: Notice(raw, fields(raw)),
    ord("A"): Pass,
    ord("S"): _parameter,
    ord("G"): _copy_start("in"),
    ord("H"): _copy_start("out"),
    ord("W"): _copy_start("both"),
    ord("c"): CopyEnd,
    ord("Z"): _ready,
}


def cells(run: bytes) -> list[list[bytes | None]]:
    """The values of a run of DataRow messages, for Sluice's own small queries.

    Raises ValueError when a row breaks its own layout.
    """
    rows: list[list[bytes | None]] = []
    at = 0
    while at < len(run):
        end = at + 1 + int.from_bytes(run[at + 1 : at + 5], "big")
        count = int.from_bytes(run[at + 5 : at + 7], "big")
        at += 7
        row: list[bytes | None] = []
        for _ in range(count):
            size = int.from_bytes(run[at : at + 4], "big", signed=True)
            at += 4
            row.append(None if size < 0 else run[at : at + size])
            at += max(size, 0)
        if at != end:
            raise ValueError("row does not end where it says")
        rows.append(row)
    return rows
