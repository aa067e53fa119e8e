"""A log's tree on disk, in flat files that only grow.

tree/entries   32 bytes a leaf: what is in it; its hash is one step of hashing away
tree/<level>   32 bytes for each full subtree of 256 ** level leaves, level 1 and up

So signing takes a few writes, however many events there are. Whoever wants the tree as tiles (C2SP tlog-tiles) is given them
by `tiles.py`, which cuts them from these files.
"""

from __future__ import annotations

import os
from pathlib import Path

from sluice.audit.tree import HASH, WIDTH, Hashes, leaf_hashes
from sluice.edges.evidence.files import put_at
from sluice.edges.sinks.jsonl import LogFailed

ENTRIES = "entries"


class FlatTree:
    """The tree's files, for their one writer. What is added is held until `flush`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tree"
        self._held: dict[str, tuple[int, bytearray]] = {}
        self._unsynced: set[str] = set()

    def size(self) -> int:
        """The leaves that are on disk."""
        try:
            return (self._folder / ENTRIES).stat().st_size // HASH
        except FileNotFoundError:
            return 0

    def add(self, name: str, first: int, hashes: bytes) -> None:
        """Adds to a file, behind what was added before: hashes, and the index of their first."""
        self._held.setdefault(name, (first, bytearray()))[1].extend(hashes)

    @property
    def pending(self) -> bool:
        """Whether there is anything to flush."""
        return bool(self._held)

    def flush(self) -> None:
        """Writes what was added, and cuts off what a lost process had behind it; OSError when it cannot, and all stays held."""
        for name, (first, hashes) in list(self._held.items()):
            put_at(self._folder / name, hashes, first * HASH)
            self._unsynced.add(name)
            del self._held[name]

    def sync(self) -> None:
        """Forces what was written to the medium; OSError when that fails."""
        for name in sorted(self._unsynced):
            for path in (self._folder / name, self._folder):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
            self._unsynced.discard(name)


def entries_of(folder: Path, first: int, count: int) -> bytes:
    """What is in so many leaves; LogFailed when they cannot be read."""
    return _read(folder, ENTRIES, first, count)


def level_of(folder: Path, level: int, first: int, count: int) -> bytes:
    """So many hashes of a level, from 0 on; LogFailed when they cannot be read."""
    found = _read(folder, str(level) if level else ENTRIES, first, count)
    return found if level else leaf_hashes(found)


def hashes_of(folder: Path, size: int) -> Hashes:
    """The tree of so many leaves; LogFailed, from its methods too, when a part that is needed cannot be read."""
    return Hashes(size, lambda level, index, width: level_of(folder, level, index * WIDTH, width))


def _read(folder: Path, name: str, first: int, count: int) -> bytes:
    path = folder / "tree" / name
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(first * HASH)
            found = file.read(count * HASH)
    except OSError as error:
        raise LogFailed(f"`{path}` cannot be read: {error.strerror}") from error
    if found is None or len(found) != count * HASH:
        raise LogFailed(f"`{path}` ends before entry {first + count}")
    return found
