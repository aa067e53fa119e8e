from __future__ import annotations

import re

import psycopg
import pytest

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.engines.postgres.functions import PLAIN, classified
from sluice.engines.postgres.hazards import ACTS, KEEPS, NEVER, READS
from sluice.sql.catalog import Catalog
from sluice.testing.postgres import PostgresServer

OLDER = {"pg_timezone_abbrevs"}
"""Functions that the newest server has no more."""

VOLATILE = frozenset(
    """
    array_sample array_shuffle clock_timestamp currval gen_random_uuid lastval pg_advisory_unlock_all pg_blocking_pids
    pg_safe_snapshot_blocking_pids pg_current_wal_lsn pg_current_wal_insert_lsn pg_current_wal_flush_lsn
    pg_database_size pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_jit_available pg_partition_ancestors pg_get_sequence_data
    pg_partition_tree pg_relation_size pg_sequence_last_value pg_table_size pg_tablespace_size
    pg_total_relation_size random random_normal timeofday uuidv4 uuidv7
    """.split()  # noqa: SIM905
)
"""Volatile ones that pass: time, chance, sizes, positions in the log; each was looked at."""

REACHING = re.compile(
    r"(query|table|schema|database|cursor)_to_xml|_ls_|^lo_|^lo(read|write)$|read_(binary_)?file|pg_stat_file|dblink|_lock"
    r"(?!ing)|sleep|notify$|logical|replication_(slot|origin)|snapshot_export|export_snapshot|terminate|cancel|reload|ts_stat"
    r"|^current_setting$|^set_config$|currval|lastval|setval|currtid|backup|restore|promote|binary_upgrade|_reset|get_activity"
    r"|backend_activity|show_all|functiondef|sqlbody|validator"
)


@pytest.fixture(scope="module")
def sorts(postgres: PostgresServer) -> dict[str, str]:
    rows = postgres.psql(
        "select proname, string_agg(distinct provolatile::text || prokind::text, ',') from pg_proc"
        " where pronamespace = 'pg_catalog'::regnamespace and oid < 16384 group by proname"
    )
    return dict(row.split("|", 1) for row in rows.splitlines())


@pytest.fixture(scope="module")
def catalog(postgres: PostgresServer) -> Catalog:
    return build(postgres.psql(CATALOG_SQL).splitlines())


@pytest.fixture(scope="module")
def shapes(postgres: PostgresServer) -> Catalog:
    postgres.psql("create database shapes")
    postgres.psql(
        "create table t (a int, b text); create domain dt as t;"
        "create function spread() returns t language sql as 'select null::t';"
        "create function over() returns dt language sql as 'select null::dt';"
        "create function listed() returns table (a int, b text) language sql as 'select 1, null::text';"
        "create function named(out total int) language sql as 'select 1';"
        "create function held() returns t[] language sql as 'select null::t[]';"
        "create function two() returns int language sql as 'select 1';"
        "create function two(int) returns t language sql as 'select null::t';",
        "shapes",
    )
    return build(postgres.psql(CATALOG_SQL, "shapes").splitlines())


def test_every_name_of_the_table_is_a_function_of_the_server(sorts: dict[str, str]) -> None:
    assert {name for name in PLAIN if name not in sorts} == OLDER
    assert {name for name in {*NEVER, *READS, *ACTS} if name not in sorts} == set()


def test_nothing_is_both_plain_and_a_hazard() -> None:
    assert PLAIN.isdisjoint(NEVER)
    assert KEEPS.isdisjoint(PLAIN | NEVER.keys()) and READS.keys().isdisjoint(PLAIN | NEVER.keys() | ACTS)


def test_volatile_functions_pass_only_where_somebody_looked(sorts: dict[str, str]) -> None:
    volatile = {name for name, forms in sorts.items() if classified(name, forms).plain and "vf" in forms.split(",")}
    assert volatile == VOLATILE


def test_no_function_that_reaches_past_its_arguments_is_plain(sorts: dict[str, str]) -> None:
    passing = {name for name, forms in sorts.items() if REACHING.search(name) and classified(name, forms).plain}
    assert passing == {"postgresql_fdw_validator", "currval", "lastval"}


def test_a_hazard_is_not_plain_whatever_the_server_says_of_it() -> None:
    assert not classified("query_to_xml", "if").plain
    assert not classified("pg_read_file", "if,sf").plain


def test_a_function_that_is_not_known_is_plain_only_if_it_is_immutable_in_all_its_forms() -> None:
    assert classified("of_tomorrow", "if").plain
    assert not classified("of_tomorrow", "if,sf").plain
    assert not classified("of_tomorrow", "vf").plain
    assert not classified("of_tomorrow", "vp").plain


@pytest.mark.parametrize(
    "name",
    ["upper", "length", "quote_literal", "md5", "concat", "format", "to_char", "date_trunc", "now", "random", "row_to_json",
     "jsonb_build_object", "array_to_string", "generate_series", "unnest", "currval", "substr", "regexp_replace",
     "format_type", "pg_get_expr", "pg_get_indexdef", "pg_get_constraintdef", "pg_get_userbyid", "pg_table_is_visible",
     "obj_description", "col_description", "pg_get_function_result", "pg_get_viewdef", "pg_encoding_to_char",
     "pg_get_partkeydef", "pg_advisory_unlock_all", "current_schemas", "pg_backend_pid", "version"],
)  # fmt: skip
def test_what_people_and_drivers_use_every_day_is_plain(catalog: Catalog, name: str) -> None:
    found = catalog.functions(None, name, ("pg_catalog",))
    assert found and all(function.plain for function in found)


@pytest.mark.parametrize("name", sorted(NEVER))
def test_a_hazard_is_known_and_not_plain(catalog: Catalog, name: str) -> None:
    found = catalog.functions(None, name, ("pg_catalog",))
    assert found and not any(function.plain for function in found)


def test_aggregates_tell_totals_from_values(sorts: dict[str, str]) -> None:
    kinds = {name: classified(name, forms).aggregate for name, forms in sorts.items()}
    aggregates = {
        name for name, forms in sorts.items() if re.search("[aw]", "".join(form[1] for form in forms.split(",")))
    }
    assert {name for name, kind in kinds.items() if kind is not None} == aggregates
    totals = {name for name, kind in kinds.items() if kind == "aggregate"}
    assert {"count", "sum", "avg", "stddev", "var_pop", "corr", "regr_count", "rank"} <= totals
    assert totals.isdisjoint(
        {"min", "max", "string_agg", "array_agg", "json_agg", "jsonb_object_agg", "xmlagg", "mode", "percentile_disc",
         "percentile_cont", "bool_and", "every", "bit_or", "range_agg", "any_value", "first_value", "lag", "nth_value"}
    )  # fmt: skip


def test_what_a_function_answers_with_in_from_is_what_the_server_says(
    postgres: PostgresServer, catalog: Catalog
) -> None:
    rows = postgres.psql(
        "select proname, (select string_agg(format('null::%s', format_type(a, -1)), ',' order by n)"
        " from unnest(proargtypes) with ordinality u(a, n)) from pg_proc where prokind = 'f' and provariadic = 0"
        " and pronamespace = 'pg_catalog'::regnamespace and oid < 16384 and not exists (select from pg_type"
        " where typtype = 'p' and (pg_type.oid = any (proargtypes) or (pg_type.oid = prorettype and typname <> 'record')))"
    )
    looked = 0
    with psycopg.connect(postgres.dsn()) as connection:
        for name, _, args in (row.partition("|") for row in rows.splitlines()):
            (function,) = catalog.functions("pg_catalog", name, ())
            if function.columns is None:
                continue
            connection.pgconn.prepare(b"", f'select * from pg_catalog."{name}"({args})'.encode())
            told = connection.pgconn.describe_prepared(b"")
            found = tuple((told.fname(at) or b"").decode() for at in range(told.nfields))
            assert found == (function.columns or (name,)), f"{name}({args})"
            looked += 1
    assert looked > 1500


@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [
        ("upper", None, "never as-arguments"),  # of a text, or of a range of anything
        ("string_to_array", (), "never"),
        ("jsonb_each", ("key", "value"), "maybe"),
        ("unnest", None, "as-arguments maybe"),  # of an array of rows, of a text search vector
        ("array_agg", (), "as-arguments"),
        ("generate_series", (), "never"),
        ("json_populate_record", None, "as-arguments"),
        ("json_to_record", None, "maybe"),
        ("ts_token_type", ("tokid", "alias", "description"), "maybe"),
        ("spread", None, "maybe"),
        ("listed", ("a", "b"), "maybe"),
        ("named", ("total",), "never"),
        ("held", (), "maybe"),
        ("two", None, "never maybe"),
        ("over", None, "maybe"),
    ],
)
def test_results_that_may_spread_into_columns_are_told_from_those_that_never_do(
    shapes: Catalog, name: str, columns: tuple[str, ...] | None, rows: str
) -> None:
    (found,) = shapes.functions(None, name, ("public",))
    assert found.columns == columns
    assert {shapes.rows_in(oid) for oid in found.returns} == set(rows.split())


def test_a_function_that_drivers_find_keys_with_is_plain_as_long_as_it_is_the_servers(
    postgres: PostgresServer, shapes: Catalog
) -> None:
    (function,) = shapes.functions("information_schema", "_pg_expandarray", ())
    assert function.plain and function.columns == ("x", "n")
    assert [one.plain for one in shapes.functions("information_schema", "_pg_truetypid", ())] == [False]
    postgres.psql(
        "create function information_schema._pg_expandarray(text) returns text language sql as 'select $1'", "shapes"
    )
    again = build(postgres.psql(CATALOG_SQL, "shapes").splitlines())
    assert sorted(one.plain for one in again.functions("information_schema", "_pg_expandarray", ())) == [False, True]
