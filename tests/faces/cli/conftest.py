from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sluice.faces.cli.main import app
from sluice.testing.postgres import PostgresServer

Run = Callable[..., Result]

SHOP = """
create role gateway login password 'gateway-pw';
create role reporting login;
create role boss login superuser replication bypassrls createrole createdb;
create role peeker login in role pg_read_all_data;
create table customers (id int primary key, full_name text, email text, ssn text, note text, "Web.Site" text);
create table "Odd Table" (id int, api_key text);
create view contacts as select id, email from customers;
create table plain (id int, amount numeric);
grant select on all tables in schema public to gateway;
"""


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        running.psql("create database shop")
        running.psql(SHOP, "shop")
        yield running


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `sluice` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)

    return command


@pytest.fixture
def configured(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, server: PostgresServer) -> Path:
    """A configuration as `sluice init` writes it for the real server."""
    monkeypatch.setenv("SHOP_PASSWORD", "gateway-pw")
    url = f"postgres://gateway@{server.host}:{server.port}/shop"
    assert run("init", "--database-url", url).exit_code == 0
    return tmp_path / "sluice.yaml"
