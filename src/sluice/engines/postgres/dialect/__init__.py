"""PostgreSQL's own grammar (libpg_query, version 17) to the IR.

The grammar's code is C and recursive: what could exhaust a stack is turned away by `limits` first, and what is not tiny runs on
a thread with a large one. Nothing raises: what cannot be parsed or understood comes back as `Unparsed`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pgparse

from sluice.engines.postgres.dialect.limits import excess
from sluice.engines.postgres.dialect.tree import NotUnderstood
from sluice.engines.postgres.dialect.utility import body
from sluice.sql import bodies

_TINY = 2_000
_STACK = 256 << 20
_DEEP = ("the statement is nested too deeply", "54001")
_EXHAUSTED = ("memory exhausted", "stack depth limit exceeded")
"""What the parser says when its own stacks are full."""


def lower(text: str) -> tuple[bodies.Statement, ...]:
    """The statements of a text, in order; none for an empty one. A text that is refused whole is one `Unparsed` statement."""
    problem = excess(text)
    if problem is not None:
        return (bodies.Statement(bodies.Unparsed(*problem), 0, len(text), fixed=True),)
    return _parsed(text) if len(text) <= _TINY else _on_large_stack(lambda: _parsed(text))


def _parsed(text: str) -> tuple[bodies.Statement, ...]:
    try:
        raw: list[dict[str, Any]] = pgparse.parse(text)
    except pgparse.PGQueryError as error:
        said = _said(error)
        found = bodies.Unparsed(*_DEEP) if said.startswith(_EXHAUSTED) else bodies.Unparsed(said)
        return (bodies.Statement(found, 0, len(text), fixed=True),)
    except (RecursionError, ValueError, MemoryError):
        return (bodies.Statement(bodies.Unparsed(*_DEEP), 0, len(text), fixed=True),)
    return tuple(_statement(item, len(text)) for item in raw)


def _said(error: pgparse.PGQueryError) -> str:
    message = str(getattr(error, "message", "") or error)
    return message if len(message) < 300 else message[:300]


def _statement(item: dict[str, Any], length: int) -> bodies.Statement:
    wrapped = item.get("stmt") or {}
    start = int(item.get("stmt_location", 0))
    size = int(item.get("stmt_len", 0)) or length - start
    try:
        found = body(wrapped)
    except NotUnderstood as reason:
        found = bodies.Unparsed(f"{reason} is not understood", "0A000")
    except RecursionError:
        found = bodies.Unparsed(*_DEEP)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # A tree of a shape nobody foresaw: not understood, whatever the reason.
        found = bodies.Unparsed(f"an unforeseen form of statement ({type(error).__name__})", "0A000")
    return bodies.Statement(found, start, size, fixed=not isinstance(found, bodies.Run))


def _on_large_stack(work: Callable[[], tuple[bodies.Statement, ...]]) -> tuple[bodies.Statement, ...]:
    result: list[tuple[bodies.Statement, ...]] = []
    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=lambda: result.append(work()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return result[0] if result else (bodies.Statement(bodies.Unparsed("the parser failed", "58000"), fixed=True),)
