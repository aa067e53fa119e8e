"""Lines within a run."""

from __future__ import annotations


def split(run: bytes, lines: int) -> int:
    """The length of a run's first so many lines."""
    at = 0
    for _ in range(lines):
        at = run.index(b"\n", at) + 1
    return at
