from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.audit.encode import encode
from sluice.audit.events import (
    Caller,
    Connected,
    Duties,
    Event,
    Peer,
    Shown,
    StatementAsked,
    StatementDone,
)
from sluice.edges.sinks.jsonl import JsonLog

from .conftest import Run

AGENT = Caller("agent", "trainer", ("training",), "token", Caller("user", "dana", (), "token"))
PEOPLE = {"alice": Caller("user", "alice", ("support",), "scram"), "trainer": AGENT}


def asked(n: int, who: str, outcome: str = "allow", text: str = "select email from customers") -> Event:
    return StatementAsked(
        id=f"c1-{n}", seq=n, time="2026-01-31T09:30:00.000000Z", connection="c1", source="shop",
        environment="production", identity=PEOPLE[who], purpose="ticket", client=Peer("127.0.0.1"),
        step="run", text=text, withheld="", normalized=text, fingerprint="f", verb="select", confidence="exact",
        reasons=(), actions=("read",), tables=(), functions=(),
        outputs=(Shown("email", "email", {}, ("pii.email",), ()),), uses=(), writes=(), outcome=outcome,
        policies=("support-reads",), revealed=(), hidden=("pii.email",), obligations=Duties(),
        refusal=None, snapshot=1,
    )  # fmt: skip


def done(n: int) -> Event:
    return StatementDone(
        id=f"c1-{n}",
        seq=n,
        time="2026-01-31T09:30:01.000000Z",
        outcome="completed",
        rows=3,
        bytes=9,
        masked=(3,),
        duration_us=1500,
    )


@pytest.fixture
def log(tmp_path: Path, run: Run) -> Path:
    run("init")
    events = [
        Connected(
            "c1-0", 0, "2026-01-31T09:29:59.000000Z", "c1", "shop", "dev", PEOPLE["alice"], "", Peer("::1"), "alice"
        ),
        asked(1, "alice"), done(1), asked(3, "trainer"), asked(4, "alice", "refuse", "drop table customers\x1b[2J"),
    ]  # fmt: skip
    journal = JsonLog(tmp_path / "audit")
    journal.append(b"".join(encode(event) for event in events))
    journal.close()
    return tmp_path / "audit"


def ids(output: str) -> list[str]:
    return [json.loads(line)["id"] for line in output.splitlines()]


def test_the_newest_events_are_shown_a_line_each(log: Path, run: Run) -> None:
    shown = run("audit", "tail")
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert len(lines) == 5
    assert "user:alice shop allow by support-reads masked email:email | select email from customers" in lines[1]
    assert "c1-1 completed 3 rows 1.5 ms" in lines[2]
    assert ids(run("audit", "tail", "--json", "-n", "2").stdout) == ["c1-3", "c1-4"]


def test_events_can_be_chosen_by_who_where_and_how(log: Path, run: Run) -> None:
    assert ids(run("audit", "tail", "--json", "--as", "alice").stdout) == ["c1-0", "c1-1", "c1-4"]
    assert ids(run("audit", "tail", "--json", "--as", "dana").stdout) == ["c1-3"]
    assert ids(run("audit", "tail", "--json", "--outcome", "refuse").stdout) == ["c1-4"]
    assert ids(run("audit", "tail", "--json", "--source", "other").stdout) == []


def test_one_event_is_shown_whole_with_how_it_ended(log: Path, run: Run) -> None:
    found = json.loads(run("audit", "show", "c1-1", "--json").stdout)
    assert [each["event"] for each in found] == ["statement-asked", "statement-done"]
    assert '"support-reads"' in run("audit", "show", "c1-1").output
    assert run("audit", "show", "c9-9").exit_code == 1


def test_nothing_in_an_event_can_take_over_the_terminal(log: Path, run: Run) -> None:
    assert "\x1b[2J" not in run("audit", "tail").output
    assert "\x1b[2J" not in run("audit", "show", "c1-4").output


def test_a_follower_sees_events_as_they_come(log: Path, run: Run) -> None:
    code = "from sluice.faces.cli.main import run; run()"
    follower = subprocess.Popen(
        [sys.executable, "-c", code, "audit", "tail", "-f", "-n", "1", "--json", "--as", "alice"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        stdout=subprocess.PIPE,
    )
    try:
        stdout = follower.stdout
        assert stdout is not None
        assert json.loads(stdout.readline())["id"] == "c1-4"
        journal = JsonLog(log)
        journal.append(encode(asked(6, "trainer")) + encode(asked(7, "alice")))
        journal.close()
        assert json.loads(stdout.readline())["id"] == "c1-7"
    finally:
        follower.kill()
        follower.communicate()


def test_a_log_that_is_not_there_or_no_log_ends_with_status_3(tmp_path: Path, run: Run) -> None:
    run("init")
    assert run("audit", "tail").exit_code == 3
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "audit-000001.jsonl").write_text('{"event":"who-knows"}\n')
    assert run("audit", "tail").exit_code == 3
