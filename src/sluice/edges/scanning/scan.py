"""One source scanned: its catalog, and of each table a bounded sample, read-only, on a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from sluice.classify.columns import Facts, Proposal, follow_keys, propose

_COLUMNS: Final = """
select c.oid::int8, a.attnum::int4, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    coalesce(col_description(c.oid, a.attnum), ''), greatest(c.reltuples, 0)::float8, c.relkind::text
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'm') and a.attnum > 0 and not a.attisdropped and not c.relispartition
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and has_table_privilege(c.oid, 'select')
order by n.nspname, c.relname, a.attnum
"""
_KEYS: Final = """
select k.conrelid::int8, k.conkey[i]::int4, k.confrelid::int8, k.confkey[i]::int4
from pg_catalog.pg_constraint k, generate_subscripts(k.conkey, 1) i where k.contype = 'f'
"""
_SAMPLED: Final = (
    "text",
    "character",
    "json",
    "citext",
    "inet",
    "cidr",
    "bigint",
    "integer",
    "numeric",
    "name",
    "date",
)
_PAGES: Final = 5_000.0
"""Tables with more rows than this are sampled by block instead of read from their beginning."""
_WIDTH: Final = 600
"""How many characters of a value are looked at."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the catalog."""

    oid: int
    attnum: int
    schema: str
    table: str
    facts: Facts
    rows: float
    kind: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.facts.name}"


class Scan:
    """A scan over an open connection in autocommit mode, which it makes cautious: read-only, short waits for locks, no long statements.

    `rows` and `seconds` bound what is read of each table.
    """

    def __init__(self, connection: psycopg.Connection[Any], rows: int = 200, seconds: float = 2.0) -> None:
        self._connection = connection
        self._rows = rows
        self._seconds = seconds
        self.unread: list[str] = []
        for setting, value in (
            ("default_transaction_read_only", "on"),
            ("statement_timeout", f"{int(seconds * 1000)}ms"),
            ("lock_timeout", "500ms"),
            ("application_name", "sluice scan"),
            ("work_mem", "1MB"),
        ):
            connection.execute("select set_config(%s, %s, false)", (setting, value))

    def tables(self) -> list[list[Column]]:
        """The columns of every readable table, table by table. Partitions are read through their parent."""
        connection = self._connection
        found: dict[int, list[Column]] = {}
        for oid, attnum, schema, table, name, kind, comment, rows, relkind in connection.execute(_COLUMNS).fetchall():
            column = Column(oid, attnum, schema, table, Facts(name, kind, comment), rows, relkind)
            found.setdefault(oid, []).append(column)
        return list(found.values())

    def table(self, columns: Sequence[Column]) -> Iterator[tuple[Column, Proposal]]:
        """What is proposed for the columns of one table. A table that cannot be sampled in time goes by its names, and is in `unread`."""
        samples = self._sample(columns)
        for column in columns:
            found = propose(column.facts, samples.get(column.attnum, ()))
            if found is not None:
                yield column, found

    def inherit(self, columns: Sequence[Column], proposals: dict[str, Proposal]) -> None:
        """Adds what foreign keys say, by `schema.table.column`."""
        by_place = {(column.oid, column.attnum): str(column) for column in columns}
        keys = {}
        for oid, attnum, target, target_attnum in self._connection.execute(_KEYS.encode()).fetchall():
            column, other = by_place.get((oid, attnum)), by_place.get((target, target_attnum))
            if column is not None and other is not None:
                keys[column] = other
        follow_keys(proposals, keys)

    def _sample(self, columns: Sequence[Column]) -> dict[int, list[bytes]]:
        wanted = [column for column in columns if column.facts.type_name.startswith(_SAMPLED)]
        if not wanted:
            return {}
        first = wanted[0]
        chosen = sql.SQL(", ").join(
            sql.SQL("left({}::text, {})").format(sql.Identifier(column.facts.name), sql.Literal(_WIDTH))
            for column in wanted
        )
        table = sql.Identifier(first.schema, first.table)
        sampled: sql.Composable = sql.SQL("")
        if first.kind in ("r", "m") and first.rows > _PAGES:
            share = min(100.0, 100.0 * self._rows * 4 / first.rows)
            sampled = sql.SQL(" tablesample system ({}) repeatable (7)").format(sql.Literal(max(share, 0.01)))
        begun = time.monotonic()
        query = sql.SQL("select {} from {}{} limit {}")
        try:
            found = self._connection.execute(query.format(chosen, table, sampled, sql.Literal(self._rows))).fetchall()
            if sampled.as_string() and len(found) < self._rows // 4 and time.monotonic() - begun < self._seconds:
                whole = query.format(chosen, table, sql.SQL(""), sql.Literal(self._rows))
                found = self._connection.execute(whole).fetchall()
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            self.unread.append(f"{first.schema}.{first.table}: {str(error).splitlines()[0]}")
            return {}
        return {
            column.attnum: [row[index].encode() for row in found if row[index]] for index, column in enumerate(wanted)
        }
