"""Operators, casts, types and aggregates of extensions, and of C code under other names: unclear until they are declared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.model.columns import ColumnRef
from sluice.sql.catalog import Catalog
from sluice.testing.postgres import PostgresServer

_NUMBERS = itertools.count()
PATH = ("pg_catalog", "public")
Read = Callable[..., Catalog]

KEPT = """
create extension citext; create extension hstore; create extension pg_trgm; create extension intarray; create extension unaccent;
create table kept (id int, plain text, mail citext, mails citext[], tags hstore, numbers int[], amount numeric);
create domain mail as citext; create type pair as (a int, b mail); create table deep (id int, p pair, r text);
create type span as range (subtype = text); create table spans (s span);
"""


@pytest.fixture(scope="module")
def read(postgres: PostgresServer) -> Iterator[Read]:
    name = f"others{next(_NUMBERS)}"
    postgres.psql(f"create database {name}")

    def catalog(sql: str, *declared: str) -> Catalog:
        return build(postgres.psql(f"begin; {sql};{CATALOG_SQL}; rollback", name).splitlines(), frozenset(declared))

    yield catalog
    postgres.psql(f"drop database {name} with (force)")


def _unclear(catalog: Catalog, *columns: str) -> set[str]:
    refs = (ColumnRef("public", *column.split(".")) for column in columns)
    return set(catalog.unclear(refs))


def test_a_column_of_an_extensions_type_is_unclear_until_the_extension_is_declared(read: Read) -> None:
    catalog = read(KEPT)
    assert _unclear(catalog, "kept.id", "kept.plain", "kept.numbers", "deep.id", "spans.s") == set()
    found = [_unclear(catalog, column) for column in ("kept.mail", "kept.mails", "kept.tags", "deep.p")]
    assert found == [{"public.citext"}, {"public._citext"}, {"public.hstore"}, {"public.pair"}]
    declared = read(KEPT, "extension citext")
    assert _unclear(declared, "kept.mail", "kept.mails", "deep.p") == set()
    assert _unclear(declared, "kept.tags") == {"public.hstore"}
    assert declared.cast_is_plain(None, "citext", PATH) and not declared.cast_is_plain(None, "hstore", PATH)
    assert not catalog.cast_is_plain(None, "citext", PATH)


def test_an_operator_of_an_extension_for_its_own_type_alone_leaves_the_servers_as_they_are(read: Read) -> None:
    catalog = read(KEPT)
    assert catalog.operator_is_plain("=", PATH) and catalog.operator_is_plain("<", PATH, ("", ""))


def test_an_operator_of_an_extension_for_the_servers_types_is_unclear_where_it_may_be_meant(read: Read) -> None:
    catalog = read(KEPT)
    assert catalog.operator_is_plain("%", PATH, ("N", "N")) and catalog.operator_is_plain("%", PATH, ("", "N"))
    assert not catalog.operator_is_plain("%", PATH, ("S", "S"))
    assert not catalog.operator_is_plain("%", PATH, ("", ""))
    assert not catalog.operator_is_plain("&&", PATH, ("A", "A"))
    assert read(KEPT, "extension pg_trgm").operator_is_plain("%", PATH)


def test_functions_and_aggregates_of_an_extension_are_declared_with_it(read: Read) -> None:
    for declared in ((), ("extension citext", "extension unaccent")):
        catalog = read(KEPT, *declared)
        for name in ("unaccent", "citext_smaller"):
            assert {each.declared for each in catalog.functions(None, name, PATH)} == {bool(declared)}
        assert not any(each.plain for each in catalog.functions(None, "unaccent", PATH))
        (own, theirs) = sorted(catalog.functions(None, "min", PATH), key=lambda each: each.schema)
        assert own.plain and not theirs.plain and theirs.declared is bool(declared)


def test_a_function_beside_an_extensions_of_its_name_is_not_declared_with_it(read: Read) -> None:
    catalog = read(
        f"{KEPT}; create function unaccent(int) returns int language sql as 'select 1'", "extension unaccent"
    )
    assert {each.declared for each in catalog.functions(None, "unaccent", PATH)} == {True, False}


ALIAS = "create function shout(text) returns text language internal immutable as 'upper';"


@pytest.mark.parametrize("language", ["internal as 'textcat'", "sql as 'select $1'"])
def test_an_operator_over_compiled_code_under_another_name_is_unclear(read: Read, language: str) -> None:
    sql = f"create function glue(text, text) returns text immutable language {language};"
    sql += "create operator <+> (leftarg = text, rightarg = text, function = glue)"
    assert not read(sql).operator_is_plain("<+>", PATH, ("S", "S"))
    assert not read(sql).operator_is_plain("<+>", PATH)
    assert read(sql, "public.glue").operator_is_plain("<+>", PATH)


def test_a_function_that_is_the_servers_code_under_another_name_is_unclear(read: Read) -> None:
    (found,) = read(ALIAS).functions(None, "shout", PATH)
    assert not found.plain and not found.builtin and not found.declared


def test_an_aggregate_over_the_servers_code_is_unclear(read: Read) -> None:
    (found,) = read("create aggregate glued(text) (sfunc = textcat, stype = text)").functions(None, "glued", PATH)
    assert not found.plain


def test_a_conversion_between_the_servers_types_that_runs_unasked_makes_its_source_unclear(read: Read) -> None:
    sql = (
        "create table kept (id int, plain text, day date); create function number(text) returns int language internal"
        " immutable strict as 'int4in'; create cast (text as int) with function number(text) as "
    )
    catalog = read(f"{sql} implicit")
    assert _unclear(catalog, "kept.plain") == {"pg_catalog.text"}
    assert _unclear(catalog, "kept.id", "kept.day") == set()
    assert not catalog.cast_is_plain(None, "int4", PATH)
    assert _unclear(read(f"{sql} implicit", "public.number"), "kept.plain") == set()
    asked = read(f"{sql} assignment")
    assert _unclear(asked, "kept.plain") == set() and not asked.cast_is_plain(None, "int4", PATH)


def test_a_conversion_of_a_whole_row_that_runs_unasked_makes_its_columns_unclear(read: Read) -> None:
    catalog = read(
        "create table t (a int); create function told(t) returns text language sql as 'select ''x''';"
        "create cast (t as text) with function told(t) as implicit"
    )
    assert _unclear(catalog, "t.a") == {"public.t"}


def test_a_type_that_others_say_how_to_compare_is_unclear(read: Read) -> None:
    sql = (
        "create table kept (id int, doc json, mood mood); create function lower_than(json, json) returns bool language sql"
        " immutable as 'select true'; create function cmp(json, json) returns int language sql immutable as 'select 0';"
        "create operator < (leftarg = json, rightarg = json, function = lower_than);"
        "create operator class o default for type json using btree as operator 1 <, function 1 cmp(json, json)"
    )
    sql = "create type mood as enum ('a');" + sql
    assert _unclear(read(sql), "kept.doc") == {"pg_catalog.json"}
    assert _unclear(read(sql), "kept.id", "kept.mood") == set()


def test_a_range_over_an_order_of_others_is_unclear(read: Read) -> None:
    sql = (
        "create function cmp(text, text) returns int language internal immutable strict as 'bttextcmp';"
        "create operator class o for type text using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=,"
        " operator 5 >, function 1 cmp(text, text);"
        "create type span as range (subtype = text, subtype_opclass = o); create table spans (s span, m spanmultirange)"
    )
    sql = sql.replace("spanmultirange", "multispan").replace(
        "subtype_opclass = o", "subtype_opclass = o, multirange_type_name = multispan"
    )
    assert _unclear(read(sql), "spans.s") == {"public.span"}
    assert _unclear(read(sql), "spans.m") == {"public.multispan"}
    assert _unclear(read(sql, "public.cmp"), "spans.s", "spans.m") == set()
