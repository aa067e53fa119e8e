"""Tables scanned, and what that leaves on disk: proposals, and where values were seen and nothing was found in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from sluice.classify.columns import Proposal
from sluice.edges.scanning.looked import Looked
from sluice.edges.scanning.proposals import Proposals
from sluice.edges.scanning.scan import Column, Scan
from sluice.model.columns import ColumnRef

_SAVED_EVERY: Final = 50
"""Tables."""
Place = tuple[int, int]


class Labelled(NamedTuple):
    """What came of it, in columns. `empty`: of which there was no value to look at."""

    tables: int
    columns: int
    labelled: int
    waiting: int
    empty: int


def label(
    source: str,
    scan: Scan,
    tables: Sequence[Sequence[Column]],
    folder: Path,
    advance: Callable[[int], None] = lambda _: None,
    *,
    ledger: str = "",
) -> Labelled:
    """Scans tables and keeps what is found in `folder`. Raises OSError, and psycopg.Error when the connection breaks.

    `ledger` names a file there: a scan that was broken off goes on from it.
    """
    done = Ledger(folder / ledger if ledger else None)
    found: dict[str, Proposal] = dict(done.found)
    for number, table in enumerate(tables, 1):
        if table[0].oid not in done.done:
            found |= {str(column): proposal for column, proposal in scan.table(table)}
            done.done.add(table[0].oid)
        advance(1)
        if number % _SAVED_EVERY == 0:
            done.save(found, scan.seen)
    columns = [column for table in tables for column in table]
    proposals = Proposals(folder)
    known = {(one.oid, one.attnum): one for one in proposals if one.source == source and one.in_effect}
    others = {place: one.column for place, one in known.items() if place not in {column.place for column in columns}}
    found |= {
        one.column: Proposal(one.label, one.confidence, one.evidence)
        for one in known.values()
        if (one.oid, one.attnum) in others
    }
    scan.inherit({column.place: str(column) for column in columns} | others, found)
    entries = _proposed(source, columns, found, proposals)
    empty = _looked(source, columns, found, done.seen | scan.seen, scan, Looked(folder))
    done.close()
    held = sum(entry for entry in entries)
    return Labelled(len(tables), len(columns), held, len(entries) - held, empty)


def look_into(
    settings: str, password: str | None, source: str, places: Collection[Place], folder: Path, seconds: float
) -> Labelled:
    """Scans some columns of a source on a connection of its own. Raises OSError when it cannot be reached, or is lost."""
    try:
        with psycopg.connect(settings, password=password, autocommit=True) as connection:
            scan = Scan(connection, seconds=seconds)
            tables = [
                [one for one in table if one.place in places] for table in scan.tables({oid for oid, _ in places})
            ]
            return label(source, scan, [table for table in tables if table], folder)
    except psycopg.Error as error:
        raise OSError(str(error)) from None


def _proposed(source: str, columns: Iterable[Column], found: dict[str, Proposal], proposals: Proposals) -> list[bool]:
    entries = []
    for column in columns:
        proposal = found.get(str(column))
        if proposal is None:
            proposals.drop(source, column.place)
        else:
            entries.append(proposals.put(source, str(column), column.place, proposal).in_effect)
    proposals.save()
    return entries


def _looked(
    source: str, columns: Iterable[Column], found: dict[str, Proposal], seen: set[Place], scan: Scan, looked: Looked
) -> int:
    """Keeps which columns hold nothing; how many had nothing to look at. A partition without rows goes by what it is a part of."""
    partitions = scan.partitions()
    above = {place: parent for parent, listed in partitions.items() for place, _, _ in listed}
    empty = 0
    for column in columns:
        if str(column) in found:
            looked.drop(source, [column.place])
        elif column.place in seen or above.get(column.place) in looked.held(source):
            looked.put(source, column.place, column.ref, column.type_oid)
            _put_parts(source, column.place, partitions, looked)
        else:
            empty += 1
    looked.save()
    return empty


def _put_parts(
    source: str,
    place: Place,
    partitions: dict[Place, list[tuple[Place, ColumnRef, int]]],
    looked: Looked,
) -> None:
    for part, ref, kind in partitions.get(place, ()):
        looked.put(source, part, ref, kind)
        _put_parts(source, part, partitions, looked)


class Ledger:
    """Which tables of a scan are done; only there while the scan is not."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.done: set[int] = set()
        self.found: dict[str, Proposal] = {}
        self.seen: set[Place] = set()
        try:
            stored = {} if path is None else json.loads(path.read_text())
        except (OSError, ValueError):
            return
        self.done = set(stored.get("done", ()))
        self.seen = {(oid, attnum) for oid, attnum in stored.get("seen", ())}
        self.found = {
            column: Proposal(label, confidence, tuple(evidence))
            for column, (label, confidence, evidence) in stored.get("found", {}).items()
        }

    def save(self, found: dict[str, Proposal], seen: set[Place]) -> None:
        """Keeps what is done by now. Raises OSError."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            kept = {column: (one.label, one.confidence, one.evidence) for column, one in found.items()}
            stored = {"done": sorted(self.done), "found": kept, "seen": sorted(self.seen | seen)}
            self._path.write_text(json.dumps(stored))

    def close(self) -> None:
        """The scan is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
