"""Suggests labels for a database's columns by what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg

from sluice.policy.book import LabelBook, globbed
from sluice.policy.labels import load_labels

_COLUMNS = """
select n.nspname, c.relname, a.attname
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'v', 'm') and a.attnum > 0 and not a.attisdropped
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and not c.relispartition
order by n.nspname, c.relname, a.attnum
"""
_PLAIN = re.compile(r"[^\".*?\x00-\x1f\x7f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A column, as `schema.table.column` the way label files write it, and the label it seems to need."""

    column: str
    label: str


def suggest(connection: psycopg.Connection[Any], starter: str) -> list[Suggestion]:
    """What the patterns of a label file say about the columns of a database, in the order of the catalog."""
    book = load_labels(starter)
    found = []
    for schema, table, column in connection.execute(_COLUMNS).fetchall():
        if any(_CONTROL.search(name) for name in (schema, table, column)):
            continue
        written = ".".join(_part(name) for name in (schema, table, column))
        found += [Suggestion(written, label) for label in sorted(_labels(book, schema, table, column))]
    return found


def label_file(starter: str, source: str, suggested: list[Suggestion]) -> str:
    """A label file, with the suggestions for a source as entries of their own behind its patterns."""
    if not suggested:
        return starter
    by_column: dict[str, list[str]] = {}
    for each in suggested:
        by_column.setdefault(each.column, []).append(each.label)
    lines = [
        "",
        "  # Suggested by `sluice init` from the names of columns alone: look through them; no name tells all.",
        f"  {_quoted(source)}:",
        *(f"    {_quoted(column)}: {', '.join(labels)}" for column, labels in by_column.items() if len(labels) == 1),
        *(f"    {_quoted(column)}: [{', '.join(labels)}]" for column, labels in by_column.items() if len(labels) > 1),
    ]
    return starter.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def _labels(book: LabelBook, schema: str, table: str, column: str) -> frozenset[str]:
    return frozenset(
        label
        for each in book.assignments
        if globbed(each.pattern.column).fullmatch(column)
        and globbed(each.pattern.table).fullmatch(table)
        and globbed(each.pattern.schema).fullmatch(schema)
        for label in each.labels
    )


def _part(name: str) -> str:
    """A name as a pattern's part. A name with `*` or `?` in it stays a pattern, which at worst fits more columns."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
