"""pgbench through the gateway: its own tables, its own transactions, in each of its three ways of asking."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from sluice.testing.postgres import EMBEDDED


def _pgbench(gateway, user: str, *options: str) -> str:
    where = ["-h", "127.0.0.1", "-p", str(gateway.gateway.port), "-U", user, "shop"]
    done = subprocess.run(
        [EMBEDDED / "pgbench", *options, *where],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PGPASSWORD": gateway.password},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tables(gateway):
    """pgbench's tables, made through the gateway by a role that may."""
    _pgbench(gateway, "app", "-i", "-I", "dtgp", "-q", "-s", "1")
    yield
    _pgbench(gateway, "app", "-i", "-I", "d")


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
@pytest.mark.parametrize("script", ["select-only", "tpcb-like"])
def test_every_transaction_succeeds(gateway, tables, mode, script):
    said = _pgbench(gateway, "app", "-n", "-b", script, "-M", mode, "-c", "4", "-t", "100")
    assert re.search(r"number of transactions actually processed: 400/400", said)
    assert "number of failed transactions: 0" in said


def test_what_it_wrote_adds_up(gateway, tables):
    _pgbench(gateway, "app", "-n", "-b", "tpcb-like", "-M", "prepared", "-c", "2", "-t", "50")
    with gateway.connect("app") as app:
        totals = app.execute(
            "select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),"
            " (select sum(bbalance) from pgbench_branches), (select sum(delta) from pgbench_history)"
        ).fetchone()
    assert len(set(totals)) == 1
