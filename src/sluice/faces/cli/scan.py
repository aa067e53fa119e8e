"""`sluice scan`: what is in a database's columns, proposed as labels."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from sluice.classify.columns import Proposal
from sluice.edges.config import Config, Source, load, read_labels
from sluice.edges.scanning import Column, Entry, Proposals, Scan
from sluice.faces.cli.database import first_line
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.progress import progress
from sluice.faces.cli.statuses import Failure, Status
from sluice.model.columns import ColumnRef
from sluice.policy.labels import load_labels
from sluice.runtime.control import conninfo, reveal

Name = Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as the configuration names it.")]
Rows = Annotated[int, typer.Option("--rows", min=1, max=10_000, help="The most rows read of each table.")]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, max=60, help="The most time spent on each table.")]

_SAVED_EVERY = 50
"""Tables."""


def command(
    source: Name, config: ConfigPath = DEFAULT_CONFIG, rows: Rows = 200, seconds: Seconds = 2.0, json: AsJson = False
) -> None:
    """Look for sensitive columns in a database, and propose labels for them.

    Reads the catalog and a bounded sample of each table, read-only, with the source's own role. What is sure enough takes effect at
    once in a running gateway; the rest waits for `sluice labels confirm` or `reject`. Columns that the label file names are left
    alone. Broken off and begun again, it goes on where it stopped.
    """
    loaded = load(config)
    if source not in loaded.sources:
        raise Failure(Status.USAGE, f"there is no source `{source}`", f"there are: {', '.join(sorted(loaded.sources))}")
    proposals = Proposals(loaded.audit.path)
    with _connected(source, loaded.sources[source]) as connection:
        scan = Scan(connection, rows, seconds)
        tables = _unlabelled(loaded, source, scan.tables())
        label(source, scan, tables, proposals)
    _report(Output(json), [entry for entry in proposals if entry.source == source], scan.unread, tables)


def label(source: str, scan: Scan, tables: list[list[Column]], proposals: Proposals) -> None:
    """Scans tables and keeps what is proposed, going on from where an earlier scan was broken off."""
    ledger = _Ledger(proposals.path.parent, source)
    places = {str(column): (column.oid, column.attnum) for table in tables for column in table}
    found: dict[str, Proposal] = dict(ledger.found)
    with progress("scanning tables", len(tables)) as advance:
        for number, table in enumerate(tables, 1):
            if table[0].oid not in ledger.done:
                found |= {str(column): proposal for column, proposal in scan.table(table)}
                ledger.done.add(table[0].oid)
            advance(1)
            if number % _SAVED_EVERY == 0:
                ledger.save(found)
    scan.inherit([column for table in tables for column in table], found)
    for column, place in places.items():
        proposal = found.get(column)
        if proposal is None:
            proposals.drop(source, place)
        else:
            proposals.put(source, column, place, proposal)
    proposals.save()
    ledger.close()


class _Ledger:
    """Which tables of a scan are done; only there while the scan is not."""

    def __init__(self, folder: Path, source: str) -> None:
        self._path = folder / f"scan-{source}.part"
        self.done: set[int] = set()
        self.found: dict[str, Proposal] = {}
        try:
            stored = json_text.loads(self._path.read_text())
        except (OSError, ValueError):
            return
        self.done = set(stored["done"])
        self.found = {
            column: Proposal(label, confidence, tuple(evidence))
            for column, (label, confidence, evidence) in stored["found"].items()
        }

    def save(self, found: dict[str, Proposal]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = {column: (one.label, one.confidence, one.evidence) for column, one in found.items()}
        self._path.write_text(json_text.dumps({"done": sorted(self.done), "found": kept}))

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


def _unlabelled(config: Config, source: str, tables: list[list[Column]]) -> list[list[Column]]:
    """The tables without the columns that a person has labelled."""
    assigned = load_labels(read_labels(config), str(config.labels)).assigned(source)
    left = [
        [one for one in table if not assigned(ColumnRef(one.schema, one.table, one.facts.name))] for table in tables
    ]
    return [table for table in left if table]


@contextmanager
def _connected(name: str, source: Source) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(conninfo(name, source), password=reveal(source.password), autocommit=True)
    except (psycopg.Error, OSError) as error:
        raise Failure(Status.UNREACHABLE, f"the source `{name}` cannot be reached: {first_line(error)}") from error
    with connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise Failure(
                Status.UNREACHABLE, f"the scan was broken off: {first_line(error)}", "begin it again; it goes on"
            ) from error


def _report(out: Output, entries: list[Entry], unread: list[str], tables: list[list[Column]]) -> None:
    count = sum(len(table) for table in tables)
    out.data({
        "tables": len(tables), "columns": count, "unread": unread,
        "proposals": [{**asdict(entry), "in_effect": entry.in_effect} for entry in entries],
    })  # fmt: skip
    show(out, entries)
    for problem in unread:
        out.verdict("warn", f"not sampled: {problem}")
    waiting = sum(not entry.verdict and not entry.in_effect for entry in entries)
    held = sum(entry.in_effect for entry in entries)
    out.verdict("ok", f"{count} columns in {len(tables)} tables: {held} labelled, {waiting} waiting for your word")


def show(out: Output, entries: list[Entry]) -> None:
    """Proposals as a table."""
    out.table(
        ("source", "column", "label", "sure", "state", "because"),
        [
            (
                entry.source,
                entry.column,
                entry.label,
                f"{entry.confidence} %",
                entry.verdict or ("in effect" if entry.in_effect else "waiting"),
                "; ".join(entry.evidence),
            )
            for entry in entries
        ],
    )
