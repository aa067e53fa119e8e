"""`python -m benchmarks.evidence.questions --events 50000000`: how long questions of so many events over 90 days take.

The columns of so many are written at once, in the form and in files of the size that reading a log makes them in: 400 shapes,
200 people at four sources, 50 statements a session, as in `benchmarks.evidence`, whose lines the shapes and people are read from.
What it takes to come by them (signing, reading, sealing) is measured there. Prints one JSON object.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from benchmarks.evidence.__main__ import DAYS, START, batches
from benchmarks.evidence.running import run
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import State, catch_up, read_state
from sluice.edges.answers.shape import COMPACTED, UNSEEN, WEEK
from sluice.edges.answers.who_saw import Question, who_saw

KNOWN = 60_000
A_SESSION = 50
A_FILE = 1_500_000
"""Statements: what SMALL files of facts grow to before they are left alone."""
_FORM = "(format parquet, compression zstd, parquet_version v2, row_group_size 245760)"
BASE = """
    create table base as select s.*, c.caller, row_number() over (order by s.session) - 1 as k
    from read_parquet('{sessions}') s join read_parquet('{callers}') c
        on c.source = s.source and c.identity.name = s.identity.name
"""
SESSIONS = """
    select hash('c' || i) as session, printf('%016x', hash('c' || i)) as connection, b.source, b.environment, b.identity, b.client
    from range({count}) r(i) join base b on b.k = i % {known}
"""
FACTS = """
    select to_timestamp({start} + {days} * 86400.0 * i / {statements}) as time, h.shape, b.caller, hash('c' || (i // 50)) as session,
        (i % 50 * 2 + 1)::UBIGINT as n, (hash(i) % 100)::UBIGINT as rows, (hash(i) % 100 * 37)::UBIGINT as bytes,
        0::UBIGINT as masked, (200 + hash(i * 3) % 8800)::UBIGINT as duration_us, 'completed' as ended, '' as error, null::VARCHAR as told
    from range({begin}, {end}) r(i) join base b on b.k = (i // 50) % {known}
        join numbered h on h.k = hash(i * 7) % 100 * 4 + substr(b.source, 2)::UBIGINT order by time
"""
SEEN = f"""
    select (epoch_us(time) // {WEEK})::INTEGER as week, shape, caller, count(*)::UBIGINT as statements, sum(rows)::UBIGINT as rows,
        min(time) as first, max(time) as last, arg_max(session, time) as session, arg_max(n, time) as n
    from read_parquet('$facts') where ended not in {UNSEEN} and coalesce(rows, 1) > 0 group by all
"""


def lay_out(log: Path, events: int) -> None:
    """Makes the columns of a log of so many events, of which it holds some."""
    log.mkdir()
    (log / "audit-000001.jsonl").write_bytes(b"".join(batches(KNOWN)))
    catch_up(log)
    columns, statements = log / "columns", events // 2
    state = read_state(columns)
    database = duckdb.connect()
    names = {name: str(columns / listed[0]) for name, listed in state.files.items() if listed}
    database.execute(BASE.format(sessions=names["sessions"], callers=names["callers"]))
    database.execute(
        f"create table numbered as select shape, ('0x' || fingerprint)::UBIGINT as k from read_parquet('{names['shapes']}')"
    )
    (known,) = database.execute("select count(*) from base").fetchone() or (0,)
    files: dict[str, list[str]] = {"shapes": state.files["shapes"], "callers": state.files["callers"], "facts": []}
    _write(database, SESSIONS.format(count=statements // A_SESSION, known=known), columns / "sessions-50.parquet")
    sums = []
    for number, begin in enumerate(range(0, statements, A_FILE)):
        end, file = min(statements, begin + A_FILE), f"facts-{number}.parquet"
        query = FACTS.format(start=START, days=DAYS, statements=statements, begin=begin, end=end, known=known)
        _write(database, query, columns / file)
        files["facts"].append(file)
        sums.append(SEEN.replace("$facts", str(columns / file)))
    _write(database, COMPACTED["seen"].replace("$files", f"({' union all '.join(sums)})"), columns / "seen-0.parquet")
    files |= {"sessions": ["sessions-50.parquet"], "seen": ["seen-0.parquet"]}
    made = State(segment=state.segment, offset=state.offset, written=state.written, files=files)
    (columns / "state.json").write_bytes(msgspec.json.encode(made))
    for path in columns.glob("*.parquet"):
        if path.name not in {one for listed in files.values() for one in listed}:
            path.unlink()
    database.close()


def _write(database: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    database.execute(f"copy ({query}) to '{path}' {_FORM}")


def asked() -> Iterator[tuple[str, Question, int]]:
    """What is asked, and of how many newest events."""
    begin = datetime.fromtimestamp(START, UTC)
    yield "pii.email over 90 days", Question("pii.email", since=begin), 0
    yield "pii over 90 days", Question("pii", since=begin), 0
    yield "a column over 90 days", Question("public.t6.c6", since=begin), 0
    yield "pii of one person, in clear", Question("pii", who="user7", since=begin, clear=True), 0
    yield "pii over 80 days and a half", Question("pii", since=begin + timedelta(days=9.5)), 0
    yield "pii over three days", Question("pii", since=begin + timedelta(days=40), until=begin + timedelta(days=43)), 0
    yield "the newest 1000 statements that showed pii", Question("pii", since=begin), 1000


def measure(events: int, folder: Path, rounds: int = 5) -> dict[str, Any]:
    """Seconds for each question: the best of some rounds, and the processors' seconds that it took."""
    log = folder / "questions"
    begin = time.perf_counter()
    lay_out(log, events)
    made = time.perf_counter() - begin
    begin = time.perf_counter()
    answers = Answers([log])
    found: dict[str, Any] = {
        "events": events,
        "made_s": round(made, 1),
        "opened_s": round(time.perf_counter() - begin, 3),
    }
    for name, question, newest in asked():
        took = []
        for _ in range(rounds):
            begin, used = time.perf_counter(), time.process_time()
            rows = who_saw(answers, question, events=newest)
            took.append((time.perf_counter() - begin, time.process_time() - used))
        best = min(took)
        found[name] = {"s": round(best[0], 3), "cpu_s": round(min(one for _, one in took), 3), "rows": len(rows)}
    answers.close()
    found["bytes_per_event"] = round(sum(path.stat().st_size for path in (log / "columns").iterdir()) / events, 1)
    return found


if __name__ == "__main__":
    run(__doc__, measure, "questions", 50_000_000)
