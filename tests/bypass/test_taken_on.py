"""A label reaches a column with the value: whoever writes and is gone has not left it without."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

CANARY = "heliotrope"
POLICIES = """
@id("all-work") permit (
  principal, action in [Action::"connect", Action::"read", Action::"write", Action::"define", Action::"destroy"], resource
);
@id("ada-may") permit (principal == User::"ada", action, resource);
"""
SELECT = "select body from people"


@pytest.fixture(scope="module")
def carried(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    postgres.psql("create database carried")
    postgres.psql(f"create table people (body text); insert into people values ('{CANARY}')", "carried")
    pw = f'scram: "{verifier("pw")}"'
    config = (
        f"sources: {{carried: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: postgres}}}}\n"
        f"users: {{ada: {{{pw}}}, bob: {{{pw}}}}}\nmasking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n"
    )
    files = {
        "policies/all.cedar": POLICIES,
        "labels.yaml": "labels: {pii: redact}\ncolumns: {carried: {public.people.body: pii}}\n",
    }
    with RunningGateway(tmp_path_factory.mktemp("carried"), config, files=files) as gateway:
        yield gateway
    postgres.psql("drop database carried with (force)")


def _read(carried: RunningGateway, table: str) -> list[object]:
    with psycopg.connect(carried.dsn("bob", "pw", "carried"), autocommit=True) as connection:
        return [row[0] for row in connection.execute(f"select body from {table}".encode()).fetchall()]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("inserted", ["insert into inserted {}"]),
        ("updated", ["insert into updated values ('')", "update updated set body = people.body from people"]),
        ("made", ["drop table made", "create table made as {}"]),
        ("together", ["begin; insert into together {}; commit"]),
        ("afterwards", ["begin", "insert into afterwards {}", "commit"]),
        ("copied", ["insert into copied (body) {} on conflict do nothing returning 1"]),
    ],
)  # fmt: skip
def test_a_label_is_in_force_when_the_writer_hears_of_the_end_and_leaves(
    carried: RunningGateway, postgres: PostgresServer, name: str, texts: list[str]
) -> None:
    postgres.psql(f"create table {name} (body text)", "carried")
    with psycopg.connect(carried.dsn("ada", "pw", "carried"), autocommit=True) as connection:
        for text in texts:
            connection.execute(text.format(SELECT).encode(), prepare=False)
    assert _read(carried, name) == ["[redacted]"]


def test_who_does_not_wait_for_the_end_leaves_no_value_without_its_label(
    carried: RunningGateway, postgres: PostgresServer
) -> None:
    postgres.psql("create table hasty (body text)", "carried")
    connection = psycopg.connect(carried.dsn("ada", "pw", "carried"), autocommit=True)
    connection.pgconn.send_query(f"insert into hasty {SELECT}".encode())
    connection.pgconn.flush()
    asked = carried.event(lambda event: event["event"] == "statement-asked" and "hasty" in str(event), "the record")
    connection.close()
    carried.event(
        lambda event: event["event"] == "disconnected" and event["connection"] == asked["connection"], "its end"
    )
    assert CANARY not in _read(carried, "hasty")


def test_a_session_goes_on_after_it_has_waited(carried: RunningGateway, postgres: PostgresServer) -> None:
    postgres.psql("create table flowing (body text)", "carried")
    with psycopg.connect(carried.dsn("ada", "pw", "carried"), autocommit=True) as connection, connection.pipeline():
        found = [connection.execute(f"insert into flowing {SELECT}".encode()) for _ in range(3)]
        count = connection.execute("select count(*) from flowing")
        assert count.fetchone() == (3,)
        assert all(one.rowcount == 1 for one in found)
    assert _read(carried, "flowing") == ["[redacted]"] * 3
