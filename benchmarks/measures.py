"""The measurements; each gives rows of (what, way, value, unit)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.stand import Stand
from benchmarks.tpch import QUERIES, SCHEMA
from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.engines.postgres.dialect import lower
from sluice.sql.lineage import Context, analyze

Result = tuple[str, str, float, str]
TPS = re.compile(r"tps = ([0-9.]+)")


def throughput(stand: Stand, seconds: int, rounds: int) -> Iterator[Result]:
    """pgbench -S in each mode and width, the ways taking turns."""
    for mode in ("simple", "extended", "prepared"):
        for clients in (1, 8, 32):
            found: dict[str, list[float]] = {way: [] for way in stand.ways}
            for _ in range(rounds):
                for way, port in stand.ways.items():
                    out = stand.pgbench(port, "-n", "-S", "-M", mode, "-c", str(clients), "-j", "1", "-T", str(seconds))
                    match = TPS.search(out)
                    found[way].append(float(match[1]) if match else 0.0)
            for way, values in found.items():
                yield f"pgbench -S {mode}, {clients} clients", way, median(values), "tx/s"


def bulk(stand: Stand, rounds: int) -> Iterator[Result]:
    """A large select and COPY with four masked columns of ten; PgBouncer hides nothing, so it is not compared."""
    work: dict[str, Callable[[psycopg.Connection[object]], int]] = {"select": _select, "copy": _copy}
    for name, run in work.items():
        found: dict[str, list[float]] = {"direct": [], "sluice": []}
        for _ in range(rounds):
            for way, values in found.items():
                with psycopg.connect(stand.dsn(stand.ways[way])) as connection:
                    started = time.perf_counter()
                    size = run(connection)
                    values.append(stand.rows / (time.perf_counter() - started) if size else 0.0)
        for way, values in found.items():
            yield f"{name} of {stand.rows:,} rows, 4 of 10 columns masked", way, median(values), "rows/s"


def _select(connection: psycopg.Connection[object]) -> int:
    # Through libpq's own single-row-free path: the client's cost must not drown the gateway's.
    result = connection.pgconn.exec_(b"select * from bulk")
    return result.ntuples


def _copy(connection: psycopg.Connection[object]) -> int:
    size = 0
    with connection.cursor().copy("copy bulk to stdout") as copy:
        for block in copy:
            size += len(block)
    return size


def flatness(stand: Stand, others: Stand) -> Iterator[Result]:
    """Cost of a seen statement with 1,000 policies, of that with 10."""
    found = []
    for port in (stand.gateway.port, others.gateway.port):
        match = TPS.search(stand.pgbench(port, "-n", "-S", "-c", "8", "-T", "3"))
        found.append(float(match[1]) if match else 0.0)
    yield "pgbench -S with 1,000 policies, of that with 10", "sluice", found[1] / found[0], "ratio"


def idle(stand: Stand, connections: int) -> Iterator[Result]:
    """Memory of the gateway for each idle connection."""
    before = _resident(stand.gateway_pid)
    held = [psycopg.connect(stand.dsn(stand.gateway.port)) for _ in range(connections)]
    after = _resident(stand.gateway_pid)
    for connection in held:
        connection.close()
    yield f"{connections} idle connections", "sluice", (after - before) / connections / 1024, "KiB each"


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]


def analysis(stand: Stand) -> Iterator[Result]:
    """A statement seen for the first time: TPC-H's queries, parsed and followed."""
    stand.server.psql(SCHEMA, "bench")
    with psycopg.connect(stand.server.dsn("bench")) as connection:
        catalog = build([str(row[0]) for row in connection.execute(CATALOG_SQL.encode()).fetchall()])
    context = Context(("pg_catalog", "public"), "bench", lower=lower)
    times = []
    for text in QUERIES:
        rounds = []
        for _ in range(5):
            started = time.perf_counter()
            for statement in lower(text):
                analyze(statement, catalog, context)
            rounds.append(time.perf_counter() - started)
        times.append(median(rounds))
    yield f"TPC-H's {len(QUERIES)} queries, analysed for the first time (median)", "sluice", median(times) * 1e6, "us"
