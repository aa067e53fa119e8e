"""The answer of the analysis: verb, tables, outputs, uses, writes, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Literal

from sluice.model.columns import ColumnRef, TableRef

FlowKind = Literal["value", "aggregate"]
UseKind = Literal["lookup", "join", "filter", "aggregate"]
Access = Literal["read", "insert", "update", "delete", "merge", "truncate", "define", "destroy", "copy-in", "copy-out"]
Action = Literal["read", "write", "define", "destroy", "administer", "session"]


class Confidence(IntEnum):
    """How far the analysis can be trusted; the smaller of two is the confidence of both together."""

    OPAQUE = 0
    PARTIAL = 1
    EXACT = 2


class Flow(tuple[ColumnRef, FlowKind]):
    """A column that reaches an output, and how."""

    __slots__ = ()

    def __new__(cls, column: ColumnRef, kind: FlowKind) -> Flow:
        """A tuple, since hundreds are made per statement and all of them are hashed."""
        return super().__new__(cls, (column, kind))

    @property
    def column(self) -> ColumnRef:
        """The column that flows."""
        return self[0]

    @property
    def kind(self) -> FlowKind:
        """`value` or `aggregate`."""
        return self[1]


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a result. `plain` is the column it is, untouched (partial masks may be used only then).

    `opaque`: it may carry any label of the source; `flows` then lists only what is known. `shown`: a column that it is, in rows
    picked so that they hide nothing.
    """

    name: str
    flows: frozenset[Flow]
    plain: ColumnRef | None = None
    opaque: bool = False
    shown: ColumnRef | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A column that shapes a result without being in it. `aggregate`: what is computed of a total of it may fail."""

    column: ColumnRef
    kind: UseKind


@dataclass(frozen=True, slots=True)
class Write:
    """A value that lands in a column: what flowed into `target`. `opaque`: anything may have.

    `derived`: it is computed from columns, `target` itself perhaps among them, and not one of them as it stands.
    """

    target: ColumnRef
    flows: frozenset[Flow]
    opaque: bool = False
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Touch:
    """A relation and what the statement does to it."""

    table: TableRef
    access: Access


@dataclass(frozen=True, slots=True)
class SessionEffect:
    """What a statement does to the session once the server says it succeeded.

    kind and arguments: `search-path` (path…), `set` (name, value), `reset` (name|*), `prepare` (name), `execute` (name),
    `deallocate` (name|*), `declare` (cursor, hold?), `fetch` (cursor), `close` (cursor|*), `begin`, `commit`, `rollback`,
    `savepoint`, `rollback-to`, `discard` (all|plans|temp|sequences), `role` (name), `listen` (channel), `notify`, `catalog`
    (the catalog may have changed), `context` (search path or role may have changed in a way only the server knows).
    """

    kind: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """One statement, understood.

    `verb` is lower-case SQL (`select`, `insert`, `drop table`, …). `action` is the policy group of the whole statement;
    `actions` are those of everything nested in it too. `outputs` None: no result set, or one whose shape is unknown
    when `confidence` is OPAQUE. `bounded`: an update or delete has a condition that depends on a column.
    `functions`: schema-qualified names of everything called that is not a plain built-in. `reasons`: why it is not EXACT.
    `literals_matter`: the analysis holds only for this exact text, not for its literals replaced by others.
    `lookups`: (column, position of parameter or literal start offset) of labelled literals for redaction in the log.
    """

    verb: str
    action: Action
    confidence: Confidence
    actions: frozenset[Action] = frozenset()
    outputs: tuple[Output, ...] | None = None
    tables: tuple[Touch, ...] = ()
    uses: frozenset[Use] = frozenset()
    writes: tuple[Write, ...] = ()
    functions: frozenset[str] = frozenset()
    effects: tuple[SessionEffect, ...] = ()
    bounded: bool = True
    row_bound: int | None = None
    literals_matter: bool = True
    reasons: tuple[str, ...] = ()
    copy: CopyShape | None = None
    runs_code: bool = False
    """Code of others runs on the way (a view's, a trigger, a check, a default): its notices and errors may say anything."""
    code: str = ""
    """Why the text was not understood, as a SQLSTATE; empty when it was."""
    prepared: Span | None = None
    """The statement inside PREPARE, DECLARE CURSOR or EXPLAIN."""


@dataclass(frozen=True, slots=True)
class CopyShape:
    """COPY … TO STDOUT or FROM STDIN: the format the client asked for."""

    direction: Literal["in", "out"]
    format: Literal["text", "csv", "binary"] = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    quote: str = '"'
    escape: str = '"'
    header: bool = False
    force_quote: bool | tuple[str, ...] = False
    encoding: str = ""


@cache
def replication(command: str) -> Span:
    """A replication connection (command empty), or a command on one: whatever the source holds leaves by it, in one piece."""
    return Span(
        verb=f"replication {command}".strip(),
        action="administer",
        confidence=Confidence.PARTIAL,
        actions=frozenset({"administer", "read"}),
        outputs=(Output("stream", frozenset(), opaque=True),),
        reasons=("a replication stream is the database's log, not rows of a statement",),
    )
