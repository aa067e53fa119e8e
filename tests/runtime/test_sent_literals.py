"""What callers send within a statement is looked through, however it is written: for the log, and for policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sluice.edges.sinks.jsonl import read
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "a password of tests"
KEY = "AKIA" + "ZYXWVUTS98765432"
CARD = "4242 4242 4242 4242"
POLICIES = """
@id("connects") permit (principal, action == Action::"connect", resource);
@id("works") permit (principal, action in [Action::"read", Action::"write"], resource);
@id("no-keys") @hint("leave it out") forbid (principal is User, action, resource)
when { context.literals.labels.contains("secret") };
@id("no-cards") forbid (principal is User, action in Action::"write", resource)
when { context.literals.labels.contains("pci.pan") };
"""
HEX = KEY.encode().hex()
DISGUISES = [
    f"'{KEY}'", f"'see {KEY}.'", f"E'\\x41{KEY[1:]}'", f"E'\\101{KEY[1:]}'", f"E'\\u0041{KEY[1:]}'", f"U&'\\0041{KEY[1:]}'",
    f"U&'!0041{KEY[1:]}' UESCAPE '!'", f"$a${KEY}$a$", f"'{KEY[:7]}'\n'{KEY[7:]}'",
    f"convert_from('\\x{HEX}'::bytea, 'UTF8')", f"X'{HEX}'::text", f"b'{int(HEX, 16):0{len(KEY) * 8}b}'::text",
]  # fmt: skip


@pytest.fixture(scope="module")
def notes(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway whose policies ask what users send within a statement, and users and services who send it."""
    postgres.psql("create database noting")
    postgres.psql("create role noting_gateway login")
    postgres.psql(
        "create table notes (id int, words text, number bigint); grant all on notes to noting_gateway", "noting"
    )
    config = (
        f"sources:\n  noting: {{host: 127.0.0.1, port: {postgres.port}, database: noting, environment: test, user: noting_gateway}}\n"
        f'users:\n  ann: {{scram: "{verifier(PASSWORD)}"}}\n  job: {{kind: service, scram: "{verifier(PASSWORD)}"}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {"policies/all.cedar": POLICIES, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
    folder: Path = tmp_path_factory.mktemp("noting")
    with RunningGateway(folder, config, files=files) as gateway:
        yield gateway


def _log(gateway: RunningGateway) -> list[bytes]:
    return list(read(gateway.folder / "audit"))


@pytest.mark.parametrize("written", DISGUISES)
def test_a_key_is_refused_however_it_is_written(notes: RunningGateway, written: str) -> None:
    with psycopg.connect(notes.dsn("ann", PASSWORD, "noting"), autocommit=True) as connection:
        for statement in (
            f"insert into notes (words) values ({written})",
            f"select id from notes where words = {written}",
        ):
            for prepare in (False, True):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no-keys"):
                    connection.execute(statement, prepare=prepare)
        assert connection.execute("select count(*) from notes").fetchone() == (0,)


def test_no_form_of_a_key_stands_in_the_log_of_whom_no_policy_asks(notes: RunningGateway) -> None:
    with psycopg.connect(notes.dsn("job", PASSWORD, "noting"), autocommit=True) as connection:
        for written in DISGUISES:
            for _ in range(3):
                connection.execute(f"select id from notes where words = {written}", prepare=False)
            with pytest.raises(psycopg.Error):
                connection.execute(f"select id from nowhere where words = {written}", prepare=False)
    lines = _log(notes)
    assert not [line for line in lines if KEY[7:].encode() in line or HEX.encode() in line or KEY[4:].encode() in line]
    told = [json.loads(line)["text"] for line in lines if b'"statement-asked"' in line]
    assert "select id from notes where words = '[key]'" in told


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_a_bound_parameter_is_looked_through_in_either_form(notes: RunningGateway, binary: bool) -> None:
    place = "%b" if binary else "%t"
    with psycopg.connect(notes.dsn("ann", PASSWORD, "noting"), autocommit=True) as connection:
        statement = f"select id from notes where words = {place}"
        for _ in range(7):
            assert connection.execute(statement, ["nothing"]).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no-keys"):
            connection.execute(statement, [f"the key {KEY}"])
        assert connection.execute(statement, ["nothing"]).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no-cards"):
            connection.execute(f"insert into notes (number) values ({place}::bigint)", [int(CARD.replace(" ", ""))])
