"""Columns that nobody has labelled or looked into, on a real server's catalog."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.model.columns import ColumnRef
from sluice.policy.binding import UNKNOWN, Binding, Classified, Place
from sluice.policy.labels import load_labels
from sluice.sql.catalog import Catalog
from sluice.testing.postgres import PostgresServer

BOOK = load_labels("labels: {pii: redact}\ncolumns: {shop: {public.t.known: pii}}\n")
TABLES = """
create type mood as enum ('good', 'bad');
create domain short as varchar(9) check (value <> '');
create type pair as (a int, b text);
create type dots as (a int, b float8);
create table t (id int, known text, plain text, v varchar(3), c char(3), j json, jb jsonb, x xml, b bytea, arr text[],
    d short, p pair, n numeric, at timestamptz, flag bool, u uuid, m mood, ints int[], dd dots, r int4range, ip inet);
create view v as select plain from t;
create table parts (id int, body text) partition by range (id);
create table part_a partition of parts for values from (0) to (9);
create table apart (id int, body text);
"""


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[psycopg.Connection]:
    postgres.psql("create database unknown_live")
    with psycopg.connect(postgres.dsn("unknown_live"), autocommit=True) as opened:
        opened.execute(TABLES.encode())
        yield opened
    postgres.psql("drop database unknown_live with (force)")


def _catalog(connection: psycopg.Connection) -> Catalog:
    return build([row[0] for row in connection.execute(CATALOG_SQL)], frozenset())


def _bound(
    catalog: Catalog,
    classified: Classified | None,
    previous: Binding | None = None,
    learned: dict[Place, frozenset[str]] | None = None,
) -> Binding:
    return BOOK.bind("shop", catalog, previous, learned or {}, classified)


def _place(catalog: Catalog, table: str, column: str) -> tuple[Place, tuple[ColumnRef, int]]:
    relation = catalog.relation("public", table)
    found = relation and relation.column(column)
    assert relation and found
    return (relation.oid, found.attnum), (ColumnRef("public", table, column), found.type_oid)


def _unknown(binding: Binding, table: str) -> set[str]:
    return {ref.column for ref, held in binding.labels.items() if ref[:2] == ("public", table) and held == {UNKNOWN}}


def test_what_may_hold_text_is_unknown_and_nothing_else(connection: psycopg.Connection) -> None:
    binding = _bound(_catalog(connection), Classified())
    assert _unknown(binding, "t") == {"plain", "v", "c", "j", "jb", "x", "b", "arr", "d", "p"}
    assert _unknown(binding, "v") == set(), "a view's text is its tables'"
    assert not any(UNKNOWN in held for ref, held in binding.labels.items() if ref.schema != "public")


def test_without_the_setting_nothing_is(connection: psycopg.Connection) -> None:
    catalog = _catalog(connection)
    place, _ = _place(catalog, "t", "plain")
    assert UNKNOWN not in _bound(catalog, None, None, {place: frozenset({UNKNOWN})}).all_labels


def test_a_look_counts_for_the_name_and_type_that_were_looked_into(connection: psycopg.Connection) -> None:
    catalog = _catalog(connection)
    place, known = _place(catalog, "t", "plain")
    assert "plain" not in _unknown(_bound(catalog, Classified({place: known})), "t")
    other = (ColumnRef("public", "t", "other"), known[1])
    assert "plain" in _unknown(_bound(catalog, Classified({place: other})), "t")
    assert "plain" in _unknown(_bound(catalog, Classified({place: (known[0], 23)})), "t")


def test_a_label_a_word_and_a_write_each_have_their_rank(connection: psycopg.Connection) -> None:
    catalog = _catalog(connection)
    place, known = _place(catalog, "t", "plain")
    written: dict[Place, frozenset[str]] = {place: frozenset({UNKNOWN})}
    looked = {place: known}
    assert "plain" in _unknown(_bound(catalog, Classified(looked), None, written), "t"), "a write outdoes a look"
    assert "plain" not in _unknown(_bound(catalog, Classified(looked, frozenset({place})), None, written), "t")
    labelled, _ = _place(catalog, "t", "known")
    binding = _bound(catalog, Classified(), None, {labelled: frozenset({UNKNOWN})})
    assert binding.labels_of(ColumnRef("public", "t", "known")) == {"pii"}


def test_a_rename_neither_sheds_nor_brings_it(connection: psycopg.Connection) -> None:
    catalog = _catalog(connection)
    place, known = _place(catalog, "t", "plain")
    before, looked = _bound(catalog, Classified()), _bound(catalog, Classified({place: known}))
    connection.execute("alter table t rename plain to renamed")
    try:
        catalog = _catalog(connection)
        assert "renamed" in _unknown(_bound(catalog, Classified(), before), "t")
        assert "renamed" not in _unknown(_bound(catalog, Classified({place: known}), looked), "t")
    finally:
        connection.execute("alter table t rename renamed to plain")


def test_a_table_is_unknown_while_one_of_its_partitions_is(connection: psycopg.Connection) -> None:
    catalog = _catalog(connection)
    looked = dict([_place(catalog, "parts", "body"), _place(catalog, "part_a", "body"), _place(catalog, "apart", "id")])
    before = _bound(catalog, Classified(looked))
    assert not _unknown(before, "parts") and _unknown(before, "apart") == {"body"}
    connection.execute("alter table parts attach partition apart for values from (10) to (20)")
    after = _bound(_catalog(connection), Classified(looked), before)
    assert _unknown(after, "parts") == _unknown(after, "apart") == {"body"}
    assert not _unknown(after, "part_a")
