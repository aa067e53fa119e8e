"""A server of the corpus' own, the same database with two sets of hidden values, and a gateway before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from canaries import HIDDEN, OTHERS, Canaries
from playing import TRUST, Line, Stand

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

HERE = Path(__file__).parent
PASSWORD = "let me in"

POLICIES = """
@id("app-connects") permit (principal in Group::"app", action == Action::"connect", resource);
@id("app-works")
permit (
  principal in Group::"app",
  action in [Action::"read", Action::"write", Action::"define", Action::"destroy", Action::"launder"],
  resource
);
@id("nothing-is-destroyed-in-production")
forbid (principal, action in Action::"destroy", resource in Environment::"production");
"""


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A server with all that a careless operator would have: logical decoding, statistics of statements."""
    settings = {
        "wal_level": "logical",
        "shared_preload_libraries": "pg_stat_statements",
        "max_logical_replication_workers": "0",
        "primary_conninfo": f"password={HIDDEN.secret}",
    }
    hba = (
        "local all all trust",
        "host all all 127.0.0.1/32 trust",
        f"host all all 127.0.0.9/32 ident map={HIDDEN.token}",
    )
    with PostgresServer(settings=settings, hba=hba) as running:
        (running.data / HIDDEN.token).write_text(HIDDEN.secret)
        (running.data / HIDDEN.token).chmod(0o644)
        running.psql("create role keeper superuser login")
        running.psql("create database shop")
        words = {"{port}": str(running.port), "{database}": "shop"}
        text = HIDDEN.fill((HERE / "schema.sql").read_text())
        for word, value in words.items():
            text = text.replace(word, value)
        _run(running, "shop", text)
        for name in ("twin", "guarded"):
            running.psql(f"create database {name} template shop")
        running.psql("select pg_create_logical_replication_slot('s', 'test_decoding')", "shop")
        _run(running, "shop", _values(HIDDEN))
        _run(running, "guarded", _values(HIDDEN))
        _run(running, "twin", _values(OTHERS))
        with psycopg.connect(running.dsn("shop", "keeper"), autocommit=True) as other:
            other.execute("select '" + HIDDEN.secret + "'")  # type: ignore[arg-type]
            yield running


def _values(known: Canaries) -> str:
    return known.fill((HERE / "values.sql").read_text())


def _run(server: PostgresServer, database: str, text: str) -> None:
    with psycopg.connect(server.dsn(database, "keeper"), autocommit=True) as connection:
        for statement in text.split(";\n"):
            connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def stand(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The gateway before them; `app` may do anything but see, use or destroy in production."""
    sources = "".join(
        f"  {name}: {{host: 127.0.0.1, port: {server.port}, database: {database}, environment: {environment}, user: keeper}}\n"
        for name, database, environment in (
            ("shop", "shop", "staging"),
            ("twin", "twin", "staging"),
            ("shown", "shop", "staging"),
            ("guarded", "guarded", "production"),
        )
    )
    config = (
        f'sources:\n{sources}users:\n  app: {{groups: [app], scram: "{verifier(PASSWORD)}"}}\n'
        f'  trusted: {{groups: [app, trusted], scram: "{verifier(PASSWORD)}"}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {
        "policies/bypass.cedar": POLICIES,
        "policies/trust.cedar": TRUST,
        "labels.yaml": (HERE / "labels.yaml").read_text(),
    }
    with RunningGateway(tmp_path_factory.mktemp("bypass"), config, files=files) as running:
        yield Stand(running, server, PASSWORD)


@pytest.fixture(scope="session")
def line(stand: Stand) -> Iterator[Line]:
    """Connections that are kept from case to case, through the gateway and past it."""
    with Line(stand) as kept:
        yield kept
