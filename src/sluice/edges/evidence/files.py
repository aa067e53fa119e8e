"""The files beside a log's segments: tiles and entry bundles (C2SP tlog-tiles), salts, the checkpoint, the list of closed segments.

audit-000001.jsonl   the lines               audit-000001.salts   16 bytes a line
checkpoint           the signed tree head    closed.jsonl         which leaves a closed segment holds
tile/<level>/<n>     hashes                  tile/entries/<n>     what is in the leaves
"""

from __future__ import annotations

import base64
import os
import shutil
from itertools import pairwise
from pathlib import Path

import msgspec

from sluice.audit.note import Checkpoint, NoteError, Verifier, open_note
from sluice.audit.tree import HASH, WIDTH, Edge, Hashes, tile_path
from sluice.edges.sinks.jsonl import LogFailed

FRAMED = HASH + 2
"""Bytes of an entry in a bundle: its length, big-endian in two bytes, and itself."""


class Closed(msgspec.Struct, frozen=True):
    """A segment that grows no more: its first leaf, its lines, its bytes, and the tree's edge behind it (base64)."""

    segment: int
    first: int
    lines: int
    size: int
    edge: tuple[str, ...]
    bundle: str

    @classmethod
    def of(cls, segment: int, first: int, size: int, edge: Edge, bundle: bytes) -> Closed:
        """What is to be kept of a segment that ends where the edge is."""
        levels = tuple(base64.b64encode(held).decode() for held in edge.levels)
        return cls(segment, first, edge.size - first, size, levels, base64.b64encode(bundle).decode())

    def behind(self) -> tuple[Edge, bytes]:
        """The tree's edge, and the bundle that is not full yet, where this segment ends."""
        edge = Edge(self.first + self.lines, [base64.b64decode(held) for held in self.edge])
        return edge, base64.b64decode(self.bundle)


_CLOSED = msgspec.json.Decoder(Closed)


def salts_path(folder: Path, segment: int) -> Path:
    """Where the salts of a segment's lines are."""
    return folder / f"audit-{segment:06d}.salts"


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
        if after.segment <= before.segment or after.first != before.first + before.lines:
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


def sync_folder(folder: Path) -> None:
    """Forces a folder's names to the medium; OSError when that fails."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def drop_partials(folder: Path, path: str) -> None:
    """Removes the partial forms of a tile that is full now."""
    shutil.rmtree(folder / f"{path}.p", ignore_errors=True)


def framed(entries: bytes) -> bytes:
    """Entries as they stand in a bundle."""
    return b"".join([b"\0\x20" + entries[at : at + HASH] for at in range(0, len(entries), HASH)])


def hashes_of(folder: Path, size: int) -> Hashes:
    """The tree of so many leaves, by its tiles on disk; LogFailed when one that is needed cannot be read."""

    def fetch(level: int, index: int, width: int) -> bytes:
        for wide in (WIDTH, width):
            try:
                return (folder / tile_path(str(level), index, wide)).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogFailed(f"a tile in `{folder}` cannot be read: {error.strerror}") from error
        # Any wider partial tile begins with the same hashes.
        beside = sorted((int(one.name), one) for one in (folder / f"{tile_path(str(level), index)}.p").glob("*"))
        for wide, path in beside:
            if wide >= width:
                return path.read_bytes()
        raise LogFailed(f"`{folder / tile_path(str(level), index, width)}` is missing")

    return Hashes(size, fetch)
