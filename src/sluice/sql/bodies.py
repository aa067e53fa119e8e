"""Whole statements of the IR: queries that run, and everything around them (COPY, EXPLAIN, PREPARE, utility statements)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sluice.sql import ir
from sluice.sql.span import CopyShape, SessionEffect


@dataclass(slots=True)
class Run:
    """A query by itself."""

    query: ir.Query


@dataclass(slots=True)
class CreateFrom:
    """CREATE TABLE AS, SELECT INTO, CREATE [MATERIALIZED] VIEW: a relation made of a query."""

    verb: str
    schema: str | None
    name: str
    query: ir.Query | None
    columns: tuple[str, ...] = ()
    executes: str | None = None
    stores: bool = True
    args: list[ir.Expr] = field(default_factory=list)
    """Those of the statement that `executes` names."""


@dataclass(slots=True)
class Copy:
    """COPY. `table` with its columns, or `query`; `server_side`: to or from a file or program of the server."""

    shape: CopyShape
    table: ir.Table | None
    columns: tuple[str, ...] = ()
    query: ir.Query | None = None
    where: ir.Expr | None = None
    server_side: bool = False


@dataclass(slots=True)
class Explain:
    """EXPLAIN; `analyze` runs the statement, `costs` shows how wide and how many the server thinks its rows are."""

    inner: Body
    analyze: bool
    costs: bool = True
    settings: bool = False
    """It tells the settings that a plan hangs on."""


@dataclass(slots=True)
class Keep:
    """PREPARE and DECLARE CURSOR: a query kept under a name."""

    verb: Literal["prepare", "declare"]
    name: str
    inner: Body
    hold: bool = False
    types: tuple[tuple[str | None, str], ...] = ()
    """Those of its parameters (schema, name), where they are named."""


@dataclass(slots=True)
class Recall:
    """EXECUTE and FETCH: a query kept earlier. `moves`: MOVE, which returns nothing."""

    verb: Literal["execute", "fetch"]
    name: str
    args: list[ir.Expr] = field(default_factory=list)
    moves: bool = False


@dataclass(slots=True)
class Utility:
    """A statement that is not a query: all that matters of it is named here. `outputs`: columns it answers with (SHOW)."""

    verb: str
    action: Literal["read", "write", "define", "destroy", "administer", "session"]
    tables: list[tuple[ir.Table, str]] = field(default_factory=list)
    effects: tuple[SessionEffect, ...] = ()
    outputs: tuple[str, ...] = ()
    clear: bool = True
    """Whether what it does is fully said by these fields."""
    reason: str = ""
    free: bool = False
    """It answers with a setting that may hold any text."""
    exprs: list[ir.Expr] = field(default_factory=list)
    """Expressions in it, over the columns of `tables` and those it names itself in `columns`."""
    columns: tuple[str, ...] = ()
    rewrites: list[tuple[str, ir.Expr]] = field(default_factory=list)
    """Columns of the first table of `tables`, and what each is computed anew from, in every row."""


@dataclass(slots=True)
class Unparsed:
    """A text, or a statement in it, that was not understood. `code` is the SQLSTATE to refuse it with."""

    reason: str
    code: str = "42601"


Body = Run | CreateFrom | Copy | Explain | Keep | Recall | Utility | Unparsed


@dataclass(slots=True)
class Statement:
    """One statement of a text and where it stands in it (characters). `fixed`: it holds literals that may matter."""

    body: Body
    start: int = 0
    length: int = 0
    fixed: bool = False
