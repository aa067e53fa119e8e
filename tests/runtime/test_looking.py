"""A gateway looks into columns as they appear: nothing sensitive waits for somebody to run a scan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sluice.edges.scanning import Looked, Proposals
from sluice.testing.gateway import RunningGateway, starter_policies, verifier
from sluice.testing.postgres import PostgresServer

MADE = """
create table people (id int primary key, mail text unique, colour text, born date);
create table bare (id int, words text);
create table parts (id int, words text) partition by range (id);
create table part_a partition of parts for values from (0) to (100);
insert into people select n, 'user' || n || '@example.com', 'green', '1980-01-01' from generate_series(1, 30) n;
insert into parts select n, 'quiet' from generate_series(1, 30) n;
grant all on all tables in schema public to looking_gateway;
"""


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    postgres.psql("create role looking_gateway login nosuperuser")
    for name in ("watched", "spared"):
        postgres.psql(f"create database {name}")
        postgres.psql(MADE + "grant usage, create on schema public to looking_gateway", name)
    yield postgres
    for name in ("watched", "spared"):
        postgres.psql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def running(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """Two workers before a source that is looked into, and one that is not."""
    listed = f"host: 127.0.0.1, port: {server.port}, environment: staging, user: looking_gateway"
    pw = f'scram: "{verifier("pw")}"'
    config = (
        f"sources: {{watched: {{{listed}}}, spared: {{{listed}, scan: off}}}}\n"
        f"users: {{dora: {{groups: [dba], {pw}}}, trainer: {{kind: agent, groups: [training], {pw}}}}}\n"
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {**starter_policies(), "labels.yaml": "labels: {pii: redact, pii.email: email}\ncolumns: {}\n"}
    folder: Path = tmp_path_factory.mktemp("looking")
    with RunningGateway(folder, config, files=files, classification="{}", workers=2) as gateway:
        gateway.until(lambda: "public.people.mail" in _labels(gateway), "the first look")
        yield gateway


def _labels(running: RunningGateway, source: str = "watched") -> dict[str, str]:
    return {one.column: one.label for one in Proposals(running.audit) if one.source == source and one.in_effect}


def _seen(running: RunningGateway, sql: str, source: str = "watched") -> list[object]:
    with psycopg.connect(running.dsn("trainer", "pw", source, purpose="fine-tuning"), autocommit=True) as connection:
        return [row[0] for row in connection.execute(sql.encode()).fetchall()]


def _looked(running: RunningGateway) -> set[str]:
    return {str(column) for column, _ in Looked(running.audit).held("watched").values()}


def _do(running: RunningGateway, *texts: str) -> None:
    with psycopg.connect(running.dsn("dora", "pw", "watched"), autocommit=True) as connection:
        for text in texts:
            connection.execute(text.encode())


def test_what_is_there_at_the_start_is_looked_into(running: RunningGateway) -> None:
    running.until(
        lambda: _seen(running, "select colour from people limit 1") == ["green"], "a column that holds nothing"
    )
    assert _labels(running)["public.people.mail"] == "pii.email"
    # Each connection may be taken by the other worker, which hears of it a moment later.
    shown = ["u***@example.com"]
    running.until(
        lambda: _seen(running, "select mail from people where id = 1") == shown, "the mail shown by its label"
    )
    assert _labels(running)["public.people.born"] == "pii.birth_date"


def test_an_empty_table_stays_unknown_and_a_partition_goes_by_its_table(running: RunningGateway) -> None:
    running.until(lambda: {"public.parts.words", "public.part_a.words"} <= _looked(running), "the table and its part")
    assert "public.bare.words" not in _looked(running)
    running.until(lambda: _seen(running, "select words from part_a limit 1") == ["quiet"], "the part shown")


def test_a_table_made_through_the_gateway_is_looked_into_at_once(running: RunningGateway) -> None:
    _do(
        running,
        "create table orders (phone text, remark text)",
        "insert into orders values ('+44 20 7946 0958', 'as ever')",
    )
    running.until(lambda: _labels(running).get("public.orders.phone") == "pii.phone", "the new table labelled")
    event = running.event(lambda one: one["event"] == "columns-classified" and one["labelled"] > 0, "the event")
    assert event["source"] == "watched" and "example.com" not in str(event)


def test_a_key_to_a_labelled_column_brings_its_label(running: RunningGateway, server: PostgresServer) -> None:
    server.psql(
        "create table visits (who text references people (mail)); grant all on visits to looking_gateway", "watched"
    )
    running.until(lambda: _labels(running).get("public.visits.who") == "pii.email", "the key followed")


def test_a_column_added_beside_the_gateway_is_noticed(running: RunningGateway, server: PostgresServer) -> None:
    server.psql("alter table people add column card_number text default '4242424242424242'", "watched")
    running.until(lambda: _labels(running).get("public.people.card_number") == "pci.pan", "the new column labelled")


def test_many_changes_are_taken_together_and_by_one_process_alone(running: RunningGateway) -> None:
    _do(running, *(f"create table many_{n} (email text, n int)" for n in range(40)))
    running.until(lambda: len([one for one in _labels(running) if "many_" in one]) == 40, "all of them labelled")
    events = [one for one in running.events() if one["event"] == "columns-classified"]
    assert sum(one["tables"] >= 2 for one in events) and len(events) < 40
    assert not [one for number in (1, 2) for one in _of_worker(running, number) if "columns-classified" in one]


def test_a_persons_word_stays(running: RunningGateway, server: PostgresServer) -> None:
    proposals = Proposals(running.audit)
    proposals.judge("watched", "public.people.mail", "rejected")
    proposals.save()
    running.until(lambda: "@example.com" in str(_seen(running, "select mail from people")), "the word in force")
    server.psql("alter table people add column later text default 'x'", "watched")
    running.until(lambda: "public.people.later" in _looked(running), "another look")
    assert "public.people.mail" not in _labels(running)


def test_a_source_that_forbids_it_is_left_alone(running: RunningGateway) -> None:
    assert not _labels(running, "spared") and not Looked(running.audit).held("spared")
    assert _seen(running, "select colour from people where id = 1", "spared") == ["[redacted]"]


def _of_worker(running: RunningGateway, number: int) -> list[str]:
    return [
        path.read_text(errors="replace") for path in (running.audit / f"worker-{number}").iterdir() if path.is_file()
    ]
