"""The files beside a log's segments: salts, the checkpoint, the list of closed segments.

audit-000001.jsonl   the lines               audit-000001.salts   16 bytes a line (or both in audit-000001.jsonl.zst)
checkpoint           the signed tree head    closed.jsonl         which leaves a closed segment holds
tree/                the hashes (`flat.py`)
"""

from __future__ import annotations

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec

from sluice.audit.note import Checkpoint, NoteError, Verifier, open_note
from sluice.audit.tree import Edge
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.sealed import key_path, sealed_path
from sluice.edges.sinks.segments import salts_path as salts_path
from sluice.edges.sinks.segments import segment_path


class Closed(msgspec.Struct, frozen=True):
    """A segment that grows no more: its first leaf, its lines, its bytes, and the tree's edge behind it (base64)."""

    segment: int
    first: int
    lines: int
    size: int
    edge: tuple[str, ...]

    @classmethod
    def of(cls, segment: int, first: int, size: int, edge: Edge) -> Closed:
        """What is to be kept of a segment that ends where the edge is."""
        levels = tuple(base64.b64encode(held).decode() for held in edge.levels)
        return cls(segment, first, edge.size - first, size, levels)

    @property
    def end(self) -> int:
        """The first leaf behind it."""
        return self.first + self.lines

    def behind(self) -> Edge:
        """The tree's edge where this segment ends."""
        return Edge(self.end, [base64.b64decode(held) for held in self.edge])


_CLOSED = msgspec.json.Decoder(Closed)


def read_closed(folder: Path) -> list[Closed]:
    """The closed segments, oldest first; LogFailed when the list is damaged other than by a torn last line."""
    path = folder / "closed.jsonl"
    try:
        whole = path.read_bytes().rpartition(b"\n")[0]
        found = [_CLOSED.decode(line) for line in whole.splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"`{path}` cannot be read as the list of closed segments") from error
    for before, after in pairwise(found):
        if after.segment <= before.segment or after.first != before.end:
            raise LogFailed(f"`{path}` does not list segments that follow one another")
    return found


def add_closed(folder: Path, closed: Closed) -> None:
    """Appends to the list of closed segments, onto the medium; OSError when that fails."""
    path = folder / "closed.jsonl"
    with path.open("ab+") as file:
        end = file.tell()
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        if whole < end:
            file.truncate(whole)
        file.write(msgspec.json.encode(closed) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_checkpoint(folder: Path, verifier: Verifier) -> Checkpoint | None:
    """The log's signed head; None: nothing was signed yet. LogFailed when it is not signed by the key under its name."""
    path = folder / "checkpoint"
    try:
        checkpoint = Checkpoint.parse(open_note(path.read_bytes(), (verifier,)).text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogFailed(f"`{path}` cannot be read: {error.strerror}") from error
    except NoteError as error:
        raise LogFailed(f"`{path}` does not hold: {error}") from error
    if checkpoint.origin != verifier.name:
        raise LogFailed(f"`{path}` is of the log `{checkpoint.origin}`, not of `{verifier.name}`")
    return checkpoint


def put(path: Path, data: bytes, *, synced: bool = False) -> None:
    """Writes a file whole or not at all; OSError when that fails."""
    beside = path.with_name(path.name + ".new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(28, "No space left on device")
        if synced:
            os.fsync(fd)
    finally:
        os.close(fd)
    beside.replace(path)


def put_at(path: Path, data: bytes | bytearray, at: int, *, synced: bool = False) -> None:
    """Writes into a file, which ends behind that then; OSError when that fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, flags, 0o600)
    try:
        if os.pwrite(fd, data, at) != len(data):
            raise OSError(28, "No space left on device")
        if os.fstat(fd).st_size != at + len(data):
            os.ftruncate(fd, at + len(data))
        if synced:
            os.fdatasync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Forces a folder's names to the medium; OSError when that fails."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps others from changing closed segments meanwhile; OSError when that cannot be had."""
    fd = os.open(folder / "retention.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def drop_segment(folder: Path, number: int) -> None:
    """Removes a segment in every form, its keys first; OSError when that fails."""
    drop_keys(folder, number)
    for path in (sealed_path(folder, number), segment_path(folder, number), salts_path(folder, number)):
        path.unlink(missing_ok=True)
    sync_folder(folder)


def drop_keys(folder: Path, number: int, *, but: str = "") -> None:
    """Removes the wrapped keys of a segment, except for the one of that name; OSError when that fails."""
    keys = folder / "keys"
    for path in keys.glob(f"audit-{number:06d}-*") if keys.exists() else ():
        if path != key_path(folder, number, but):
            # Written over first: where the medium writes in place, that is the end of it.
            put_at(path, bytes(path.stat().st_size), 0, synced=True)
            path.unlink()
    if keys.exists():
        sync_folder(keys)
