"""`sluice scan`: what is in a database's columns, proposed as labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import psycopg
import typer

from sluice.edges.config import Config, Source, load, read_labels
from sluice.edges.scanning import Column, Entry, Labelled, Proposals, Scan, label
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


def command(
    source: Name, config: ConfigPath = DEFAULT_CONFIG, rows: Rows = 200, seconds: Seconds = 2.0, json: AsJson = False
) -> None:
    """Look for sensitive columns in a database, and propose labels for them.

    Reads the catalog and a bounded sample of each table, read-only, with the source's own role. What is sure enough takes effect at
    once in a running gateway; the rest waits for `sluice labels confirm` or `reject`. Where values were seen and nothing was found in
    them, the column is no longer `unknown`. Columns that the label file names are left alone. Broken off and begun again, it
    goes on where it stopped.
    """
    loaded = load(config)
    if source not in loaded.sources:
        raise Failure(Status.USAGE, f"there is no source `{source}`", f"there are: {', '.join(sorted(loaded.sources))}")
    with _connected(source, loaded.sources[source]) as connection:
        scan = Scan(connection, rows, seconds)
        tables = _unlabelled(loaded, source, scan.tables())
        with progress("scanning tables", len(tables)) as advance:
            done = label(source, scan, tables, loaded.audit.path, advance, ledger=f"scan-{source}.part")
    entries = [entry for entry in Proposals(loaded.audit.path) if entry.source == source]
    _report(Output(json), entries, scan.unread, done)


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


def _report(out: Output, entries: list[Entry], unread: list[str], done: Labelled) -> None:
    out.data({
        "tables": done.tables, "columns": done.columns, "empty": done.empty, "unread": unread,
        "proposals": [{**asdict(entry), "in_effect": entry.in_effect} for entry in entries],
    })  # fmt: skip
    show(out, entries)
    for problem in unread:
        out.verdict("warn", f"not sampled: {problem}")
    waiting = sum(not entry.verdict and not entry.in_effect for entry in entries)
    held = sum(entry.in_effect for entry in entries)
    out.verdict(
        "ok", f"{done.columns} columns in {done.tables} tables: {held} labelled, {waiting} waiting for your word"
    )
    if done.empty:
        out.say(f"      {done.empty} columns hold no value to look at, and stay `unknown` until they do")


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
