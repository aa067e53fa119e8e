"""`python -m benchmarks.evidence --events 1000000`: made-up events over 90 days, through the whole of the evidence.

Two events a statement (asked, done), 400 shapes of statements, 200 people, 50 statements a session. Prints one JSON object.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.evidence.running import run
from sluice.audit.encode import encode, stamp
from sluice.audit.events import Caller, Duties, Peer, Reach, Shaping, Shown, StatementAsked, Touched
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.who_saw import Question, who_saw
from sluice.edges.config import Audit
from sluice.edges.evidence.opening import open_log
from sluice.edges.evidence.sealing import Made, seal_closed
from sluice.edges.evidence.verify import verify

START, DAYS = 1_780_000_000.0, 90
LABELS = ("pii.email", "pii.phone", "pci.pan", "secret.api_key", "hr.salary", "pii.name")
BATCH = 20_000


def shapes(count: int = 400) -> list[bytes]:
    """Lines of statements with marks where the values of one go."""
    made = []
    for k in range(count):
        label, mask = (LABELS[k % 6], "clear" if k % 6 == 0 else "email") if k % 3 == 0 else ("", "clear")
        labels, table = ((label,) if label else ()), f"public.t{k % 40}"
        asked = StatementAsked(
            id="@I", seq=0, time="@T", connection="@C", source=f"s{k % 4}", environment="production",
            identity=Caller("user", "@W", ("support",), "scram"), purpose=("", "ticket", "billing")[k % 3],
            client=Peer("10.0.0.1", "app", True), step="run", text=f"select c{k % 12}, id from t{k % 40} where id = {k}",
            withheld="", normalized=f"select c{k % 12}, id from t{k % 40} where id = $1", fingerprint=f"{k:016x}",
            verb="select", confidence="exact", reasons=(), actions=("read",), tables=(Touched(table, "select"),),
            functions=(), outputs=(
                Shown(f"c{k % 12}", mask, {}, labels, (Reach(f"{table}.c{k % 12}", "value", labels),)),
                Shown("id", "clear", {}, (), (Reach(f"{table}.id", "value"),)),
            ), uses=(Shaping(f"{table}.id", "lookup"),), writes=(), outcome="allow", policies=("support-reads",),
            revealed=labels if mask == "clear" else (), hidden=labels if mask != "clear" else (),
            obligations=Duties(), refusal=None, snapshot=3,
        )  # fmt: skip
        made.append(encode(asked))
    return made


def batches(events: int) -> Iterator[bytes]:
    """The lines, in order of time, so many at once."""
    dice, lines, held = random.Random(7), shapes(), []
    for number in range(events // 2):
        if number % 50 == 0:
            connection, who = b"%016x" % dice.getrandbits(64), b"user%d" % dice.randrange(200)
            # A session is of one source.
            own = lines[dice.randrange(4) :: 4]
        at = stamp(START + DAYS * 86_400 * number / (events // 2)).encode()
        event, rows = b"%b-%d" % (connection, number % 50 * 2 + 1), dice.randrange(100)
        line = dice.choice(own).replace(b"@I", event).replace(b"@T", at).replace(b"@C", connection).replace(b"@W", who)
        held.append(line)
        held.append(
            b'{"event":"statement-done","id":"%b","seq":%d,"time":"%b","outcome":"completed","rows":%d,"bytes":%d,"masked":[0,0],'
            b'"duration_us":%d,"error":"","tag":"SELECT %d"}\n'
            % (event, number % 50 * 2 + 2, at, rows, rows * 37, dice.randrange(200, 9000), rows)
        )
        if len(held) >= BATCH:
            yield b"".join(held)
            held = []
    yield b"".join(held)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds it took, and what it gave."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def measure(events: int, folder: Path) -> dict[str, Any]:
    """All figures for so many events."""
    log, notary, _ = open_log(Audit(path=folder / "audit", signing_key=folder / "key", segment_bytes=64 << 20))
    appending = signing = indexing = 0.0
    for lines in batches(events):
        if not lines:
            continue
        appending += timed(lambda lines=lines: log.append(lines))[0]
        log.flush()
        signing += timed(lambda: notary.advance(*log.position))[0]
    log.close()
    raw = _size(folder, "audit/*.jsonl")
    sealing, made = timed(lambda: list(seal_closed(log.path, folder / "sealing.key")))
    indexing = timed(lambda: catch_up(log.path))[0]
    verifying, report = timed(lambda: verify(log.path, notary.verifier))
    answers = Answers([log.path])
    since = datetime.fromtimestamp(START, UTC) + timedelta(days=0)
    asking = {
        what: round(min(timed(lambda what=what: who_saw(answers, Question(what, since=since)))[0] for _ in range(3)), 3)
        for what in ("pii.email", "pii", "public.t6.c6", "secret.api_key")
    }
    sizes = {
        "lines_as_written": raw, "lines_and_salts_sealed": _sealed_share(made, raw), "tree": _size(folder, "audit/tree/*"),
        "columns": _size(folder, "audit/columns/*-*"),
    }  # fmt: skip
    return {
        "events": events, "holds": report.holds, "append_events_per_s": round(events / appending),
        "sign_events_per_s": round(events / signing), "index_events_per_s": round(events / indexing),
        "seal_events_per_s": round(sum(one.before for one in made) / raw * events / sealing) if made else None,
        "verify_events_per_s": round(events / verifying), "who_saw_s": asking,
        "bytes_per_event": {name: round(size / events, 1) for name, size in sizes.items()},
    }  # fmt: skip


def _sealed_share(made: list[Made], raw: int) -> float:
    """What all lines and salts would take, sealed like those of closed segments."""
    before = sum(one.before for one in made)
    return sum(one.after for one in made) * raw / before if before else float("nan")


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())


if __name__ == "__main__":
    run(__doc__, measure, "evidence", 1_000_000)
