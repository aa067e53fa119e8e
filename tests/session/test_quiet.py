"""An error keeps its text only where that can be made of names alone; whatever code has run may have quoted a value."""

from __future__ import annotations

import psycopg
import pytest

from sluice.model.columns import TableRef
from sluice.session.quiet import says_names_alone
from sluice.sql.span import Confidence, SessionEffect, Span, Touch
from sluice.testing.postgres import PostgresServer

SPAN = Span(
    "select",
    "read",
    Confidence.EXACT,
    tables=(Touch(TableRef("public", "people"), "read"),),
    effects=(SessionEffect("execute", ("plan",)), SessionEffect("fetch", ("walk",))),
)


@pytest.mark.parametrize(
    "fields",
    [
        {"C": "42703", "M": 'column "x" does not exist', "P": "8"},
        {"C": "42501", "M": "permission denied for table people"},
        {"C": "42501", "M": "must be owner of foreign table people"},
        {"C": "26000", "M": 'prepared statement "plan" does not exist'},
        {"C": "34000", "M": 'cursor "walk" does not exist'},
        {"C": "42P01", "M": 'relation "people" does not exist'},
        {"C": "42P01", "M": 'relation "public.people" does not exist'},
    ],
)
def test_what_is_made_of_the_statements_own_words_keeps_its_text(fields: dict[str, str]) -> None:
    assert says_names_alone(fields, SPAN)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"C": "22P02", "M": 'invalid input syntax for type integer: "900-10-1234"'},
        {"C": "22P02", "M": 'invalid input syntax for type integer: "900-10-1234"', "P": "8", "W": "SQL function f"},
        {"C": "22P02", "M": 'invalid input syntax for type integer: "900-10-1234"', "p": "8", "q": "select ssn::int"},
        {"C": "42501", "M": "permission denied for 900-10-1234"},
        {"C": "42501", "M": "permission denied for table people: 900-10-1234"},
        {"C": "42501", "M": 'permission denied for table "900 10 1234"'},
        {"C": "42501", "M": "permission denied for table people", "D": "900-10-1234"},
        {"C": "26000", "M": 'prepared statement "900-10-1234" does not exist'},
        {"C": "34000", "M": 'cursor "900-10-1234" does not exist'},
        {"C": "42P01", "M": 'relation "900-10-1234" does not exist'},
        {"C": "P0001", "M": "900-10-1234"},
        {"C": "23505", "M": "duplicate key", "D": "Key (ssn)=(900-10-1234) already exists."},
    ],
)
def test_what_could_quote_a_value_does_not(fields: dict[str, str]) -> None:
    assert not says_names_alone(fields, SPAN)


def test_without_a_span_only_a_position_or_a_missing_right_speaks_for_an_error() -> None:
    assert says_names_alone({"C": "42601", "M": "syntax error", "P": "1"}, None)
    assert not says_names_alone({"C": "42P01", "M": 'relation "people" does not exist'}, None)


RUNNING = [
    "select ssn::int from people",
    "select (ssn || '')::date from people",
    "select 1 / (length(ssn) - 11) from people",
    "select cast(ssn as uuid) from people",
    "select jsonb(ssn) from people",
    "select json_value(ssn format json, '$' error on error) from people",
    "select ('{' || ssn || '}')::int[] from people",
    "select array[1, 2][ssn::int] from people",
    "select int4(ssn) from people where ssn::int = 3",
    "select x from people, lateral (values (ssn::int)) v(x)",
    "insert into people select ssn from people",
    "update people set ssn = 'x' || ssn",
    "select ssn::xml from people",
    "select regexp_match('a', ssn || '[') from people",
    "select lpad(ssn, ssn::int) from people",
    "select ssn::numeric(2, 1) from people",
    "with w as materialized (select ssn::int as n from people) select n from w",
    "select sum(ssn::int) over (order by ssn) from people",
    "create table copied as select ssn::int from people",
    "select set_config(ssn, ssn, false) from people",
    "select ssn::regclass from people",
    "select (select ssn::int from people where id = 1)",
]


@pytest.mark.parametrize("sql", RUNNING)
def test_no_error_of_a_real_server_that_quotes_a_value_keeps_its_text(postgres: PostgresServer, sql: str) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        connection.execute("create temporary table people (id int, ssn varchar(11) unique check (ssn not like 'x%'))")
        connection.execute("insert into people values (1, '900-10-1234')")
        result = connection.pgconn.exec_(sql.encode())
        fields = {
            letter: (result.error_field(ord(letter)) or b"").decode()
            for letter in "CMDHPpqW"
            if result.error_field(ord(letter))
        }
        assert fields, "the statement was to fail"
        assert "900-10" not in " ".join(fields.values()) or not says_names_alone(fields, SPAN)
