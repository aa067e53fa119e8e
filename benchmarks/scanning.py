"""`python -m benchmarks.scanning [TABLES]`: how long a scan of tables with twenty columns and two hundred rows takes, and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from sluice.testing.postgres import PostgresServer

ROWS = 200
TOGETHER = 50
COLUMNS = {
    **{f"t{n}": f"'value ' || n || ' of {n}'" for n in range(10)},
    "email": "'u' || n || '@example.com'",
    "phone": "'+1 555-201-' || 1000 + n",
    "note": "'some longer note about order ' || n",
    "amount": "n * 1.5",
    "items": "n",
    "placed": "timestamptz '2026-01-01' + n * interval '1 minute'",
    "reference": "'R-' || n",
    "status": "'open'::text",
    "payload": """'{"a": [1, "x"]}'::jsonb""",
    "address": "'203.0.113.9'::inet",
}
SCAN = """
import json, resource, sys
from pathlib import Path
import psycopg
from sluice.edges.scanning import Scan, label
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    scan = Scan(connection)
    done = label("bench", scan, scan.tables(), Path(sys.argv[2]), ledger="scan-bench.part")
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([*done, len(scan.unread), used.ru_maxrss, used.ru_utime + used.ru_stime]))
"""


def main() -> None:
    """Makes the tables, scans them in a process of its own, and prints what that took."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    listed = ", ".join(f"{value} as {name}" for name, value in COLUMNS.items())
    with tempfile.TemporaryDirectory(prefix="sluice-scanning-") as folder, PostgresServer() as server:
        server.psql("create database bench")
        with psycopg.connect(server.dsn("bench"), autocommit=True) as connection:
            for first in range(0, tables, TOGETHER):
                made = (
                    f"create table t_{n} as select {listed} from generate_series(1, {ROWS}) n"
                    for n in range(first, min(first + TOGETHER, tables))
                )
                connection.execute(";".join(made).encode())
            connection.execute("analyze")
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", SCAN, server.dsn("bench"), str(Path(folder))],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.monotonic() - begun
    count, columns, labelled, waiting, empty, unread, kibibytes, processor = json.loads(done.stdout)
    print(
        f"{count} tables, {columns} columns: {seconds:.1f} s ({processor:.1f} s of a processor), {kibibytes / 1024:.0f} MiB"
    )
    print(f"{labelled} labelled, {waiting} waiting, {empty} empty, {unread} tables not read")


if __name__ == "__main__":
    main()
