"""What a reader of the documents has: a database with a shop in it, the `sluice` command, and the gateway of the first page."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from reading import FIRST, ROOT, Shell

from sluice.faces.demo.stage import Stage
from sluice.testing.ports import free_port
from sluice.testing.postgres import EMBEDDED, PostgresServer

SHOP = """
create table customers (id int primary key, name text not null, email text not null, phone text, born date, plan text not null);
create table orders (id int primary key, customer_id int not null references customers, amount numeric(10, 2) not null,
    card_number text not null);
create table tickets (id int primary key, customer_id int not null references customers, body text not null);
insert into customers select n, 'Customer ' || n, 'customer' || n || '@example.com', '+1 555-100-' || 1000 + n,
    date '1980-01-01' + 40 * n, case n % 2 when 0 then 'free' else 'team' end from generate_series(1, 50) n;
insert into orders select n, 1 + n % 50, n * 1.25, '42424242424' || 10000 + n from generate_series(1, 200) n;
insert into tickets select n, n, 'write to customer' || n || '@example.com, please' from generate_series(1, 10) n;
create function initials(text) returns text language sql as
    $$ select string_agg(left(word, 1), '') from regexp_split_to_table($1, ' ') word $$;
"""
GATEWAY = "a long random password"
ALICE = "alice's long password"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A database server with the shop in it, and the gateway's role."""
    hba = ("local all all trust", "host all gateway 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust")
    with PostgresServer(hba=hba) as running:
        running.psql(f"create role gateway login password '{GATEWAY}'; create database shop")
        running.psql(SHOP + "grant select, insert, update, delete on all tables in schema public to gateway;", "shop")
        yield running


@pytest.fixture(scope="session")
def environment(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a reader has: the `sluice` command, psql, and the address of their database."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin:{EMBEDDED}"
    return {
        "PATH": path, "HOME": str(tmp_path_factory.mktemp("home")), "LC_ALL": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1",
        "PAGER": "cat", "PGCONNECT_TIMEOUT": "10",
        "SLUICE_DATABASE_URL": f"postgres://gateway:{GATEWAY.replace(' ', '%20')}@127.0.0.1:{server.port}/shop",
        "SHOP_PASSWORD": GATEWAY, "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }  # fmt: skip


def _shell(folder: Path, environment: dict[str, str]) -> Shell:
    return Shell(folder, environment, {"7432": str(free_port()), "7433": str(free_port())})


@pytest.fixture(scope="session")
def begun(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, list[str]]]:
    """The first how-to page, followed to its end, and what went wrong on the way."""
    shell = _shell(tmp_path_factory.mktemp("first") / "gateway", environment)
    shell.folder.mkdir()
    wrong = shell.follow(FIRST)
    yield shell, wrong
    shell.end()


@pytest.fixture
def going_on(begun: tuple[Shell, list[str]], tmp_path: Path) -> Iterator[Shell]:
    """A gateway as the first page leaves it, with ports and files of its own."""
    first, wrong = begun
    assert not wrong, "the first page does not hold, so no other can be followed"
    shell = _shell(tmp_path / "gateway", first.environment)
    shutil.copytree(first.folder, shell.folder, ignore=shutil.ignore_patterns("audit", "gateway.*"))
    config = shell.folder / "sluice.yaml"
    # The pages show what their own commands bring about, and when: nothing is labelled meanwhile.
    config.write_text(shell.there(first.here(config.read_text())) + "classification: {automatic: off}\n")
    shell.run(f'export PGHOST=127.0.0.1 PGPORT=7432 PGDATABASE=shop PGUSER=alice PGPASSWORD="{ALICE}"')
    status, said = shell.run("sluice serve 2>gateway.log & echo $! >gateway.pid")
    assert status == 0, said
    status, said = shell.run(
        "curl -fsS --retry 100 --retry-connrefused --retry-delay 1 --retry-all-errors http://127.0.0.1:7433/readyz"
    )
    assert status == 0, said + (shell.folder / "gateway.log").read_text()
    yield shell
    shell.end()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The demo after its tour, in a checkout's folder."""
    with Stage(tmp_path_factory.mktemp("demo") / "sluice" / ".sluice" / "demo", lambda _: None) as running:
        yield running


@pytest.fixture
def demo(stage: Stage, environment: dict[str, str]) -> Shell:
    """A shell in the checkout's folder."""
    return Shell(stage.folder.parents[1], environment)


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser at which Sam sits, who fills in every form."""
    program = tmp_path / "browser"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT / 'tests/edges/identity')!r})\n"
        "from oidc import Person\nPerson('sam').visit(sys.argv[1])\n"
    )
    program.chmod(0o755)
    return program
