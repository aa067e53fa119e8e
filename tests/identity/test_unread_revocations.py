"""While nobody can say who was revoked, nobody is let in."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import psycopg
import pytest

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

POLICY = '@id("all") permit (principal, action, resource);'


@contextlib.contextmanager
def opened(path: Path):
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        yield database


def test_a_gateway_that_cannot_read_the_revocations_lets_nobody_in_until_it_can(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.psql("create role unread_gateway login nosuperuser")
    postgres.psql("create database unread")
    config = (
        f"sources:\n  unread: {{host: 127.0.0.1, port: {postgres.port}, environment: test, user: unread_gateway}}\n"
        f'users: {{ada: {{scram: "{verifier("open sesame")}"}}}}\npolicies: [all.cedar]\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    with RunningGateway(
        tmp_path, config, files={"all.cedar": POLICY, "labels.yaml": "labels: {pii: redact}\n"}
    ) as gateway:
        dsn = gateway.dsn("ada", "open sesame", "unread")
        psycopg.connect(dsn).close()
        gateway.stop()
        (store,) = tmp_path.rglob("control.db")
        with opened(store) as database:
            database.execute("alter table sluice_revocations rename to elsewhere")
        gateway.start()
        with pytest.raises(psycopg.OperationalError, match="not valid"):
            psycopg.connect(dsn)
        assert gateway.event(lambda event: event["event"] == "authentication-failed")["reason"].startswith(
            "the gateway cannot read"
        )
        with opened(store) as database:
            database.execute("alter table elsewhere rename to sluice_revocations")
        gateway.until(lambda: admitted(dsn), "the revocations to be read")


def admitted(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
