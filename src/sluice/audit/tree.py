"""The log's Merkle tree (RFC 9162, section 2.1) as tiles of 256 hashes (C2SP tlog-tiles), and the proofs from it.

Nothing here reads or writes a file: `Edge` grows a tree and says which tiles that makes; `Hashes` is asked for tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from sluice._kernel import (
    merkle_above,
    merkle_fresh,
    merkle_hashes,
    merkle_leaves,
    merkle_lines,
    merkle_root,
    merkle_struck,
)

HASH = 32
SALT = 16
WIDTH = 256
_TILE = HASH * WIDTH
EMPTY = hashlib.sha256(b"").digest()

count = merkle_lines
fresh = merkle_fresh
leaf_hashes = merkle_hashes
leaves = merkle_leaves
struck = merkle_struck

Tile = tuple[int, int, bytes]
"""Level, index in the level, and what is in it so far."""


class ProofError(Exception):
    """A proof that does not prove what it should; the text says which part does not fit."""


@dataclass(slots=True)
class Edge:
    """The right edge of a growing tree: of each level the hashes that fill no tile yet."""

    size: int = 0
    levels: list[bytes] = field(default_factory=list)

    def copy(self) -> Edge:
        """One that grows on its own."""
        return Edge(self.size, list(self.levels))

    def extend(self, hashes: bytes) -> list[tuple[int, bytes]]:
        """Takes in leaf hashes; of each level above the leaves, from the lowest on, what it gained: (first index, hashes)."""
        return [(first, above) for first, _, above in self._rise(hashes) if above]

    def grow(self, hashes: bytes) -> list[Tile]:
        """Takes in leaf hashes; the tiles that became full, from the lowest level on."""
        return [
            (level, first + at // _TILE, full[at : at + _TILE])
            for level, (first, full, _) in enumerate(self._rise(hashes))
            for at in range(0, len(full), _TILE)
        ]

    def _rise(self, hashes: bytes) -> list[tuple[int, bytes, bytes]]:
        """Of each level that gains: the index of its first tile that is full now, all of these, and the hashes over them."""
        gained = []
        before = self.size
        self.size += len(hashes) // HASH
        level = 0
        while hashes:
            if level == len(self.levels):
                self.levels.append(b"")
            held = self.levels[level] + hashes
            cut = len(held) // _TILE * _TILE
            self.levels[level] = held[cut:]
            hashes = merkle_above(held[:cut])
            level += 1
            gained.append((before // WIDTH**level, held[:cut], hashes))
        return gained

    def partial(self) -> list[Tile]:
        """The tiles at the edge that are not full."""
        return [(level, self.size // WIDTH ** (level + 1), held) for level, held in enumerate(self.levels) if held]

    def root(self) -> bytes:
        """The tree's hash."""
        behind = b""
        for held in self.levels:
            if held or behind:
                behind = merkle_root(held + behind)
        return behind or EMPTY


def tile_path(kind: str, index: int, width: int = WIDTH) -> str:
    """Where a tile (`kind`: its level, or `entries`) is, relative to the log."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{kind}/{'/'.join(reversed(parts))}{partial}"


Fetch = Callable[[int, int, int], bytes]
"""(level, index, hashes there are in it) → the tile."""


class Hashes:
    """The hashes of a tree of so many leaves, by its tiles."""

    def __init__(self, size: int, fetch: Fetch) -> None:
        self.size = size
        self._fetch = fetch
        self._last: tuple[int, int, bytes] = (-1, -1, b"")

    def level(self, level: int, first: int, count: int) -> bytes:
        """So many hashes of a level, which must lie in one tile."""
        return self._run(level, first, count) if count else b""

    def over(self, start: int, end: int) -> bytes:
        """The hash over the leaves `start` to `end`, which must be a subtree of the tree (RFC 9162, 2.1.1)."""
        count = end - start
        if count <= 0:
            return EMPTY
        level = 0
        while count >= WIDTH ** (level + 1):
            level += 1
        unit = WIDTH**level
        whole = count // unit
        if start % unit == 0 and (start // unit) % WIDTH + whole <= WIDTH:
            hashes = self._run(level, start // unit, whole)
            return merkle_root(hashes + self.over(start + whole * unit, end) if count % unit else hashes)
        split = _split(count)
        return node(self.over(start, start + split), self.over(start + split, end))

    def inclusion(self, index: int) -> list[bytes]:
        """The hashes that lead from a leaf to the root (RFC 9162, 2.1.3.1)."""
        start, end, path = 0, self.size, []
        while end - start > 1:
            split = start + _split(end - start)
            if index < split:
                path.append(self.over(split, end))
                end = split
            else:
                path.append(self.over(start, split))
                start = split
        return path[::-1]

    def consistency(self, older: int) -> list[bytes]:
        """The hashes that lead from an older tree to this one (RFC 9162, 2.1.4.1); none from the empty one."""
        if older in (0, self.size):
            return []
        start, end, path, whole = 0, self.size, [], True
        while older != end:
            split = start + _split(end - start)
            if older <= split:
                path.append(self.over(split, end))
                end = split
            else:
                path.append(self.over(start, split))
                start, whole = split, False
        if not whole:
            path.append(self.over(start, end))
        return path[::-1]

    def _run(self, level: int, first: int, count: int) -> bytes:
        index, offset = divmod(first, WIDTH)
        if self._last[:2] != (level, index):
            width = min(WIDTH, self.size // WIDTH**level - index * WIDTH)
            self._last = (level, index, self._fetch(level, index, width))
        found = self._last[2][offset * HASH : (offset + count) * HASH]
        if len(found) != count * HASH:
            raise ProofError(f"tile {index} of level {level} is too short")
        return found


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two hashes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf with this in it."""
    return hashlib.sha256(b"\0" + entry).digest()


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Raises ProofError unless the path leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError("the leaf lies outside the tree")
    first, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            raise ProofError("the path is too long")
        if first & 1 or first == last:
            found = node(hash_, found)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            found = node(found, hash_)
        first, last = first >> 1, last >> 1
    if last or found != root:
        raise ProofError("the path does not lead to the tree's hash")


def check_consistency(older: int, old_root: bytes, newer: int, new_root: bytes, path: list[bytes]) -> None:
    """Raises ProofError unless the newer tree continues the older (RFC 9162, 2.1.4.2)."""
    if older > newer:
        raise ProofError("the older tree is the larger one")
    if older in (0, newer):
        expected = EMPTY if older == 0 else new_root
        if path or old_root != expected:
            raise ProofError("the trees differ")
        return
    path = [old_root, *path] if older & (older - 1) == 0 else list(path)
    if not path:
        raise ProofError("the path is too short")
    first, last = older - 1, newer - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for hash_ in path[1:]:
        if last == 0:
            raise ProofError("the path is too long")
        if first & 1 or first == last:
            old, new = node(hash_, old), node(hash_, new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new = node(new, hash_)
        first, last = first >> 1, last >> 1
    if last or old != old_root or new != new_root:
        raise ProofError("the newer tree does not continue the older one")


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
