"""The log on disk: a folder of append-only JSON-lines segments, `audit-000001.jsonl` and so on.

A receipt exists only after the lines are whole in the operating system's hands (`synced`: on the medium). Any failure
cuts the file back to its last whole batch and closes the log until `probe` has written to it again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

from sluice.edges.sinks.failed import LogFailed as LogFailed
from sluice.edges.sinks.sealed import sealed_path
from sluice.edges.sinks.segments import open_segment, segment_path, segments
from sluice.edges.sinks.spool import held
from sluice.session.permit import Receipt

Durability = Literal["buffered", "synced"]

_BLOCK = 1 << 16
_OPEN = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Disk:
    """The calls that can fail on a full or broken medium, together so that a test can make the n-th of them fail."""

    def write(self, fd: int, data: bytes) -> int:
        """Appends; how many bytes were taken."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Forces the data to the medium."""
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cuts a file."""
        os.ftruncate(fd, size)


class JsonLog:
    """One process's log in the folder `path`, which it locks. LogFailed when it cannot be opened.

    `fsync_ms` is how often the runtime is to call `flush`; `durability` `synced` forces every append to the medium.
    `segment_bytes`: a segment that would grow past it is closed and the next begun.
    """

    def __init__(
        self,
        path: Path,
        fsync_ms: int = 200,
        durability: Durability = "buffered",
        *,
        segment_bytes: int = 256 << 20,
        disk: Disk | None = None,
    ) -> None:
        self.path = path
        self.fsync_ms = fsync_ms
        self.durability = durability
        self.failure: str | None = None
        self.repaired = 0
        self._segment_bytes = segment_bytes
        self._disk = disk or Disk()
        self._write = os.write if disk is None else disk.write
        self._dirty = False
        self._torn = False
        self._distrusted = False
        self._lock = _locked(path)
        try:
            self._number = _newest(path)
            self._fd = _opened(path, self._number)
            self._size, self.repaired = self._repair()
        except OSError as error:
            os.close(self._lock)
            raise LogFailed(f"the log in `{path}` cannot be opened: {error.strerror}") from error

    def append(self, lines: bytes, event_ids: tuple[str, ...] = (), *, synced: bool = False) -> Receipt:
        """Appends whole lines, all or none. LogFailed when it could not, and from then on until `probe` succeeds."""
        if not lines.endswith(b"\n"):
            raise LogFailed("the log takes whole lines only")
        forced = synced or self.durability == "synced"
        if self.failure is not None:
            raise LogFailed(self.failure)
        size = len(lines)
        try:
            if self._size + size > self._segment_bytes and self._size:
                self._sync()
                self._next_segment()
            taken = self._write(self._fd, lines)
        except OSError as error:
            raise self._failed(f"the log cannot be written: {error.strerror}") from error
        if taken != size:
            raise self._failed("the log cannot be written: the medium took only a part")
        self._dirty = True
        if forced:
            self._sync()
        self._size += size
        return Receipt(event_ids, forced)

    def flush(self) -> None:
        """Forces what was appended to the medium; LogFailed when it could not, or as `check`."""
        self.check()
        if self._dirty:
            self._sync()

    def check(self) -> None:
        """LogFailed when the log has failed, or its segment is not in its place or not as this process left it."""
        if self.failure is not None:
            raise LogFailed(self.failure)
        try:
            here, named = os.fstat(self._fd), segment_path(self.path, self._number).stat()
        except OSError as error:
            raise self._changed() from error
        if (here.st_ino, here.st_dev) != (named.st_ino, named.st_dev) or here.st_size != self._size:
            raise self._changed()

    @property
    def position(self) -> tuple[int, int]:
        """(segment, bytes of it) up to which the log has taken lines."""
        return self._number, self._size

    def fileno(self) -> int:
        """The open segment, for a caller that forces it to the medium in a thread of its own (on a duplicate)."""
        return self._fd

    def distrust(self, reason: str) -> str:
        """Closes the log because a sync failed; the reason that stands now. `probe` begins a new segment."""
        # After a failed sync the kernel may call pages clean that it has dropped: that file is not trusted again.
        self._distrusted = True
        if self.failure is None:
            self._failed(reason)
        return self.failure or reason

    def probe(self, line: bytes) -> None:
        """Tries to go on after a failure by writing and syncing `line`; LogFailed when it still cannot."""
        if self.failure is None:
            return
        failure, self.failure = self.failure, None
        try:
            if self._torn:
                self._cut()
            if self._distrusted:
                self._next_segment()
            self.append(line, synced=True)
        except (OSError, LogFailed) as error:
            self.failure = failure
            raise LogFailed(failure) from error

    def close(self) -> None:
        """Syncs and lets go of the folder; LogFailed when the last lines may not have reached the medium."""
        try:
            if self.failure is None:
                self.flush()
        finally:
            os.close(self._fd)
            os.close(self._lock)

    def _sync(self) -> None:
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            raise LogFailed(self.distrust(f"the log cannot be synced: {error.strerror}")) from error
        self._dirty = False

    def _changed(self) -> LogFailed:
        # What somebody did to the file is evidence: it stays as it is, and the log goes on in another.
        self._distrusted = True
        self.failure = "the log's segment was replaced or changed by somebody else"
        return LogFailed(self.failure)

    def _failed(self, reason: str) -> LogFailed:
        self.failure = reason
        try:
            self._cut()
        except OSError:
            # The log is closed to all until a probe has cut the torn part off.
            self._torn = True
        return LogFailed(reason)

    def _cut(self) -> None:
        if os.fstat(self._fd).st_size > self._size:
            self._disk.truncate(self._fd, self._size)
        self._torn = False

    def _next_segment(self) -> None:
        fd = _opened(self.path, self._number + 1, os.O_EXCL)
        os.close(self._fd)
        self._fd, self._number, self._size, self._dirty = fd, self._number + 1, 0, False
        self._distrusted = False
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _repair(self) -> tuple[int, int]:
        """Cuts a torn last line, as kill -9 or a power loss leaves it: (size kept, bytes cut)."""
        size = os.fstat(self._fd).st_size
        whole = _whole(self._fd, size)
        if whole < size:
            self._disk.truncate(self._fd, whole)
            self._disk.sync(self._fd)
        return whole, size - whole


def read(path: Path) -> Iterator[bytes]:
    """The lines of a log, oldest first, without their line feeds; a torn last line is left out.

    Lines that still wait in the spool are among them. LogFailed where a segment between two others is missing, or one that is
    not the last does not end in a whole line.
    """
    segment, size, waiting = held(path)
    numbers = sorted(segments(path))
    for before, after in pairwise(numbers):
        if after != before + 1:
            raise LogFailed(f"the log in `{path}` has no segment {before + 1}, but later ones")
    for number in numbers:
        plain = segment_path(path, number)
        if number != numbers[-1] and plain.exists() and not _ends_whole(plain):
            raise LogFailed(f"segment {number} of the log in `{path}` ends within a line")
        opened, at = open_segment(path, number), 0
        try:
            for run in opened.runs():
                yield from run.split(b"\n")[:-1]
                at += len(run)
        finally:
            opened.close()
        if number > segment or (number == segment and at > size):
            # What waited when this began is in the log by now.
            waiting = b""
    yield from waiting.split(b"\n")[:-1]


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        return not end or os.pread(file.fileno(), 1, end - 1) == b"\n"


def _locked(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "audit.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LogFailed(f"the log's folder `{path}` cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise LogFailed(f"the log in `{path}` is in use by another process") from error
    return lock


def _newest(path: Path) -> int:
    number = max(segments(path), default=1)
    # Behind a segment that is sealed comes another; nothing is ever appended to it.
    sealed = sealed_path(path, number).exists() and not segment_path(path, number).exists()
    return number + 1 if sealed else number


def _opened(path: Path, number: int, flags: int = 0) -> int:
    return os.open(segment_path(path, number), _OPEN | flags, 0o600)


def _whole(fd: int, size: int) -> int:
    """The length of the file up to its last whole line; a line with NUL bytes is one the medium never got."""
    end = size
    while end:
        start = max(0, end - _BLOCK)
        block = os.pread(fd, end - start, start)
        hole = block.find(b"\0")
        cut = block.rfind(b"\n", 0, len(block) if hole < 0 else hole) + 1
        if cut:
            return start + cut
        end = start
    return 0
