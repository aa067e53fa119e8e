"""A log with some statements of some people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sluice.audit.encode import encode, stamp
from sluice.audit.events import (
    Approved,
    Caller,
    Connected,
    Disconnected,
    Duties,
    Landed,
    Peer,
    Reach,
    Refused,
    Shown,
    StatementAsked,
    StatementDone,
    Touched,
)
from sluice.edges.evidence.files import Closed, add_closed, salts_path
from sluice.edges.evidence.sealing import seal_closed
from sluice.edges.sinks.segments import segment_path

START = 1_790_000_000.0
ALICE = Caller("user", "alice", ("support",), "scram")
TRAINER = Caller("agent", "trainer", ("training",), "token", Caller("user", "dana", (), "token"))
Log = Callable[..., bytes]


def asked(
    who: Caller, connection: str, n: int, *, mask: str = "clear", column: str = "public.customers.email",
    label: str = "pii.email", source: str = "shop", text: str = "", verb: str = "select", purpose: str = "ticket",
    outcome: str = "allow", at: float = START, writes: tuple[Landed, ...] = (),
    approval: Approved | msgspec.UnsetType = msgspec.UNSET,
) -> bytes:  # fmt: skip
    table, name = column.rpartition(".")[::2]
    labels = (label,) if label else ()
    text = text or f"select {name} from {table}"
    return encode(
        StatementAsked(
            id=f"{connection}-{n}", seq=n, time=stamp(at), connection=connection, source=source,
            environment="production", identity=who, purpose=purpose, client=Peer("10.0.0.9", 'a"},"withheld":"x'),
            step="run", text=text, withheld="", normalized=text, fingerprint=text, verb=verb, confidence="exact",
            reasons=(), actions=("read",), tables=(Touched(table, "select"),), functions=(),
            outputs=(Shown(name, mask, {}, labels, (Reach(column, "value", labels),)),) if not writes else None,
            uses=(), writes=writes, outcome=outcome, policies=("support-reads",),
            revealed=labels if mask == "clear" else (), hidden=labels if mask != "clear" else (), obligations=Duties(),
            refusal=Refused("42501", "not permitted") if outcome == "refuse" else None, snapshot=1,
            approval=approval,
        )
    )  # fmt: skip


def done(connection: str, n: int, rows: int = 3, outcome: str = "completed", at: float = START) -> bytes:
    return encode(
        StatementDone(f"{connection}-{n}", n + 1, stamp(at), outcome, rows, rows * 9, (rows, 0), 1500, "", "SELECT")
    )


def some() -> bytes:
    """Seven statements: alice sees mail in clear and masked, an agent sees mail, one is refused, one sees no row."""
    day = 86_400.0
    return b"".join(
        [
            encode(Connected("c1-1", 1, stamp(START), "c1", "shop", "production", ALICE, "ticket", Peer("::1"), "alice")),
            asked(ALICE, "c1", 2), done("c1", 2, 5),
            asked(ALICE, "c1", 4, at=START + day), done("c1", 4, 7, at=START + day),
            asked(ALICE, "c1", 6, mask="email", purpose=""), done("c1", 6, 2),
            asked(TRAINER, "c2", 1, mask="hash", source="lake"), done("c2", 1, 100),
            asked(TRAINER, "c2", 3, outcome="refuse", source="lake"),
            asked(ALICE, "c3", 1), done("c3", 1, 0),
            asked(ALICE, "c3", 3, column="public.orders.amount", label="", text="select 'withheld', amount"), done("c3", 3, 40),
            encode(Disconnected("c1-8", 8, stamp(START), "c1", "client")),
        ]
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log's folder with `some` in it."""
    log = tmp_path / "audit"
    log.mkdir()
    (log / "audit-000001.jsonl").write_bytes(some())
    return log


def seal(folder: Path, key_file: Path | None = None) -> None:
    """Closes and seals the first segment of a log that nobody signs."""
    path = segment_path(folder, 1)
    lines, size = path.read_bytes().count(b"\n"), path.stat().st_size
    salts_path(folder, 1).write_bytes(bytes(16 * lines))
    add_closed(folder, Closed(1, 0, lines, size, ()))
    assert [one.segment for one in seal_closed(folder, key_file)] == [1]
    assert not path.exists()
