"""What a killed process left open is completed once, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sluice.audit.encode import encode
from sluice.audit.events import (
    Caller,
    Connected,
    Disconnected,
    Duties,
    Event,
    GatewayStarted,
    GatewayStopped,
    Peer,
    Refused,
    StatementAsked,
    StatementDone,
    decode,
)
from sluice.edges.sinks.jsonl import JsonLog
from sluice.edges.sinks.unfinished import completed

NOW = 1_800_000_000.0


def started() -> Event:
    return GatewayStarted("g-1", "t", "1", 1)


def connected(name: str) -> Event:
    return Connected(
        f"{name}-1", 1, "t", name, "shop", "staging", Caller("user", "a", (), ""), "", Peer("", "", False), "a"
    )


def asked(name: str, seq: int, outcome: str = "allow", refusal: Refused | None = None) -> Event:
    return StatementAsked(
        f"{name}-{seq}", seq, "t", name, "shop", "staging", Caller("user", "a", (), ""), "", Peer("", "", False), "run", "select 1",
        "", "", "", "select", "exact", (), (), (), (), None, (), (), outcome, (), (), (), Duties(), refusal, 1,
    )  # type: ignore[arg-type]  # fmt: skip


def done(name: str, seq: int) -> Event:
    return StatementDone(f"{name}-{seq}", seq + 1, "t", "completed", 0, 0, (), 0)


def left(tmp_path: Path, *events: Event, segment_bytes: int = 1 << 20) -> list[tuple[str, str, int]]:
    log = JsonLog(tmp_path / "audit", segment_bytes=segment_bytes)
    for event in events:
        log.append(encode(event))
    lines, _ = completed(log.path, NOW)
    log.append(lines or encode(started()))
    log.append(encode(started()))
    assert completed(log.path, NOW) == (b"", 0)
    log.close()
    found = [msgspec.to_builtins(decode(line)) for line in lines.splitlines()]
    return [(one["event"], one["id"], one["seq"]) for one in found]


@pytest.mark.parametrize("segment_bytes", [300, 1 << 20])
def test_open_statements_are_lost_and_open_connections_end(tmp_path: Path, segment_bytes: int) -> None:
    events = [
        started(),
        connected("aa"),
        connected("bb"),
        asked("aa", 2),
        done("aa", 2),
        asked("aa", 4),
        asked("bb", 2),
    ]
    assert left(tmp_path, *events, segment_bytes=segment_bytes) == [
        ("statement-done", "aa-4", 5),
        ("statement-done", "bb-2", 3),
        ("disconnected", "aa-6", 6),
        ("disconnected", "bb-4", 4),
    ]


def test_what_was_refused_or_held_has_no_end(tmp_path: Path) -> None:
    refused = Refused("42501", "no", "")
    events = [
        started(),
        connected("aa"),
        asked("aa", 2, "refuse", refused),
        asked("aa", 3, "allow", refused),
        asked("aa", 4, "hold"),
    ]
    assert left(tmp_path, *events) == [("disconnected", "aa-5", 5)]


def test_what_ended_in_good_order_leaves_nothing(tmp_path: Path) -> None:
    over = Disconnected("aa-4", 4, "t", "aa", "over")
    assert left(tmp_path, started(), connected("aa"), asked("aa", 2), done("aa", 2), over) == []
    assert left(tmp_path / "b", started(), connected("aa"), asked("aa", 2), GatewayStopped("g-2", "t", "SIGTERM")) == []


def test_what_an_earlier_process_left_is_not_this_ones(tmp_path: Path) -> None:
    assert left(tmp_path, started(), connected("aa"), asked("aa", 2), started(), connected("bb")) == [
        ("disconnected", "bb-2", 2)
    ]
