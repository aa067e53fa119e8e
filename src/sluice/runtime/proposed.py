"""Proposed labels that are in effect, as the gateway takes them up: read when their file changes, under whatever people wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from sluice.edges.scanning import Proposals
from sluice.model.columns import ColumnRef
from sluice.sql.catalog import Catalog

Places = dict[tuple[int, int], frozenset[str]]
log = structlog.get_logger("sluice.labels")


class Proposed:
    """The proposals in a folder. A file that cannot be read leaves those of before in force."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self._held: dict[str, Places] = {}
        self.renew()

    def renew(self) -> bool:
        """Reads the file again if it is another; whether it was (it may block)."""
        try:
            found = Proposals.file(self._folder).stat()
        except OSError:
            return False
        look = (found.st_mtime_ns, found.st_ino)
        if look == self._seen:
            return False
        try:
            proposals = Proposals(self._folder)
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("the proposed labels could not be read", reason=str(error))
            return False
        self._seen = look
        self._held = {source: proposals.held(source) for source in {entry.source for entry in proposals}}
        return True

    def joined(
        self,
        source: str,
        learned: Mapping[tuple[int, int], frozenset[str]],
        catalog: Catalog,
        assigned: Callable[[ColumnRef], frozenset[str]],
    ) -> Places:
        """`learned` with what was proposed. Columns that the label book speaks of keep to its word."""
        places = dict(learned)
        for place, labels in self._held.get(source, {}).items():
            column = catalog.column_by_origin(*place)
            if column is not None and not assigned(column):
                places[place] = places.get(place, frozenset()) | labels
        return places
