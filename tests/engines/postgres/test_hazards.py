from __future__ import annotations

import pytest

from sluice.engines.postgres.hazards import LABELLED
from sluice.model.columns import ColumnRef
from sluice.testing.postgres import PostgresServer

HARMLESS = frozenset(
    """
    pg_attribute.attoptions pg_attribute.attfdwoptions pg_class.reloptions pg_tablespace.spcoptions pg_event_trigger.evttags
    pg_extension.extcondition pg_hba_file_rules.database pg_hba_file_rules.user_name pg_proc.proargnames pg_settings.enumvals
    pg_subscription.subpublications pg_stats_ext.exprs pg_trigger.tgargs
    _pg_foreign_table_columns.attfdwoptions
    """.split()  # noqa: SIM905
)
"""Columns of types that could hold anything, which hold names, switches and shares only."""

CARRIERS = ("anyarray", "bytea", "text[]", "pg_mcv_list", "pg_ndistinct", "pg_dependencies", "pg_statistic[]")


@pytest.fixture(scope="module")
def columns(postgres: PostgresServer) -> dict[ColumnRef, str]:
    rows = postgres.psql(
        "select n.nspname, c.relname, a.attname, format_type(a.atttypid, -1) from pg_attribute a join pg_class c"
        " on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where n.nspname in"
        " ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped"
    )
    found = {}
    for row in rows.splitlines():
        schema, table, column, type_name = row.split("|")
        found[ColumnRef(schema, table, column)] = type_name
    return found


def test_every_labelled_column_is_one_of_the_server(columns: dict[ColumnRef, str]) -> None:
    assert [str(column) for column in LABELLED if column not in columns] == []


def test_every_column_that_could_hold_values_of_others_is_labelled_or_was_looked_at(
    columns: dict[ColumnRef, str],
) -> None:
    carriers = {column for column, type_name in columns.items() if type_name in CARRIERS}
    unlabelled = {f"{column.table}.{column.column}" for column in carriers if column not in LABELLED}
    assert unlabelled == HARMLESS


def test_every_password_and_option_of_a_connection_is_labelled_a_secret(columns: dict[ColumnRef, str]) -> None:
    names = ("rolpassword", "passwd", "umoptions", "srvoptions", "fdwoptions", "ftoptions", "subconninfo", "conninfo")
    unlabelled = {str(column) for column in columns if column.column in names and column not in LABELLED}
    # These two print asterisks in its place.
    assert unlabelled == {"pg_catalog.pg_roles.rolpassword", "pg_catalog.pg_user.passwd"}
    assert all(LABELLED[column].startswith("secret.") for column in LABELLED if column.column in names)


def test_the_source_of_functions_and_statements_of_others_are_labelled() -> None:
    assert LABELLED[ColumnRef("pg_catalog", "pg_proc", "prosrc")] == "secret.source"
    assert LABELLED[ColumnRef("pg_catalog", "pg_stat_activity", "query")] == "opaque.statement"


def test_what_psql_and_drivers_read_is_not_labelled() -> None:
    tables = {column.table for column in LABELLED}
    assert tables.isdisjoint(
        {"pg_class", "pg_type", "pg_namespace", "pg_index", "pg_constraint", "pg_attrdef", "columns"}
    )
