"""One source scanned: its catalog, and of each table a bounded sample, read-only, on a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from sluice.classify.columns import Facts, Proposal, follow_keys, propose
from sluice.model.columns import ColumnRef

_COLUMNS: Final = """
select c.oid::int8, a.attnum::int4, n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    coalesce(col_description(c.oid, a.attnum), ''), greatest(c.reltuples, 0)::float8, c.relkind::text, a.atttypid::int8,
    coalesce(b.typname, t.typname) = 'bytea',
    (t.oid >= 16384 and t.typtype = 'b' and t.typelem = 0) or (
        coalesce(e.typcategory, t.typcategory) <> all ('{N,D,T,B,E,G,I,V}'::"char"[])
        and coalesce(e.typname, b.typname, t.typname) not in ('uuid', 'pg_lsn', 'macaddr', 'macaddr8'))
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_type b on b.oid = nullif(t.typbasetype, 0)
left join pg_type e on e.oid = t.typelem and e.typarray = t.oid
where c.relkind in ('r', 'p', 'f', 'm') and a.attnum > 0 and not a.attisdropped
  and case when %(only)s::oid[] is null then not c.relispartition else c.oid = any (%(only)s) end
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and has_table_privilege(c.oid, 'select')
order by n.nspname, c.relname, a.attnum
"""
_PARTITIONS: Final = """
select p.attrelid::int8, p.attnum::int4, a.attrelid::int8, a.attnum::int4, n.nspname, c.relname, a.attname, a.atttypid::int8
from pg_inherits i
join pg_class c on c.oid = i.inhrelid and c.relispartition
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = i.inhrelid and a.attnum > 0 and not a.attisdropped
join pg_attribute p on p.attrelid = i.inhparent and p.attname = a.attname and p.attnum > 0 and not p.attisdropped
"""
_KEYS: Final = """
select k.conrelid::int8, k.conkey[i]::int4, k.confrelid::int8, k.confkey[i]::int4
from pg_constraint k, generate_subscripts(k.conkey, 1) i where k.contype = 'f'
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
    type_oid: int
    binary: bool = False
    holds_text: bool = True

    @property
    def place(self) -> tuple[int, int]:
        """What it stays while its names change."""
        return self.oid, self.attnum

    @property
    def ref(self) -> ColumnRef:
        """Its names."""
        return ColumnRef(self.schema, self.table, self.facts.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.facts.name}"


class Scan:
    """A scan over an open connection in autocommit mode, which it makes cautious: read-only, short waits for locks, no long statements.

    `rows` and `seconds` bound what is read of each table. `unread` are tables that could not be sampled; `seen` columns of which
    values were, and those that cannot hold text.
    """

    def __init__(self, connection: psycopg.Connection[Any], rows: int = 200, seconds: float = 2.0) -> None:
        self._connection = connection
        self._rows = rows
        self._seconds = seconds
        self.unread: list[str] = []
        self.seen: set[tuple[int, int]] = set()
        for setting, value in (
            ("default_transaction_read_only", "on"),
            ("statement_timeout", f"{int(seconds * 1000)}ms"),
            ("lock_timeout", "500ms"),
            ("application_name", "sluice scan"),
            ("work_mem", "1MB"),
            ("search_path", "pg_catalog"),
        ):
            connection.execute("select set_config(%s, %s, false)", (setting, value))

    def tables(self, only: Collection[int] | None = None) -> list[list[Column]]:
        """The columns of every readable table, table by table; of those alone whose oids are in `only`.

        Partitions are read through their parent, unless they are asked for.
        """
        found: dict[int, list[Column]] = {}
        rows = self._connection.execute(_COLUMNS, {"only": None if only is None else list(only)}).fetchall()
        for oid, attnum, schema, table, name, kind, comment, size, relkind, *more in rows:
            column = Column(oid, attnum, schema, table, Facts(name, kind, comment), size, relkind, *more)
            found.setdefault(oid, []).append(column)
        return list(found.values())

    def partitions(self) -> dict[tuple[int, int], list[tuple[tuple[int, int], ColumnRef, int]]]:
        """The columns of partitions by the place of the same column in what they are a part of: place, names, type."""
        found: dict[tuple[int, int], list[tuple[tuple[int, int], ColumnRef, int]]] = {}
        for oid, attnum, own, own_attnum, *names, kind in self._connection.execute(_PARTITIONS.encode()).fetchall():
            found.setdefault((oid, attnum), []).append(((own, own_attnum), ColumnRef(*names), kind))
        return found

    def table(self, columns: Sequence[Column]) -> Iterator[tuple[Column, Proposal]]:
        """What is proposed for the columns of one table. A table that cannot be sampled in time goes by its names, and is in `unread`."""
        samples = self._sample(columns)
        for column in columns:
            found = propose(column.facts, samples.get(column.attnum, ()))
            if found is not None:
                yield column, found

    def inherit(self, by_place: Mapping[tuple[int, int], str], proposals: dict[str, Proposal]) -> None:
        """Adds what foreign keys between these columns say, by `schema.table.column`."""
        keys = {}
        for oid, attnum, target, target_attnum in self._connection.execute(_KEYS.encode()).fetchall():
            column, other = by_place.get((oid, attnum)), by_place.get((target, target_attnum))
            if column is not None and other is not None:
                keys[column] = other
        follow_keys(proposals, keys)

    def _sample(self, columns: Sequence[Column]) -> dict[int, list[bytes]]:
        wanted = [column for column in columns if column.holds_text or column.facts.type_name.startswith(_SAMPLED)]
        self.seen.update(column.place for column in columns if not column.holds_text)
        if not wanted:
            return {}
        first = wanted[0]
        chosen = sql.SQL(", ").join(
            # Through the type's own output, not a cast, which somebody may have made.
            sql.SQL("left(encode({}, 'escape'), {})" if column.binary else "left(concat({}), {})").format(
                sql.Identifier(column.facts.name), sql.Literal(_WIDTH)
            )
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
        samples = {
            column.attnum: [row[index].encode() for row in found if row[index]] for index, column in enumerate(wanted)
        }
        self.seen.update(column.place for column in wanted if samples[column.attnum])
        return samples
