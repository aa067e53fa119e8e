"""Columns that a scan has looked into and found nothing in, on disk beside the proposals: what is not there is unknown."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sluice.model.columns import ColumnRef

Place = tuple[int, int]
Known = tuple[ColumnRef, int]
"""The names and the type (by oid) that a column had when it was looked into."""
FILE: Final = "looked-into.json"


class Looked:
    """All such columns by source and place, as they were when this was made; several processes may change them at once.

    A place counts under the name and the type that the column had then: in another database it is another column.
    """

    def __init__(self, folder: Path) -> None:
        self.path = self.file(folder)
        self._held = _read(self.path)
        self._changed: dict[tuple[str, int, int], Known | None] = {}

    @staticmethod
    def file(folder: Path) -> Path:
        """Where they stand in the folder of the log."""
        return folder / FILE

    @property
    def sources(self) -> Iterable[str]:
        """The sources of which there are any."""
        return self._held.keys()

    def held(self, source: str) -> Mapping[Place, Known]:
        """Those of one source, by relation oid and attribute number."""
        return self._held.get(source, {})

    def put(self, source: str, place: Place, column: ColumnRef, type_oid: int) -> None:
        """Values of the column were seen, and nothing was found in them."""
        self._held.setdefault(source, {})[place] = (column, type_oid)
        self._changed[(source, *place)] = (column, type_oid)

    def drop(self, source: str, places: Iterable[Place]) -> None:
        """Something was found, or values came in that nobody has looked into."""
        for place in places:
            if self._held.get(source, {}).pop(place, None) is not None:
                self._changed[(source, *place)] = None

    def save(self) -> None:
        """Writes what was changed here under what others wrote meanwhile; readers see the old file or the new one. Raises OSError."""
        if not self._changed:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _read(self.path)
            for (source, oid, attnum), column in self._changed.items():
                if column is None:
                    kept.get(source, {}).pop((oid, attnum), None)
                else:
                    kept.setdefault(source, {})[oid, attnum] = column
            self._held = kept
            self._changed.clear()
            fresh = self.path.with_suffix(".new")
            stored = {
                source: [[*place, kind, *column] for place, (column, kind) in held.items()]
                for source, held in kept.items()
            }
            fresh.write_text(json.dumps(stored))
            os.replace(fresh, self.path)  # noqa: PTH105 - atomic by name


def _read(path: Path) -> dict[str, dict[Place, Known]]:
    if not path.exists():
        return {}
    return {
        source: {(oid, attnum): (ColumnRef(*names), kind) for oid, attnum, kind, *names in held}
        for source, held in json.loads(path.read_text()).items()
    }
