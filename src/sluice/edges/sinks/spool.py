"""Lines that the operating system holds and no segment of the log has yet: a small file, mapped into memory.

A line copied into a shared mapping outlives this process as a written one does (mmap(2), MAP_SHARED), and costs no call into
the system. Many lines then go into the log by one write. What a killed process left here, the next one puts into the log.
What is found after the machine itself was lost is not trusted: any of its pages may be older than the others.

The file: 8 bytes of magic; the segment and its size behind which the lines belong (u64 each); where they end (u64, one store,
which a kill cannot tear); the machine's boot (16 bytes); the lines from byte 64 on.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sluice._kernel import Tail
from sluice.session.permit import Receipt

NAME = "audit.spool"
SIZE = 1 << 18
_MAGIC = b"sluice\x02\n"
_FIRST = 64
_PLACE = struct.Struct("=QQ")
_END = struct.Struct("=Q")
_PLACE_AT, _END_AT, _BOOT_AT = 8, 24, 32
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another value each time the machine starts: random(4)."""


class Log(Protocol):
    """What lies behind a spool: `JsonLog`."""

    failure: str | None

    @property
    def position(self) -> tuple[int, int]:
        """(segment, bytes of it) up to which there are lines."""

    def append(self, lines: bytes, event_ids: tuple[str, ...] = ()) -> Receipt:
        """Appends whole lines."""


class Spool:
    """The lines on their way into one log. Its folder must be locked by the caller, its `failed` is the log's own exception.

    `found` is how many bytes of lines a killed process had left, that are in the log now; `lost` how many a lost machine had
    spoilt. Raises OSError when the file cannot be made (on a full medium too: it takes its space at once), and what the log raises.
    """

    def __init__(self, folder: Path, log: Log, failed: Callable[[str], Exception]) -> None:
        self._log = log
        self._failed = failed
        self._map, self._fd = _mapped(folder / NAME)
        self._extent = memoryview(self._map)[_END_AT : _END_AT + _END.size].cast("Q")
        self.tail = Tail(self._map, self._extent, _FIRST)
        """Where the lines are put."""
        left, self.lost = _left(self._map)
        rest = left[_already(folder, _PLACE.unpack_from(self._map, _PLACE_AT), left) :] if left else b""
        self.found = len(rest)
        if rest:
            log.append(rest)
        self._settle()
        self._map[_BOOT_AT : _BOOT_AT + 16] = _boot()

    def append(self, lines: bytes, event_ids: tuple[str, ...]) -> Receipt:
        """Takes whole lines; raises the log's exception when the log has failed or cannot take those before them."""
        if self._log.failure is not None:
            raise self._failed(self._log.failure)
        if not self.tail.append(lines):
            if lines[-1:] != b"\n":
                raise self._failed("the log takes whole lines only")
            self.drain()
            if not self.tail.append(lines):
                return self._log.append(lines, event_ids)
        return Receipt(event_ids, False)

    def drain(self) -> None:
        """Puts everything into the log; when that raises, everything stays here."""
        if self.tail.end > _FIRST:
            self._log.append(self._map[_FIRST : self.tail.end])
            self._settle()

    def settle(self) -> None:
        """The log went on past what is here, or elsewhere: what comes next belongs behind that. Nothing may wait."""
        if self.tail.end == _FIRST:
            self._settle()

    def close(self) -> None:
        """Drains and lets go of the file."""
        try:
            self.drain()
        finally:
            self.tail.release()
            self._extent.release()
            self._map.close()
            os.close(self._fd)

    def _settle(self) -> None:
        # First that nothing is here, then where the next belongs: a kill between the two leaves nothing to misplace.
        self.tail.settle()
        _PLACE.pack_into(self._map, _PLACE_AT, *self._log.position)


def held(folder: Path) -> tuple[int, int, bytes]:
    """(segment, its size, lines) that wait in a spool, perhaps of a running process, to go behind that place; OSError."""
    try:
        with (folder / NAME).open("rb", buffering=0) as file:
            while True:
                content = file.read(SIZE)
                lines, _ = _left(content)
                place = _PLACE.unpack_from(content, _PLACE_AT) if len(content) == SIZE else (0, 0)
                file.seek(0)
                # What a running process changed while it was read is read again.
                if file.read(_FIRST) == content[:_FIRST]:
                    return place[0], place[1], lines
                file.seek(0)
    except FileNotFoundError:
        return 0, 0, b""


def _mapped(path: Path) -> tuple[mmap.mmap, int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(fd).st_size != SIZE:
            os.ftruncate(fd, 0)
            # Its blocks must be there before it is mapped: a store that finds none ends the process.
            blank = _MAGIC + _PLACE.pack(0, 0) + _END.pack(_FIRST) + _boot()
            if os.pwrite(fd, blank.ljust(SIZE, b"\0"), 0) != SIZE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return mmap.mmap(fd, SIZE), fd
    except OSError:
        os.close(fd)
        raise


def _left(content: mmap.mmap | bytes) -> tuple[bytes, int]:
    """(the lines in a spool, bytes of lines that cannot be trusted)."""
    if len(content) != SIZE or content[: len(_MAGIC)] != _MAGIC:
        return b"", 0
    (end,) = _END.unpack_from(content, _END_AT)
    if not _FIRST <= end <= SIZE:
        return b"", SIZE - _FIRST
    lines = bytes(content[_FIRST:end])
    return (lines, 0) if content[_BOOT_AT : _BOOT_AT + 16] == _boot() else (b"", len(lines))


def _boot() -> bytes:
    """The machine's present boot; zeros where it has no name for it, and what is found is then trusted."""
    try:
        return uuid.UUID(_BOOT.read_text().strip()).bytes
    except (OSError, ValueError):
        return bytes(16)


def _already(folder: Path, place: tuple[int, int], lines: bytes) -> int:
    """How many bytes of the lines the log has already: its writer was killed between the write and the note of it."""
    segment, size = place
    behind = b""
    for number, path in sorted((int(path.stem.removeprefix("audit-")), path) for path in folder.glob("audit-*.jsonl")):
        if number >= segment:
            with path.open("rb") as file:
                file.seek(size if number == segment else 0)
                behind += file.read(len(lines) - len(behind))
    while behind and not lines.startswith(behind):
        behind = behind[: behind.rfind(b"\n", 0, -1) + 1]
    return len(behind)
