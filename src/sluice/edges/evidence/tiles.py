"""A tree as files that public tools read (C2SP tlog-tiles).

checkpoint            the signed head
tile/<level>/<n>      256 hashes of a level; `.p/<width>` behind it while there are fewer
tile/entries/<n>      what is in 256 leaves, each behind its length in two bytes

The log itself keeps flat files (`flat.py`); from these, `lay_out` brings a folder of tiles up to date.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice.audit.note import Checkpoint, Verifier
from sluice.audit.tree import HASH, WIDTH, Hashes, tile_path
from sluice.edges.evidence.files import put, read_checkpoint, sync_folder
from sluice.edges.evidence.flat import entries_of, hashes_of, level_of
from sluice.edges.sinks.jsonl import LogFailed

_TILES = 64


@dataclass(frozen=True, slots=True)
class Laid:
    """What `lay_out` did: events that the tiles hold now, and files that it wrote for them."""

    size: int
    files: int


def lay_out(folder: Path, verifier: Verifier, out: Path) -> Laid:
    """Brings the tiles in `out` up to the log's checkpoint, which is put there last.

    LogFailed when the log cannot be read or its tree is not what was signed, or when `out` holds the tiles of another log;
    OSError when a file cannot be written.
    """
    signed = read_checkpoint(folder, verifier)
    if signed is None:
        raise LogFailed(f"the log in `{folder}` has no checkpoint yet")
    note = (folder / "checkpoint").read_bytes()
    tree = hashes_of(folder, signed.size)
    if tree.over(0, signed.size) != signed.root:
        raise LogFailed(f"the tree in `{folder / 'tree'}` is not what was signed; run `sluice audit verify`")
    before = _continued(out, verifier, signed, tree)
    files = 0
    for kind, level in [("entries", 0), *((str(level), level) for level in _levels(signed.size))]:
        unit = WIDTH**level
        for index, content in _fresh(folder, kind, level, before // unit, signed.size // unit):
            whole = len(content) == WIDTH * HASH
            written = framed(content) if kind == "entries" else content
            put(out / tile_path(kind, index, len(content) // HASH), written)
            files += 1
            if whole:
                shutil.rmtree(out / f"{tile_path(kind, index)}.p", ignore_errors=True)
    # Tiles are on the medium before the checkpoint that needs them; one call for all of them is the cheap way.
    os.sync()
    put(out / "checkpoint", note, synced=True)
    sync_folder(out)
    return Laid(signed.size, files)


def framed(entries: bytes) -> bytes:
    """Entries as they stand in a bundle."""
    return b"".join([b"\0\x20" + entries[at : at + HASH] for at in range(0, len(entries), HASH)])


def tiles_in(folder: Path, size: int) -> Hashes:
    """The tree of so many leaves, by tiles on disk; LogFailed when one that is needed cannot be read."""

    def fetch(level: int, index: int, width: int) -> bytes:
        for wide in (WIDTH, width):
            try:
                return (folder / tile_path(str(level), index, wide)).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LogFailed(f"a tile in `{folder}` cannot be read: {error.strerror}") from error
        raise LogFailed(f"`{folder / tile_path(str(level), index, width)}` is missing")

    return Hashes(size, fetch)


def _continued(out: Path, verifier: Verifier, signed: Checkpoint, tree: Hashes) -> int:
    """The leaves that `out` has tiles of already."""
    before = read_checkpoint(out, verifier)
    if before is None:
        return 0
    if before.size > signed.size or (before.size and tree.over(0, before.size) != before.root):
        raise LogFailed(f"`{out}` holds tiles of another log, or of more of this one than there is")
    return before.size


def _levels(size: int) -> range:
    """The levels that a tree of so many leaves has hashes in."""
    levels = 0
    while size >> (8 * levels):
        levels += 1
    return range(levels)


def _fresh(folder: Path, kind: str, level: int, before: int, count: int) -> Iterator[tuple[int, bytes]]:
    """The tiles of a level that are not as they were when it had `before` hashes, of `count` now: (index, hashes)."""
    if before == count:
        return
    first = before // WIDTH * WIDTH
    while first < count:
        many = min(count - first, _TILES * WIDTH)
        run = entries_of(folder, first, many) if kind == "entries" else level_of(folder, level, first, many)
        for at in range(0, many, WIDTH):
            yield (first + at) // WIDTH, run[at * HASH : (at + WIDTH) * HASH]
        first += many
