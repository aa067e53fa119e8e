"""The labels that written columns took on, kept in a file beside the log. Only the gateway writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sluice.edges.scanning import Looked
from sluice.policy.binding import UNKNOWN

Places = Mapping[tuple[int, int], frozenset[str]]
"""Labels by the place of a column: its table's oid, its number there."""

_NAME = "learned-labels.json"


def read_learned(folder: Path) -> dict[str, dict[tuple[int, int], frozenset[str]]]:
    """By source; OSError or ValueError when there is a file that cannot be read."""
    path = folder / _NAME
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    return {
        name: {(oid, attnum): frozenset(labels) for oid, attnum, labels in places} for name, places in stored.items()
    }


def write_learned(folder: Path, learned: Mapping[str, Places]) -> None:
    """Replaces the file in one step; OSError when that fails. What is unknown is no label to keep: see `forget`."""
    stored = {
        name: [
            [oid, attnum, sorted(labels - {UNKNOWN})]
            for (oid, attnum), labels in sorted(places.items())
            if labels - {UNKNOWN}
        ]
        for name, places in learned.items()
    }
    path = folder / _NAME
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(stored))
    os.replace(fresh, path)  # noqa: PTH105 - atomic by name


def forget(folder: Path, source: str, places: Sequence[tuple[int, int]]) -> None:
    """Unknown values were written into these columns, so that nobody has looked into all of theirs any more. OSError."""
    if places:
        looked = Looked(folder)
        looked.drop(source, places)
        looked.save()
