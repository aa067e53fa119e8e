"""Proposed labels that are in effect, as the gateway takes them up: read when their file changes, under whatever people wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from sluice.edges.scanning import Entry, Looked, Proposals
from sluice.model.columns import ColumnRef
from sluice.policy.binding import Classified, Place
from sluice.sql.catalog import Catalog

Places = dict[tuple[int, int], frozenset[str]]
log = structlog.get_logger("sluice.labels")


class Proposed:
    """The proposals in a folder, and what was looked into. A file that cannot be read leaves those of before in force."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None
        self._held: dict[str, Places] = {}
        self._proposed: dict[str, frozenset[Place]] = {}
        self._classified: dict[str, Classified] = {}
        self.renew()

    def renew(self) -> bool:
        """Reads the files again if they are others; whether they were (it may block)."""
        look = [_look(Proposals.file(self._folder)), _look(Looked.file(self._folder))]
        if look == self._seen:
            return False
        try:
            proposals, looked = list(Proposals(self._folder)), Looked(self._folder)
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("the proposed labels could not be read", reason=str(error))
            return False
        self._seen = look
        self._take(proposals, looked)
        return True

    def _take(self, proposals: list[Entry], looked: Looked) -> None:
        held: dict[str, Places] = {}
        proposed: dict[str, set[Place]] = {}
        spoken: dict[str, set[Place]] = {}
        for entry in proposals:
            place = (entry.oid, entry.attnum)
            proposed.setdefault(entry.source, set()).add(place)
            if entry.in_effect:
                held.setdefault(entry.source, {})[place] = frozenset({entry.label})
            elif entry.verdict:
                spoken.setdefault(entry.source, set()).add(place)
        self._held = held
        self._proposed = {source: frozenset(places) for source, places in proposed.items()}
        self._classified = {
            source: Classified(looked.held(source), frozenset(spoken.get(source, ())))
            for source in {*looked.sources, *spoken}
        }

    def classified(self, source: str) -> Classified:
        """Which columns of a source were looked into, and which a person said to hold nothing."""
        return self._classified.get(source, Classified())

    def proposed(self, source: str) -> frozenset[Place]:
        """The columns of a source for which there is a proposal, whether it is in effect or not."""
        return self._proposed.get(source, frozenset())

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


def _look(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
