"""What a PostgreSQL server says after its start-up: bytes to `Answered` events.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html. Rows arrive as runs, never one object a row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
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
_COUNT = struct.Struct("!H")
_SIZE = struct.Struct("!i")
_KEPT = 128
"""Descriptions of results that are kept read: the same few come again and again."""


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


@lru_cache(maxsize=_KEPT)
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
    _whole(raw, at + 1)
    return found


def _whole(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise ValueError("bytes after the end of the message")


def _columns(raw: bytes) -> Columns:
    columns(raw)
    return Columns(raw)


def _done(raw: bytes) -> Done:
    _whole(raw, raw.index(b"\0", 5) + 1)
    return Done(raw, raw[5:-1].decode("ascii", "replace"))


def _bare(event: Callable[[bytes], Answered]) -> Callable[[bytes], Answered]:
    def decode(raw: bytes) -> Answered:
        _whole(raw, 5)
        return event(raw)

    return decode


def _step(kind: Literal["prepared", "bound", "closed", "no-data"]) -> Callable[[bytes], Answered]:
    return _bare(lambda raw: Step(raw, kind))


def _types(raw: bytes) -> Step:
    _whole(raw, 7 + 4 * _COUNT.unpack_from(raw, 5)[0])
    return Step(raw, "parameters")


def _notified(raw: bytes) -> Pass:
    channel = raw.index(b"\0", 9) + 1
    _whole(raw, raw.index(b"\0", channel) + 1)
    return Pass(raw, hushed=raw[:1] + (channel).to_bytes(4, "big") + raw[5:channel] + b"\0")


def _copy_start(direction: Literal["in", "out", "both"]) -> Callable[[bytes], CopyStart]:
    def decode(raw: bytes) -> CopyStart:
        count = _COUNT.unpack_from(raw, 6)[0]
        _whole(raw, 8 + 2 * count)
        if raw[5] > 1:
            raise ValueError("neither text nor binary")
        return CopyStart(raw, direction, count, raw[5] == 1)

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
    ord("T"): _columns,
    ord("D"): lambda raw: Rows(raw, False),
    ord("d"): lambda raw: Rows(raw, True),
    ord("C"): _done,
    ord("I"): _bare(lambda raw: Done(raw, "", empty=True)),
    ord("s"): _bare(lambda raw: Done(raw, "", suspended=True)),
    ord("1"): _step("prepared"),
    ord("2"): _step("bound"),
    ord("3"): _step("closed"),
    ord("n"): _step("no-data"),
    ord("t"): _types,
    ord("V"): lambda raw: Step(raw, "call"),
    ord("E"): lambda raw: Failed(raw, fields(raw)),
    ord("N"): lambda raw: Notice(raw, fields(raw)),
    ord("A"): _notified,
    ord("S"): _parameter,
    ord("G"): _copy_start("in"),
    ord("H"): _copy_start("out"),
    ord("W"): _copy_start("both"),
    ord("c"): _bare(CopyEnd),
    ord("Z"): _ready,
}


def cells(run: bytes) -> list[list[bytes | None]]:
    """The values of a run of DataRow messages, for Sluice's own small queries.

    Raises ValueError when a row breaks its own layout.
    """
    rows: list[list[bytes | None]] = []
    at = 0
    try:
        while at < len(run):
            end = at + 1 + _SIZE.unpack_from(run, at + 1)[0]
            count = _COUNT.unpack_from(run, at + 5)[0]
            at += 7
            row: list[bytes | None] = []
            for _ in range(count):
                size = _SIZE.unpack_from(run, at)[0]
                if size < -1:
                    raise ValueError("a value of a row has no such length")
                at += 4
                row.append(None if size < 0 else run[at : at + size])
                at += max(size, 0)
            if at != end or at > len(run):
                raise ValueError("a row does not end where it says")
            rows.append(row)
    except struct.error as error:
        raise ValueError("a row is cut short") from error
    return rows
