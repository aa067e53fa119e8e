from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psycopg

from .conftest import Run

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(folder: Path) -> subprocess.Popen[str]:
    code = "from sluice.faces.cli.main import run; run()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "serve"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_init_writes_serves_a_query_until_it_is_told_to_end(configured: Path, run: Run) -> None:
    port, admin = free_port(), free_port()
    configured.write_text(
        configured.read_text().replace("port: 7432", f"port: {port}").replace("port: 7433", f"port: {admin}")
    )
    added = run("users", "add", "dana", "--group", "data-science", "--password-stdin", stdin="pw\n")
    assert added.exit_code == 0
    gateway = serve(configured.parent)
    try:
        assert gateway.stderr is not None
        said = next(line for line in map(json.loads, gateway.stderr) if line["event"] in ("listening", "cannot start"))
        assert said["event"] == "listening", said
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/healthz") as answer:
            assert answer.status == 200
        with psycopg.connect(f"host=127.0.0.1 port={port} dbname=shop user=dana password=pw") as connection:
            assert connection.execute("select 41 + 1").fetchone() == (42,)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=60) == 0
    finally:
        gateway.kill()
        gateway.communicate()
    shown = run("audit", "tail", "--as", "dana", "--json")
    assert any(json.loads(line)["event"] == "statement-asked" for line in shown.stdout.splitlines())


def test_a_configuration_that_is_wrong_ends_it_with_status_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sluice.yaml").write_text("sources: {}\n")
    done = run("serve")
    assert done.exit_code == 2
    assert "`masking` is missing" in done.stderr
