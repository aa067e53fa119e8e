"""What sessions found in columns without a label, gathered and proposed: beside the loop, once a second at most.

What is noticed in passing waits for a person or a scan, however much of it there is: a caller chooses which rows pass, and so
could bring any label about. The values themselves were hidden on their way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from sluice.classify.columns import FREE_TEXT, IN_EFFECT, Proposal
from sluice.edges.scanning import Proposals
from sluice.session.effects import Noticed
from sluice.sql.catalog import Catalog

_MOST: Final = 1_000
"""Columns that are remembered between two writings."""
_LISTED: Final = 6
log = structlog.get_logger("sluice.labels")


@dataclass(slots=True)
class _Column:
    name: str
    rows: int = 0
    whole: Counter[str] = field(default_factory=Counter)
    within: Counter[str] = field(default_factory=Counter)


class Gathered:
    """What was noticed and is not written down yet. `add` belongs to the loop, `flush` may block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: dict[tuple[str, int, int], _Column] = {}

    def add(self, source: str, catalog: Catalog, noticed: Iterable[Noticed]) -> None:
        """Adds what one result held; columns that are not in the catalog (any more) are left out."""
        for one in noticed:
            key = (source, one.oid, one.attnum)
            known = self._columns.get(key)
            if known is None:
                column = catalog.column_by_origin(one.oid, one.attnum)
                if column is None or len(self._columns) >= _MOST:
                    continue
                known = self._columns[key] = _Column(str(column))
            known.rows += one.rows
            known.whole[one.label] += one.whole
            known.within[f"{one.label} at {one.path}" if one.path else one.label] += one.count

    def take(self) -> dict[tuple[str, int, int], _Column]:
        """What there is by now, which is then the caller's to `flush`."""
        taken, self._columns = self._columns, {}
        return taken

    def flush(self, taken: dict[tuple[str, int, int], _Column]) -> set[tuple[str, int]]:
        """Proposes a label for each column taken; the tables (by source and oid) for which that is news."""
        news: set[tuple[str, int]] = set()
        try:
            proposals = Proposals(self._folder)
            for (source, oid, attnum), column in taken.items():
                if proposals.notice(source, column.name, (oid, attnum), _proposal(column)) is not None:
                    news.add((source, oid))
            if news:
                proposals.save()
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("labels could not be proposed", reason=str(error))
            return set()
        return news


def _proposal(column: _Column) -> Proposal:
    label, whole = column.whole.most_common(1)[0]
    told = ", ".join(f"{what} ({count})" for what, count in column.within.most_common(_LISTED))
    evidence = (f"seen in {column.rows} rows on their way: {told}",)
    if whole * 2 >= column.rows:
        return Proposal(label, min(IN_EFFECT - 1, 40 + min(whole, 35)), evidence)
    return Proposal(FREE_TEXT, 60, evidence)
