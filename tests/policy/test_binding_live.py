"""Labels on a real server's catalog: they survive renames, and reach generated columns and partitions."""

from __future__ import annotations

import psycopg

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.engines.postgres.hazards import LABELLED
from sluice.model.columns import ColumnRef
from sluice.policy import starter
from sluice.policy.binding import DERIVED
from sluice.policy.labels import load_labels
from sluice.sql.catalog import Catalog
from sluice.testing.postgres import PostgresServer

from .casework import STARTER

BOOK = load_labels((STARTER / starter.LABELS).read_text(), builtin=LABELLED)


def catalog_of(connection: psycopg.Connection) -> Catalog:
    return build([row[0] for row in connection.execute(CATALOG_SQL)], {})


def test_labels_follow_real_columns(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("create database binding_live")
    with psycopg.connect(postgres.dsn("binding_live"), autocommit=True) as connection:
        connection.execute(
            "create table customers (id int, email text, loud text generated always as (upper(email)) stored);"
            "create table people (id int, ssn text) partition by range (id);"
            "create table some_people partition of people for values from (0) to (9)"
        )
        first = BOOK.bind("shop", catalog_of(connection))
        assert first.labels_of(ColumnRef("public", "customers", "loud")) == {"pii.email", DERIVED}
        assert first.labels_of(ColumnRef("public", "some_people", "ssn")) == {"pii.national_id"}
        assert first.labels_of(ColumnRef("pg_catalog", "pg_authid", "rolpassword")) == {"secret.password_hash"}
        connection.execute("alter table customers rename email to harmless; alter table customers rename to attic")
        second = BOOK.bind("shop", catalog_of(connection), first)
        assert second.labels_of(ColumnRef("public", "attic", "harmless")) == {"pii.email"}
        assert second.labels_of(ColumnRef("public", "attic", "loud")) == {"pii.email", DERIVED}
        assert set(second.drifted.values()) == {frozenset({"pii.email"})}


def test_what_leaves_its_parent_or_is_no_longer_computed_keeps_its_labels(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("create database binding_parted")
    with psycopg.connect(postgres.dsn("binding_parted"), autocommit=True) as connection:
        connection.execute(
            "create table customers (id int, email text, loud text generated always as (upper(email)) stored);"
            "create table people (id int, ssn text) partition by range (id);"
            "create table some_people partition of people for values from (0) to (9);"
            "create table humans (id int, ssn text); create table heirs () inherits (humans)"
        )
        labels = load_labels(
            "labels: {pii: redact}\n"
            "columns: {shop: {public.people.ssn: pii, public.humans.ssn: pii, public.customers.email: pii}}\n"
        )
        first = labels.bind("shop", catalog_of(connection))
        columns = [
            ColumnRef("public", *rest) for rest in (("some_people", "ssn"), ("heirs", "ssn"), ("customers", "loud"))
        ]
        assert [first.labels_of(column) - {DERIVED} for column in columns] == [{"pii"}] * 3
        connection.execute(
            "alter table people detach partition some_people; alter table heirs no inherit humans;"
            "alter table customers alter column loud drop expression"
        )
        second = labels.bind("shop", catalog_of(connection), first)
        assert [second.labels_of(column) - {DERIVED} for column in columns] == [{"pii"}] * 3
        # What a restart would lose is said, so that it can be kept.
        assert len(second.drifted) == 3
        third = labels.bind("shop", catalog_of(connection), None, second.drifted)
        assert [third.labels_of(column) - {DERIVED} for column in columns] == [{"pii"}] * 3
