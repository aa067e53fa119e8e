"""Runs of whole lines of a segment, with their salts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sluice.audit.tree import SALT, count

RUN = 1 << 20


def runs(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`, which must end in a line feed, in runs of whole lines of a few MiB."""
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


def salted(path: Path, salts: bytes, size: int) -> Iterator[tuple[bytes, bytes, bool]]:
    """(run of lines, their salts, whether all of these were there) of a segment's first `size` bytes.

    Missing salts are zeros, with which a line that has a text does not make the leaf that was signed.
    """
    at = 0
    with path.open("rb") as file:
        for run in runs(file.fileno(), 0, size):
            wanted = count(run) * SALT
            own = salts[at : at + wanted]
            at += wanted
            yield run, own.ljust(wanted, b"\0"), len(own) == wanted


def split(run: bytes, lines: int) -> int:
    """The length of a run's first so many lines."""
    at = 0
    for _ in range(lines):
        at = run.index(b"\n", at) + 1
    return at


def whole_size(path: Path) -> int:
    """The length of a file up to its last whole line; OSError when it cannot be read."""
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        while end:
            start = max(0, end - (1 << 16))
            cut = os.pread(file.fileno(), end - start, start).rfind(b"\n") + 1
            if cut:
                return start + cut
            end = start
    return 0


def last_line(path: Path) -> bytes:
    """The last whole line of a file, without its line feed; empty when there is none. OSError when it cannot be read."""
    end = whole_size(path)
    with path.open("rb") as file:
        size = 1 << 14
        while end:
            start = max(0, end - size)
            block = os.pread(file.fileno(), end - start, start)
            cut = block.rfind(b"\n", 0, len(block) - 1) + 1
            if cut or not start:
                return block[cut:-1]
            size *= 4
    return b""
