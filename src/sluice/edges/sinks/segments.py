"""The segments of a log, as whoever reads them sees them: runs of whole lines and their salts, sealed or not.

audit-000001.jsonl       lines, as they were written          audit-000001.salts   16 bytes a line
audit-000001.jsonl.zst   the same, sealed (`sealed.py`)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from sluice.audit.tree import SALT, count
from sluice.edges.sinks.sealed import Sealed, sealed_path

RUN = 1 << 20
_SEGMENT = re.compile(r"audit-(\d{6,})\.jsonl(?:\.zst)?\Z")

Piece = Callable[[], tuple[bytes, bytes, bool]]
"""Gives a run of lines, their salts, and whether all of these were there; to be called in any thread, once."""


class Segment(Protocol):
    """A segment that is open for reading. Its methods raise OSError, or LogFailed where it is sealed and cannot be opened."""

    @property
    def size(self) -> int:
        """The bytes of its whole lines, as they were written."""

    def pieces(self, size: int | None = None) -> Iterator[Piece]:
        """Its lines and salts, or those of its first `size` bytes, in order."""

    def runs(self, start: int = 0) -> Iterator[bytes]:
        """Its lines from this byte on, at which one begins, in runs of whole ones."""

    def span(self) -> tuple[str, str]:
        """The times of its first and last event; empty where these have none."""

    def close(self) -> None:
        """Lets go of the file."""


def segments(path: Path) -> list[int]:
    """The numbers of the segments in a log's folder, in no order, each once; OSError when it cannot be read."""
    found = (_SEGMENT.match(entry.name) for entry in path.iterdir())
    return list({int(match[1]) for match in found if match is not None})


def segment_path(path: Path, number: int) -> Path:
    """Where a segment of a log is while it is not sealed."""
    return path / f"audit-{number:06d}.jsonl"


def salts_path(path: Path, number: int) -> Path:
    """Where the salts of a segment's lines are while it is not sealed."""
    return path / f"audit-{number:06d}.salts"


def open_segment(path: Path, number: int) -> Segment:
    """A segment, whichever way it is kept. FileNotFoundError when it is not here, LogFailed when it is sealed and damaged."""
    try:
        return Plain(path, number)
    except FileNotFoundError:
        # Sealing puts the sealed form in place before it takes the other away.
        return Sealed(sealed_path(path, number))


class Plain:
    """A segment as it was written."""

    def __init__(self, path: Path, number: int) -> None:
        self._file = segment_path(path, number).open("rb", buffering=0)
        self._salts = salts_path(path, number)

    @property
    def size(self) -> int:
        """The bytes of its whole lines; what is being written behind them is left out."""
        return whole_size(self._file.fileno())

    def pieces(self, size: int | None = None) -> Iterator[Piece]:
        """Runs of a MiB. Missing salts are zeros, with which a line that has a text does not make the leaf that was signed."""
        salts, at = self._salts.read_bytes() if self._salts.exists() else b"", 0
        for run in runs(self._file.fileno(), 0, self.size if size is None else size):
            wanted = count(run) * SALT
            own = salts[at : at + wanted]
            at += wanted
            found = run, own.ljust(wanted, b"\0"), len(own) == wanted
            yield lambda found=found: found  # type: ignore[misc]

    def runs(self, start: int = 0) -> Iterator[bytes]:
        """Its lines from this byte on, in runs of a MiB."""
        yield from runs(self._file.fileno(), start, self.size)

    def span(self) -> tuple[str, str]:
        """The times of its first and last event."""
        self._file.seek(0)
        first = self._file.read(1 << 16).partition(b"\n")[0]
        return time_of(first), time_of(last_line(self._file.fileno()))

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()


class _Timed(msgspec.Struct):
    time: str = ""


def time_of(line: bytes) -> str:
    """The time of an event; empty when it has none."""
    try:
        return msgspec.json.decode(line, type=_Timed).time
    except msgspec.MsgspecError:
        return ""


def runs(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`, which must end in a line feed, in runs of whole lines of a MiB or one longer line."""
    size = RUN
    while start < end:
        block = os.pread(fd, min(size, end - start), start)
        cut = block.rfind(b"\n") + 1
        if not block or (not cut and len(block) == end - start):
            return
        if not cut:
            size *= 2
            continue
        start += cut
        size = RUN
        yield block[:cut]


def whole_size(fd: int) -> int:
    """The length of a file up to its last whole line; OSError when it cannot be read."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - (1 << 16))
        cut = os.pread(fd, end - start, start).rfind(b"\n") + 1
        if cut:
            return start + cut
        end = start
    return 0


def last_line(fd: int) -> bytes:
    """The last whole line of a file, without its line feed; empty when there is none. OSError when it cannot be read."""
    end, size = whole_size(fd), 1 << 14
    while end:
        start = max(0, end - size)
        block = os.pread(fd, end - start, start)
        cut = block.rfind(b"\n", 0, len(block) - 1) + 1
        if cut or not start:
            return block[cut:-1]
        size *= 4
    return b""
