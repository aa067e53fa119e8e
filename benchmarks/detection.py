"""`python -m benchmarks.detection [ROWS]`: what it costs to look through a result of ten columns, as a share of its speed without."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

ROUNDS = 3
PASSWORD = "a benchmark"
TABLES = {
    "mixed": """select n as id, 'Customer ' || md5(n::text) as full_name, 'Exampletown ' || n % 500 as city,
        (array['active', 'paused', 'closed'])[1 + n % 3] as status, 'ORD-' || lpad(n::text, 8, '0') as reference,
        n * 1.25 as amount, timestamptz '2026-01-01' + n * interval '1 minute' as placed, n % 17 as items,
        'the parcel was left with a neighbour at number ' || n % 90 as remark, md5(n::text)::uuid as token
        from generate_series(1, {rows}) n""",
    "all text": """select 'reference ' || n as a, 'Exampletown ' || n % 500 as b, (array['active', 'paused', 'closed'])[1 + n % 3] as c,
        'ORD-' || lpad(n::text, 8, '0') as d, md5(n::text) as e, (timestamp '2026-01-01' + n * interval '1 minute')::text as f,
        md5(n::text)::uuid::text as g, 'the parcel was left with a neighbour at number ' || n % 90 as h, n::text as i,
        'Blue ' || n % 7 as j from generate_series(1, {rows}) n""",
}
POLICY = """
@id("reads") permit (principal, action == Action::"connect", resource);
@id("all") permit (principal, action in Action::"read", resource);
"""


def main() -> None:
    """Measures both ways in turns, and prints rows a second and their ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="sluice-detection-") as folder, PostgresServer() as server:
        Path(folder).chmod(0o755)
        server.psql("create role bench_gateway login nosuperuser")
        server.psql("create database bench")
        for name, text in TABLES.items():
            server.psql(f'create table "{name}" as {text.format(rows=rows)}', "bench")
        server.psql("grant select on all tables in schema public to bench_gateway", "bench")
        source = f"{{host: 127.0.0.1, port: {server.port}, database: bench, environment: bench, user: bench_gateway"
        config = (
            f"sources:\n  looking: {source}}}\n  not: {source}, detection: off}}\n"
            f'users:\n  reader: {{scram: "{verifier(PASSWORD)}"}}\n'
            "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
        )
        files = {"policies/all.cedar": POLICY, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
        with RunningGateway(Path(folder) / "gateway", config, files=files) as gateway:
            for name in TABLES:
                for form in ("select", "copy"):
                    _measure(gateway, name, form, rows)


def _measure(gateway: RunningGateway, table: str, form: str, rows: int) -> None:
    found: dict[str, list[float]] = {"looking": [], "not": []}
    for _ in range(ROUNDS):
        for source, speeds in found.items():
            with psycopg.connect(gateway.dsn("reader", PASSWORD, source)) as connection:
                started = time.perf_counter()
                _read(connection, table, form)
                speeds.append(rows / (time.perf_counter() - started))
    with_it, without = (median(speeds) for speeds in found.values())
    print(f"{form} of {table}: {without:,.0f} rows/s without, {with_it:,.0f} with: {with_it / without:.2f}")


def _read(connection: psycopg.Connection[object], table: str, form: str) -> None:
    if form == "copy":
        with connection.cursor().copy(f'copy "{table}" to stdout') as copy:
            for _ in copy:
                pass
        return
    # By libpq alone: the client's own cost must not drown the gateway's.
    connection.pgconn.exec_(f'select * from "{table}"'.encode())


if __name__ == "__main__":
    main()
