"""Up to where others have read a log: columns for questions, and what was sent elsewhere. They note a segment and a byte of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sluice.edges.evidence.columns import columns_alone
from sluice.edges.evidence.files import put


def moved(folder: Path, segment: int, at: int, by: int) -> None:
    """A line of a segment that begins at byte `at` is longer by `by`: who had read past it goes on where they were.

    OSError when a note cannot be written.
    """
    for path in folder.glob("shipped-*.json"):
        _move(path, segment, at, by)
    columns = folder / "columns"
    if columns.exists():
        with columns_alone(columns):
            _move(columns / "state.json", segment, at, by)


def _move(path: Path, segment: int, at: int, by: int) -> None:
    try:
        noted: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.MsgspecError):
        # What cannot be read is said to whoever goes on from there.
        return
    if noted.get("segment") == segment and noted.get("offset", 0) > at:
        put(path, msgspec.json.encode({**noted, "offset": noted["offset"] + by}), synced=True)
