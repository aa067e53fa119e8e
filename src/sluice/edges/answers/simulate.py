"""Recorded statements under other policies: what would be refused, held, masked or shown otherwise.

A statement is analysed again from its normalized text, once for each text, and decided twice: under the policies of now and
under the others. What is told is the difference of these two, so that neither a changed catalog nor a changed label passes for a
change of policy. A session's past (the labels it had seen, and how many rows of each) is as the log has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal

import msgspec

from sluice.audit.values import Approved, Caller, Peer
from sluice.model.decision import Decision
from sluice.model.identity import Client, Identity
from sluice.policy.decide import Request, Snapshot, SourceInfo, decide
from sluice.policy.labels import upward
from sluice.policy.request import ANYTHING, NOTHING, Past, rounded
from sluice.sql.span import Span

Change = Literal["refused", "held", "permitted", "masked", "shown", "masked otherwise", "limited otherwise"]
_ASKED = b'{"event":"statement-asked"'
_DONE = b'{"event":"statement-done"'
_LEFT = b'{"event":"disconnected"'


class _Asked(msgspec.Struct, frozen=True):
    id: str
    time: str
    connection: str
    source: str
    environment: str
    identity: Caller
    purpose: str
    client: Peer
    step: str
    normalized: str
    outcome: str
    revealed: tuple[str, ...]
    approval: Approved | None = None


class _Done(msgspec.Struct, frozen=True):
    id: str
    rows: int


class _Left(msgspec.Struct, frozen=True):
    connection: str


@dataclass(frozen=True, slots=True)
class Sides:
    """One source under the policies of now (`before`) and under others (`after`). `analyze`: a text's span, None if it has none."""

    info: SourceInfo
    before: Snapshot
    after: Snapshot
    analyze: Callable[[str], Span | None]


@dataclass(slots=True)
class Difference:
    """Statements of one caller, purpose and text that would be decided otherwise. `event` is the newest of `statements`."""

    change: Change
    caller: str
    purpose: str
    source: str
    statement: str
    detail: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    statements: int = 0
    event: str = ""
    time: str = ""


@dataclass(slots=True)
class Simulation:
    """What a replay found. `unreadable`: statements whose text could not be analysed again; `elsewhere`: of unknown sources.

    `drifted`: statements that the policies of now decide otherwise than was recorded (policies, labels or catalog have changed).
    """

    statements: int = 0
    unreadable: int = 0
    elsewhere: int = 0
    drifted: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class _Session:
    """What a connection has seen, as far as the log has been read."""

    past: Past = NOTHING
    rows: dict[str, int] = field(default_factory=dict)
    running: dict[str, tuple[str, ...]] = field(default_factory=dict)


def simulate(lines: Iterable[bytes], sides: dict[str, Sides], since: str = "") -> Simulation:
    """Replays a log's lines, oldest first. Of those before `since` (RFC 3339) only the sessions' past counts."""
    return _Replay(sides, since).run(lines)


class _Replay:
    def __init__(self, sides: dict[str, Sides], since: str) -> None:
        self._sides = sides
        self._since = since
        self._asked = msgspec.json.Decoder(_Asked)
        self._done = msgspec.json.Decoder(_Done)
        self._left = msgspec.json.Decoder(_Left)
        self._sessions: dict[str, _Session] = {}
        self._judged: dict[object, tuple[Decision, Decision] | None] = {}
        self._found: dict[object, Difference] = {}
        self._out = Simulation()

    def run(self, lines: Iterable[bytes]) -> Simulation:
        for line in lines:
            if line.startswith(_ASKED):
                self._statement(self._asked.decode(line))
            elif line.startswith(_DONE):
                self._ended(self._done.decode(line))
            elif line.startswith(_LEFT):
                self._sessions.pop(self._left.decode(line).connection, None)
        self._out.differences = sorted(self._found.values(), key=lambda one: (-one.statements, one.statement))
        return self._out

    def _statement(self, asked: _Asked) -> None:
        session = self._sessions.setdefault(asked.connection, _Session())
        if asked.outcome == "allow":
            session.running[asked.id] = asked.revealed
        if asked.step == "prepare" or asked.time < self._since:
            return
        sides = self._sides.get(asked.source)
        if sides is None:
            self._out.elsewhere += 1
            return
        self._out.statements += 1
        judged = self._both(asked, sides, session.past)
        if judged is None:
            self._out.unreadable += 1
            return
        before, after = judged
        if before.outcome != asked.outcome and not (before.outcome == "hold" and asked.approval):
            self._out.drifted += 1
        for change, detail in _changes(before, after):
            self._note(asked, change, detail, before, after)

    def _both(self, asked: _Asked, sides: Sides, past: Past) -> tuple[Decision, Decision] | None:
        timed = sides.before.policies.reads_time or sides.after.policies.reads_time
        key = (
            asked.source, asked.identity, asked.purpose, asked.client, asked.normalized, past, asked.approval is not None,
            asked.time if timed else "",
        )  # fmt: skip
        if key not in self._judged:
            span = sides.analyze(asked.normalized)
            self._judged[key] = None if span is None else self._decided(asked, sides, past, span)
        return self._judged[key]

    def _decided(self, asked: _Asked, sides: Sides, past: Past, span: Span) -> tuple[Decision, Decision]:
        request = Request(
            _identity(asked.identity),
            asked.purpose,
            sides.info,
            Client(asked.client.address, asked.client.application, asked.client.tls),
            span,
            past,
            approved=asked.approval is not None,
            now=datetime.fromisoformat(asked.time).timestamp(),
        )
        return decide(request, sides.before), decide(request, sides.after)

    def _note(self, asked: _Asked, change: Change, detail: str, before: Decision, after: Decision) -> None:
        key = (change, detail, asked.identity, asked.purpose, asked.source, asked.normalized)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = Difference(
                change,
                _identity(asked.identity).display,
                asked.purpose,
                asked.source,
                asked.normalized,
                detail,
                before.policies,
                after.policies,
            )
        found.statements += 1
        found.event, found.time = asked.id, asked.time

    def _ended(self, done: _Done) -> None:
        session = self._sessions.get(done.id.rpartition("-")[0])
        revealed = None if session is None else session.running.pop(done.id, None)
        if session is None or not revealed or not done.rows:
            return
        for label in {ANYTHING, *(above for each in revealed for above in upward(each))}:
            session.rows[label] = session.rows.get(label, 0) + done.rows
        rows = tuple(sorted((label, rounded(held)) for label, held in session.rows.items()))
        session.past = Past(session.past.labels.union(revealed), rows)


@lru_cache(4096)
def _identity(told: Caller) -> Identity:
    behind = None if told.on_behalf_of is None else _identity(told.on_behalf_of)
    return Identity(told.kind, told.name, frozenset(told.groups), method=told.method, on_behalf_of=behind)  # type: ignore[arg-type]


def _changes(before: Decision, after: Decision) -> Iterator[tuple[Change, str]]:
    """What is otherwise, each with a word on it."""
    if before.outcome != after.outcome:
        change: Change = {"refuse": "refused", "hold": "held", "allow": "permitted"}[after.outcome]  # type: ignore[assignment]
        yield change, f"{before.outcome} → {after.outcome}"
        return
    if after.outcome != "allow":
        return
    for index, (was, now) in enumerate(zip(before.masks or (), after.masks or (), strict=False)):
        if was == now:
            continue
        labels = ", ".join(sorted({*(was.labels if was else ()), *(now.labels if now else ())}))
        how = f"output {index + 1}: {was.method if was else 'clear'} → {now.method if now else 'clear'} ({labels})"
        yield "masked" if was is None else "shown" if now is None else "masked otherwise", how
    if before.obligations != after.obligations:
        yield "limited otherwise", f"{_limits(before)} → {_limits(after)}"


def _limits(decision: Decision) -> str:
    duties = decision.obligations
    told = [
        f"{duties.row_limit} rows" if duties.row_limit is not None else "",
        f"{duties.statement_timeout_ms} ms" if duties.statement_timeout_ms is not None else "",
        "read only" if duties.read_only else "",
    ]
    return ", ".join(filter(None, told)) or "no limits"
