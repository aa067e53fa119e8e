from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator

import psycopg
import pytest

from sluice.engines.postgres.catalog import CatalogError, build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL, CHANGE_SQL, CONTEXT_SQL
from sluice.model.columns import ColumnRef
from sluice.sql.catalog import Catalog
from sluice.testing.postgres import PostgresServer

_NUMBERS = itertools.count()
PATH = ("pg_catalog", "public")

Read = Callable[..., Catalog]


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    name = f"catalog{next(_NUMBERS)}"
    postgres.psql(f"create database {name}")
    yield name
    postgres.psql(f"drop database {name} with (force)")


@pytest.fixture
def read(postgres: PostgresServer, database: str) -> Read:
    def catalog(sql: str = "", before: str = "", declared: frozenset[str] = frozenset()) -> Catalog:
        postgres.psql(sql, database)
        return build(postgres.psql(f"{before};{CATALOG_SQL}", database).splitlines(), declared)

    return catalog


def test_columns_come_with_their_types_in_their_order_and_without_the_dropped_ones(read: Read) -> None:
    catalog = read("create table t (a int not null, gone text, b varchar(20)); alter table t drop column gone")
    relation = catalog.relation("public", "t")
    assert relation is not None and relation.kind == "table"
    assert [(column.name, column.attnum, column.type_name, column.not_null) for column in relation.columns] == [
        ("a", 1, "integer", True),
        ("b", 3, "character varying(20)", False),
    ]
    assert catalog.column_by_origin(relation.oid, 3) == ColumnRef("public", "t", "b")
    assert catalog.column_by_origin(relation.oid, 2) is None


def test_odd_names_arrive_as_they_are(read: Read) -> None:
    catalog = read('create schema "A.b"; create table "A.b"."t""\n\\x" ("é \t" int)')
    relation = catalog.relation("A.b", 't"\n\\x')
    assert relation is not None and relation.column("é \t") is not None


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("create view x as select 1 as a", "view"),
        ("create materialized view x as select 1 as a", "matview"),
        ("create table x (a int) partition by list (a)", "partitioned"),
        ("create type x as (a int)", "composite"),
        ("create sequence x", "sequence"),
        ("create foreign data wrapper w; create server s foreign data wrapper w; create foreign table x (a int) server s",
         "foreign"),
    ],
)  # fmt: skip
def test_every_kind_of_relation_is_told_apart(read: Read, sql: str, kind: str) -> None:
    relation = read(sql).relation("public", "x")
    assert relation is not None and relation.kind == kind


def test_a_generated_column_names_the_columns_it_reads(read: Read) -> None:
    relation = read("create table t (a text, b text, c text generated always as (a || b) stored, d text default 'x')")
    found = relation.relation("public", "t")
    assert found is not None
    columns = {column.name: column for column in found.columns}
    assert columns["c"].generated and columns["c"].generated_from == ("a", "b")
    assert not columns["d"].generated and columns["d"].generated_from == ()


def test_children_know_their_parents_and_parents_their_children(read: Read) -> None:
    catalog = read("create table p (a int) partition by list (a); create table c partition of p for values in (1)")
    parent, child = catalog.relation("public", "p"), catalog.relation("public", "c")
    assert parent is not None and child is not None
    assert parent.children == (child.oid,) and child.parents == (parent.oid,)


def test_triggers_and_rules_are_noticed_and_a_foreign_key_is_no_trigger(read: Read) -> None:
    catalog = read(
        "create table k (a int primary key references k); create table t (a int); create table r (a int);"
        "create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger x before insert on t for each row execute function f();"
        "create rule y as on insert to r do also notify n"
    )
    found = {name: catalog.relation("public", name) for name in "ktr"}
    assert {name: (one.has_triggers, one.has_rules) for name, one in found.items() if one} == {
        "k": (False, False),
        "t": (True, False),
        "r": (False, True),
    }


def test_a_definition_is_read_by_the_path_it_was_printed_under(read: Read) -> None:
    sql = "create schema s; create table s.t (a int); create view v as select a from s.t"
    for before, words in (("set search_path = public", "FROM s.t"), ("set search_path = s, public", "FROM t")):
        catalog = read(sql, before)
        view = catalog.relation("public", "v")
        assert view is not None and view.definition is not None and words in view.definition
        assert catalog.definition_path == ("pg_catalog", *re.split(", ", before.removeprefix("set search_path = ")))
        sql = ""


def test_the_servers_own_views_have_no_definition(read: Read) -> None:
    catalog = read()
    for schema, name in (("pg_catalog", "pg_stats"), ("information_schema", "columns")):
        relation = catalog.relation(schema, name)
        assert relation is not None and relation.kind == "view" and relation.definition is None


HOSTILE = """
create schema evil; create table public.secrets (ssn text); create table public.proof (what text);
create function evil.mark(text) returns bool language plpgsql as $$ begin insert into public.proof values ($1); return false; end $$;
"""
PAIRS = (("oid", "oid"), ("name", "name"), ("name", "text"), ('"char"', '"char"'), ("int2", "int2"), ("int2", "int4"),
         ("int4", "int2"), ("int4", "int4"), ("oid", "int4"), ("oid", "int8"), ("text", "text"), ("anyelement", "anyelement"))  # fmt: skip


def test_a_clients_own_operators_functions_and_settings_steer_nothing(
    postgres: PostgresServer, database: str, read: Read
) -> None:
    sql = [HOSTILE]
    for number, ((left, right), name) in enumerate(itertools.product(PAIRS, ("=", "<>", "<", ">=", "||"))):
        result = "text" if name == "||" else "bool"
        sql.append(
            f"create function evil.f{number}({left}, {right}) returns {result} language sql as"
            f" $$ select evil.mark('{name}')::{result} $$;"
            f"create operator evil.{name} (leftarg = {left}, rightarg = {right}, function = evil.f{number});"
        )
    for name in ("sum(int8)", "format_type(oid, int4)", "starts_with(text, text)", "current_schemas(bool)"):
        sql.append(f"create function evil.{name} returns bool language sql as $$ select evil.mark('{name}') $$;")
    plain = read("".join(sql))
    before = (
        "set standard_conforming_strings = off; set quote_all_identifiers = on; set datestyle = 'SQL, DMY';"
        "set bytea_output = escape; set search_path = evil, pg_catalog"
    )
    rows = postgres.psql(f"{before};{CATALOG_SQL}", database).splitlines()
    hostile = build(rows)
    assert sorted(hostile.all_columns()) == sorted(plain.all_columns())
    assert hostile.definition_path == ("evil", "pg_catalog")
    assert postgres.psql(f"{before};{CHANGE_SQL}", database) == postgres.psql(CHANGE_SQL, database)
    assert '["evil", "pg_catalog"]' in postgres.psql(f"{before};{CONTEXT_SQL}", database).replace('","', '", "')
    assert postgres.psql("select * from proof", database) == ""


def test_an_ordinary_role_reads_it_all(postgres: PostgresServer, database: str) -> None:
    postgres.psql("create table t (a int); create view v as select a from t; create role plain login", database)
    try:
        with psycopg.connect(postgres.dsn(database, "plain")) as connection:
            catalog = build(row[0] for row in connection.execute(CATALOG_SQL))
            connection.execute(CHANGE_SQL)
    finally:
        postgres.psql("drop role plain")
    view = catalog.relation("public", "v")
    assert view is not None and view.definition is not None


def test_a_temporary_table_is_found_first_and_named_by_the_context(postgres: PostgresServer, database: str) -> None:
    with psycopg.connect(postgres.dsn(database)) as connection:
        connection.execute("create table t (a int); create temp table t (b int)")
        catalog = build(row[0] for row in connection.execute(CATALOG_SQL))
        context = connection.execute(CONTEXT_SQL.encode()).fetchone()
    assert context is not None
    path, user, temporary = tuple(json.loads(context[0])), context[1], context[2]
    assert (path, user) == ((temporary, "pg_catalog", "public"), "postgres")
    found = catalog.resolve("t", path)
    assert found is not None and found.schema == temporary


CODE = "create function own(text, text) returns text language sql as 'select $1';"


def test_an_operator_is_plain_only_while_no_code_of_others_is_behind_it(read: Read) -> None:
    assert read(CODE).operator_is_plain("<+>", PATH)
    catalog = read("create operator <+> (leftarg = text, rightarg = text, function = own)")
    assert not catalog.operator_is_plain("<+>", PATH)
    assert catalog.operator_is_plain("<+>", ("pg_catalog",))
    assert read(declared=frozenset({"public.own"})).operator_is_plain("<+>", PATH)


def test_an_operator_over_a_function_of_the_server_is_as_plain_as_that_function(read: Read) -> None:
    catalog = read(
        "create operator @@@ (rightarg = text, function = pg_read_file);"
        "create operator &&& (rightarg = text, function = upper)"
    )
    assert not catalog.operator_is_plain("@@@", PATH)
    assert catalog.operator_is_plain("&&&", PATH)


def test_a_conversion_is_plain_only_while_it_runs_no_code_of_others(read: Read) -> None:
    catalog = read(
        "create type mood as enum ('a'); create type pair as (a int, b mood); create domain short as text;"
        "create domain odd as text check (value <> ''); create type holds as (a odd);"
        "create type other as (a int); create function made(other) returns text language sql as 'select ''x''';"
        "create cast (other as text) with function made(other) as implicit"
    )
    plain = {name: catalog.cast_is_plain("public", name, PATH) for name in ("mood", "pair", "odd", "holds", "other")}
    assert plain == {"mood": True, "pair": True, "odd": False, "holds": False, "other": False}
    assert not catalog.cast_is_plain("pg_catalog", "text", PATH)
    assert not catalog.cast_is_plain("public", "short", PATH)
    assert catalog.cast_is_plain("pg_catalog", "int4", PATH)
    assert not catalog.cast_is_plain(None, "unheard_of", PATH)


def test_a_conversion_that_the_configuration_vouches_for_is_plain(read: Read) -> None:
    catalog = read(
        "create type other as (a int); create function made(other) returns text language sql as 'select ''x''';"
        "create cast (other as text) with function made(other) as implicit",
        declared=frozenset({"public.made"}),
    )
    assert catalog.cast_is_plain("pg_catalog", "text", PATH) and catalog.cast_is_plain("public", "other", PATH)


def test_a_function_of_others_is_plain_by_declaration_only_and_hides_the_servers(read: Read) -> None:
    catalog = read("create function upper(int) returns text language sql as 'select ''x'''")
    assert [(each.schema, each.plain) for each in catalog.functions(None, "upper", PATH)] == [
        ("pg_catalog", True),
        ("public", False),
    ]
    assert all(each.plain for each in catalog.functions("pg_catalog", "upper", PATH))
    own = read(declared=frozenset({"public.upper"})).functions("public", "upper", PATH)
    assert [each.declared for each in own] == [True]
    assert catalog.functions(None, "unheard_of", PATH) == ()


CHANGES = (
    "create table z (a int)",
    "alter table t add b int",
    "alter table t rename a to c",
    "alter table t rename to u",
    "create or replace view v as select 2 as a",
    "drop view v",
    "alter table t inherit p",
    "create function f() returns int language sql as 'select 1'",
    "create operator ||| (leftarg = text, rightarg = text, function = textcat)",
    "create type e as enum ('a')",
    "create domain d as text",
    "alter domain checked drop constraint one, add constraint two check (value <> 'y')",
    "create cast (pair as int) with function taken(pair)",
    "create rule r as on insert to t do also notify n",
    "alter table g alter column b set expression as (a * 2)",
    "alter schema s rename to s2",
)


@pytest.fixture
def prepared(postgres: PostgresServer, database: str) -> str:
    postgres.psql(
        "create schema s; create table t (a int); create table p (a int); create view v as select 1 as a;"
        "create domain checked as text constraint one check (value <> 'x'); create type pair as (a int);"
        "create function taken(pair) returns int language sql as 'select 1';"
        "create table g (a int, b int generated always as (a) stored)",
        database,
    )
    return database


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_catalog_changes_the_value_that_is_polled(
    postgres: PostgresServer, prepared: str, change: str
) -> None:
    before = postgres.psql(CHANGE_SQL, prepared)
    assert postgres.psql(CHANGE_SQL, prepared) == before
    postgres.psql(
        change.replace(" drop constraint one, add", " drop constraint one; alter domain checked add"), prepared
    )
    assert postgres.psql(CHANGE_SQL, prepared) != before


def test_an_older_transaction_that_commits_last_is_noticed(postgres: PostgresServer, prepared: str) -> None:
    with psycopg.connect(postgres.dsn(prepared)) as older:
        older.execute("alter table t rename a to c")
        postgres.psql("alter table p rename a to c", prepared)
        before = postgres.psql(CHANGE_SQL, prepared)
        older.commit()
    assert postgres.psql(CHANGE_SQL, prepared) != before


def test_what_sessions_keep_to_themselves_and_rows_change_nothing(postgres: PostgresServer, prepared: str) -> None:
    before = postgres.psql(CHANGE_SQL, prepared)
    with psycopg.connect(postgres.dsn(prepared), autocommit=True) as connection:
        connection.execute("create temp table x (a int default 1, b int generated always as (a) stored)")
        connection.execute("create temp view y as select 1 as a")
        connection.execute("insert into t values (1)")
        connection.execute("analyze t")
        assert postgres.psql(CHANGE_SQL, prepared) == before


ROWS = (
    '["path", ["pg_catalog"]]',
    '["function", "pg_catalog", "upper", true, null, [["if", 25, null, null]]]',
    '["type", 25, "pg_catalog", "text", "b", 0, 0, 0, false, false, "S"]',
    '["relation", 9, "public", "t", "r", 0, false, false, null, [["a", 1, 25, "text", false, false, null, null, false]]]',
)


@pytest.mark.parametrize(
    "bad",
    ["", "{", "5", "null", "[]", '["relation"]', '["relation", 1, 2]', '["type", 25]', '["inherits", 1]', '["cast", 1]',
     '["function", "f", "f", false, null, [[]]]',
     '["operator", "public", "+"]', '["relation", 9, "public", "t", "?", 0, false, false, null, []]',
     '["relation", 9, "public", "t", "r", 0, false, false, null, [["a"]]]', "[" * 5000],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_an_error_without_its_text(bad: str) -> None:
    assert build(ROWS).relation("public", "t") is not None
    with pytest.raises(CatalogError) as error:
        build([*ROWS, bad])
    assert re.fullmatch(r"the catalog's rows cannot be read \(\w+\)", str(error.value))


@pytest.mark.parametrize("missing", range(4))
def test_a_catalog_of_which_a_part_is_missing_is_none(missing: int) -> None:
    with pytest.raises(CatalogError):
        build([row for number, row in enumerate(ROWS) if number != missing])
