"""What is measured: one PostgreSQL, PgBouncer before it, Sluice before it, all on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psycopg

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.ports import free_port
from sluice.testing.postgres import PostgresServer

ROWS = 1_000_000
USER = "bench"
PASSWORD = "bench"
POLICY = """
@id("bench-connects") permit (principal in Group::"bench", action == Action::"connect", resource);
@id("bench-reads") permit (principal in Group::"bench", action in Action::"read", resource);
@id("bench-writes") permit (principal in Group::"bench", action in Action::"write", resource);
"""
LABELS = """
labels: {pii: redact, pii.email: email, pii.national_id: {mask: partial, params: {keep_last: 4}}, pii.name: hash}
columns:
  bench:
    public.bulk.email: pii.email
    public.bulk.ssn: pii.national_id
    public.bulk.name: pii.name
    public.bulk.note: pii
"""


class Stand:
    """The three ways to the same data."""

    def __init__(self, folder: Path, rows: int = ROWS, policies: int = 10) -> None:
        self.folder = folder
        self.rows = rows
        self.policies = policies
        self.server = PostgresServer(
            folder / "postgres", settings={"max_connections": "2500", "shared_buffers": "256MB"}
        )
        self.bouncer_port = free_port()
        self.gateway: RunningGateway
        self._beside: list[Stand] = []
        self._bouncer: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Stand:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server.start()
        self._load()
        self._bounce()
        self.serve()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self, *self._beside):
            one.gateway.stop()
        if self._bouncer is not None:
            self._bouncer.terminate()
            self._bouncer.wait(60)
        self.server.stop()

    @property
    def ways(self) -> dict[str, int]:
        """Port by name; PgBouncer is missing where it is not installed."""
        found = {"direct": self.server.port, "sluice": self.gateway.port}
        return found if self._bouncer is None else {**found, "pgbouncer": self.bouncer_port}

    @property
    def gateway_pid(self) -> int:
        """The process that is Sluice."""
        return self.gateway.pid

    def dsn(self, port: int) -> str:
        """A connection string to one of the ways."""
        return f"host=127.0.0.1 port={port} dbname=bench user={USER} password={PASSWORD}"

    def pgbench(self, port: int, *arguments: str) -> str:
        """Runs pgbench; what it prints."""
        command = [
            self.server.binaries / "pgbench",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            USER,
            *arguments,
            "bench",
        ]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    def beside(self, policies: int) -> Stand:
        """Another gateway before the same server, with so many policies; it ends with this stand."""
        other = Stand(self.folder / f"beside-{policies}", self.rows, policies)
        other.server = self.server
        other.serve()
        self._beside.append(other)
        return other

    def _load(self) -> None:
        self.server.psql(
            f"create role {USER} login superuser password '{PASSWORD}'; create database bench owner {USER}"
        )
        self.pgbench(self.server.port, "-i", "-s", "10", "-q")
        with psycopg.connect(self.server.dsn("bench"), autocommit=True) as connection:
            connection.execute(
                f"create table bulk as select i as id, 'name ' || i as name, 'user' || i || '@example.com' as email, "
                f"lpad((i % 1000)::text, 3, '0') || '-' || lpad((i % 100)::text, 2, '0') || '-' || lpad((i % 10000)::text, 4, '0') as ssn, "
                f"'a note of some length ' || i as note, i % 97 as n1, i * 3 as n2, md5(i::text) as h, now() as t, i % 2 = 0 as b "
                f"from generate_series(1, {self.rows}) i".encode()
            )
            connection.execute("vacuum analyze")

    def _bounce(self) -> None:
        program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
        if program is None:
            return
        folder = self.folder / "pgbouncer"
        folder.mkdir(exist_ok=True)
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\nbench = host=127.0.0.1 port={self.server.port} dbname=bench user={USER}\n[pgbouncer]\n"
            f"listen_addr=127.0.0.1\nlisten_port={self.bouncer_port}\nauth_type=any\npool_mode=session\nmax_client_conn=2000\n"
            f"default_pool_size=200\nunix_socket_dir=\nlogfile={folder}/log\n"
        )
        folder.chmod(0o777)
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        quiet = subprocess.DEVNULL
        self._bouncer = subprocess.Popen([program, *user, str(folder / "pgbouncer.ini")], stdout=quiet, stderr=quiet)

    def serve(self) -> None:
        """Starts Sluice with `policies` policies, all governance on."""
        more = "".join(
            f'@id("other-{i}") permit (principal in Group::"other{i}", action in Action::"read", resource in Source::"other{i}");\n'
            for i in range(self.policies)
        )
        config = (
            f"sources:\n  bench: {{host: 127.0.0.1, port: {self.server.port}, environment: production, user: {USER}}}\n"
            f'users:\n  {USER}: {{groups: [bench], scram: "{verifier(PASSWORD)}"}}\nlimits: {{connections: 2000}}\n'
            "policies: [all.cedar]\nmasking: {key: {file: masking.key}}\n"
        )
        files = {"all.cedar": POLICY + more, "labels.yaml": LABELS}
        self.gateway = RunningGateway(self.folder / "sluice", config, files=files)
        self.gateway.start()
