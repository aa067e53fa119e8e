"""Prepared statements, portals and cursors: what each name means now, and what it meant before the server confirmed it.

Definitions are made when they are sent and confirmed when the server answers. Within one pipeline the newest is right (had it
failed, the server would skip what follows); across pipelines a name with an unconfirmed definition must wait.
Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from sluice.model.approval import Approval
from sluice.session.analyses import Analyses, Understood
from sluice.sql.span import Span


@dataclass(slots=True, eq=False)
class Prepared:
    """A statement kept under a name. `description` is the server's last RowDescription of it, once seen."""

    understood: Understood
    text: bytes
    under: Analyses | None = None
    """The analyses it was understood by: others (another catalog or search path) understand it anew, as the server does."""
    types: bytes = b""
    """The parameter types its client declared."""
    inner: str | None = None
    """The name that SQL gave it (PREPARE, DECLARE): it is then a part of the text."""
    described: bool = False
    description: bytes | None = None


@dataclass(slots=True, eq=False)
class Portal:
    """A statement with its parameters. `description` None and `described`: it returns no rows."""

    prepared: Prepared
    understood: Understood
    """What it does, as resolved when it was bound: a portal keeps its plan."""
    formats: tuple[int, ...] = ()
    approval: Approval | None = None
    """Humans approved it with these very parameters."""
    literals: frozenset[str] = frozenset()
    """The labels of what its text and parameters hold, as far as any policy asks."""
    asked: bool = False
    """Its description is under way: it will be there before any row."""
    described: bool = False
    description: bytes | None = None


D = TypeVar("D", Prepared, Portal)


class _Entry(Generic[D]):
    __slots__ = ("before", "confirmed", "now", "pipeline")

    def __init__(self, now: D | None, before: D | None, pipeline: int, confirmed: bool) -> None:
        self.now: D | None = now
        self.before: D | None = before
        self.pipeline = pipeline
        self.confirmed = confirmed


class Book(Generic[D]):
    """Names of one sort."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, _Entry[D]] = {}

    def define(self, name: str, value: D | None, pipeline: int) -> None:
        """Gives the name a new meaning (None: it is gone), not yet confirmed."""
        old = self._entries.get(name)
        before = None if old is None else (old.now if old.confirmed else old.before)
        self._entries[name] = _Entry(value, before, pipeline, False)

    def settle(self, name: str, value: D | None, ok: bool) -> None:
        """The server has answered the definition `value` of the name."""
        entry = self._entries.get(name)
        if entry is None or entry.confirmed or entry.now is not value:
            return
        entry.confirmed = True
        if not ok:
            # A failed definition of the unnamed one leaves nothing behind; a named one leaves what was there.
            entry.now = entry.before if name else None
        entry.before = None
        if entry.now is None:
            del self._entries[name]

    def put(self, name: str, value: D | None) -> None:
        """Gives the name a meaning that the server has confirmed already."""
        entry = self._entries.get(name)
        if entry is not None and entry.now is value and entry.confirmed:
            return
        self._entries.pop(name, None)
        if value is not None:
            self._entries[name] = _Entry(value, None, 0, True)

    def unsure(self, name: str, pipeline: int) -> bool:
        """Whether what the name means hangs on an answer that another pipeline still waits for."""
        entry = self._entries.get(name)
        return entry is not None and not entry.confirmed and entry.pipeline != pipeline

    def get(self, name: str) -> D | None:
        """What the name means."""
        entry = self._entries.get(name)
        return None if entry is None else entry.now

    def clear(self) -> None:
        """Forgets everything (DISCARD ALL, DEALLOCATE ALL)."""
        self._entries.clear()

    def spans(self) -> Mapping[str, tuple[Span, ...]]:
        """Every name with the one span behind it, for statements that use names in SQL (EXECUTE, FETCH)."""
        found: dict[str, tuple[Span, ...]] = {}
        for name, entry in self._entries.items():
            value = entry.now
            if value is not None:
                found[name] = value.understood.spans
        return found
