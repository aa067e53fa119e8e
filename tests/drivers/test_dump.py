"""pg_dump and pg_restore through the gateway: the schema is whole, labelled values are masked in what is dumped."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from sluice.testing.postgres import EMBEDDED


def _run(program: str, dsn: str, *arguments: str) -> str:
    done = subprocess.run(
        [EMBEDDED / program, "-d", dsn, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _plain(dump: str) -> str:
    """Without the words that are others at every run."""
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump)


@pytest.mark.parametrize("user", ["dana", "dora"])
def test_a_schema_is_dumped_as_it_is(gateway, user: str) -> None:
    through = _run("pg_dump", gateway.dsn(user), "--schema-only")
    assert _plain(through) == _plain(_run("pg_dump", gateway.beside(), "--schema-only"))


def test_rows_are_dumped_as_they_are_where_nothing_is_labelled(gateway) -> None:
    for how in ((), ("--inserts",), ("--column-inserts", "--rows-per-insert=4")):
        through = _run("pg_dump", gateway.dsn("dana"), "--table=items", "--data-only", *how)
        assert _plain(through) == _plain(_run("pg_dump", gateway.beside(), "--table=items", "--data-only", *how))


def test_labelled_values_are_masked_in_a_dump(gateway) -> None:
    for how in ((), ("--inserts",)):
        dump = _run("pg_dump", gateway.dsn("dana"), "--table=customers", *how)
        assert "p***@example.com" in dump and "*******1001" in dump
        assert "person1@" not in dump and "900-10-1001" not in dump


def test_a_dump_is_restored_by_who_may_define_and_write(gateway, tmp_path: Path) -> None:
    with psycopg.connect(gateway.beside(), autocommit=True) as beside:
        beside.execute(
            "create schema kept create table kept.things (id int primary key, name varchar(20) default 'x', at timestamptz)"
        )
        beside.execute("insert into kept.things select n, 'thing ' || n, '2026-01-01' from generate_series(1, 50) n")
        beside.execute("create index on kept.things (name)")
    dsn, archive = gateway.dsn("app"), str(tmp_path / "kept.dump")
    try:
        _run("pg_dump", dsn, "--schema=kept", "--format=custom", f"--file={archive}")
        _run("pg_dump", dsn, "--schema=kept", "--no-owner", f"--file={tmp_path / 'kept.sql'}")
        with psycopg.connect(gateway.beside(), autocommit=True) as beside:
            for restore in (
                lambda: _run("pg_restore", dsn, "--no-owner", "--exit-on-error", archive),
                lambda: _run("psql", dsn, "-qX", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "kept.sql")),
            ):
                beside.execute("drop schema kept cascade")
                restore()
                assert beside.execute("select count(*), max(name) from kept.things").fetchone() == (50, "thing 9")
                assert beside.execute("select count(*) from pg_indexes where schemaname = 'kept'").fetchone() == (2,)
    finally:
        with psycopg.connect(gateway.direct(), autocommit=True) as beside:
            beside.execute("drop schema if exists kept cascade")
