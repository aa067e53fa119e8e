"""A column keeps what it took on for good, so nodes agree by taking on each other's. Transactions of the topic `labels`."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from sluice.edges.store.tables import learned

Places = Mapping[tuple[int, int], frozenset[str]]
"""Labels by the place of a column: its table's oid, its number there."""


def known(connection: Connection) -> dict[str, dict[tuple[int, int], frozenset[str]]]:
    """Everything that any node learned, by source."""
    found: dict[str, dict[tuple[int, int], frozenset[str]]] = {}
    for row in connection.execute(select(learned)):
        there = found.setdefault(row.source, {})
        there[row.oid, row.attnum] = there.get((row.oid, row.attnum), frozenset()) | {row.label}
    return found


def add(connection: Connection, labels: Mapping[str, Places]) -> None:
    """Adds what is not there yet."""
    for source, places in lacking(known(connection), labels).items():
        rows = [
            {"source": source, "oid": oid, "attnum": attnum, "label": label}
            for (oid, attnum), found in places.items()
            for label in sorted(found)
        ]
        connection.execute(insert(learned), rows)


def lacking(
    there: Mapping[str, Places], labels: Mapping[str, Places]
) -> dict[str, dict[tuple[int, int], frozenset[str]]]:
    """Those of `labels` that are not `there`; sources of which none is lacking are left out."""
    found = {
        source: {
            place: fresh
            for place, held in places.items()
            if (fresh := held - there.get(source, {}).get(place, frozenset()))
        }
        for source, places in labels.items()
    }
    return {source: places for source, places in found.items() if places}
