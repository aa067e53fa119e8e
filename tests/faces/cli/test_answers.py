from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from sluice.audit.encode import encode
from sluice.audit.events import Approved, Assent
from sluice.edges.sinks.jsonl import JsonLog

from .conftest import Run
from .test_audit import asked, done


@pytest.fixture
def log(tmp_path: Path, run: Run) -> Path:
    run("init")
    journal = JsonLog(tmp_path / "audit")
    journal.append(b"".join(encode(one) for one in (asked(1, "alice"), done(1), asked(5, "alice", "refuse"))))
    journal.append(b"".join(encode(one) for one in (asked(3, "trainer"), done(3))).replace(b'"c1', b'"c2'))
    journal.close()
    return tmp_path / "audit"


def test_who_saw_a_label_is_shown_in_lines_or_json(log: Path, run: Run) -> None:
    shown = run("who-saw", "pii.email")
    assert shown.exit_code == 0, shown.output
    assert "agent:trainer for dana" in shown.output
    assert "support-reads" in shown.output
    found = json.loads(run("who-saw", "pii", "--json").stdout)
    assert [(one["who"], one["rows"], one["masks"]) for one in found] == [
        ("alice", 3, ["email"]),
        ("trainer", 3, ["email"]),
    ]
    assert "c1-1" in run("who-saw", "pii", "--events").output
    assert "nobody saw pii, as far as the log tells" in run("who-saw", "pii", "--clear").output
    assert run("who-saw", "pii", "--since", "long ago").exit_code == 2


def test_who_approved_stands_behind_the_policies(log: Path, run: Run) -> None:
    approved = structs.replace(asked(7, "alice"), approval=Approved("r-1", (Assent("dana"), Assent("erin"))))
    journal = JsonLog(log)
    journal.append(encode(approved) + encode(done(7)))
    journal.close()
    (found,) = (one for one in json.loads(run("who-saw", "pii", "--as", "alice", "--json").stdout))
    assert found["approved_by"] == ["dana", "erin"]
    events = json.loads(run("who-saw", "pii", "--as", "alice", "--events", "--json").stdout)
    assert {one["id"]: one["approval"] for one in events} == {"c1-1": None, "c1-7": "r-1"}
    assert "approved by" in " ".join(run("who-saw", "pii").output.split())


def test_statements_are_searched_by_words_and_sql(log: Path, run: Run) -> None:
    assert sorted(one["id"] for one in json.loads(run("audit", "search", "who:alice", "--json").stdout)) == [
        "c1-1",
        "c1-5",
    ]
    assert run("audit", "search", "outcome:refuse", "--columns", "id,who", "--csv").stdout == "id,who\nc1-5,alice\n"
    counted = run(
        "audit", "search", "--sql", "select who, count(*) as n from statements group by who order by who", "--json"
    )
    assert json.loads(counted.stdout) == [{"who": "alice", "n": 2}, {"who": "trainer", "n": 1}]
    assert run("audit", "search", "colour:red").exit_code == 2
    assert run("audit", "search", "--columns", "id;drop").exit_code == 2
    assert run("audit", "search", "--sql", "select").exit_code == 3


def test_a_session_is_shown_statement_by_statement(log: Path, run: Run) -> None:
    lines = run("audit", "replay", "c1").output.splitlines()
    assert len(lines) == 2
    assert "c1-1 completed 3 rows by support-reads | select email from customers" in lines[0]
    assert "c1-5 refuse" in lines[1]
    assert run("audit", "replay", "c9").exit_code == 1


def test_the_columns_are_brought_up_to_date(log: Path, run: Run) -> None:
    assert json.loads(run("audit", "index", "--json").stdout)["bytes"] > 0
    assert json.loads(run("audit", "index", "--json").stdout)["bytes"] == 0


def test_paths_are_printed_in_each_form(log: Path, run: Run) -> None:
    found = json.loads(run("paths", "alice", "--json").stdout)
    assert found == {"begin": [], "edges": []} or found["edges"]
    for form in ("text", "mermaid", "svg"):
        assert run("paths", "pii", "--format", form).exit_code == 0
    assert "went nowhere" in run("paths", "nothing").output
    assert run("paths", "pii", "--since", "once").exit_code == 2


def test_events_are_shipped_once_to_a_file(log: Path, run: Run) -> None:
    assert "5 events were sent to out.jsonl" in run("audit", "ship", "out.jsonl").output
    assert json.loads(run("audit", "ship", "out.jsonl", "--json").stdout) == {"events": 0}
    assert run("audit", "ship", "http://127.0.0.1:1/").exit_code == 3
