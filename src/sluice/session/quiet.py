"""Which of the server's errors may keep their text before a caller who may not see all that the statement reads.

An error raised while the statement is executed may quote any value. One raised while its text is read quotes that text and
names of things, and some others are made of such names alone; those are of use to the caller and tell nothing.
Source: https://www.postgresql.org/docs/current/protocol-error-fields.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sluice.sql.span import Confidence, Output, Span

HEARD = Span(
    "notification",
    "session",
    Confidence.EXACT,
    frozenset({"session"}),
    outputs=(Output("payload", frozenset(), opaque=True),),
)
"""What another session says to those who listen: nobody knows where it has it from."""

_RUNNING = frozenset("Wpq")
"""Context, and a position in a statement that the server ran by itself: code was running, so values may be quoted."""

_NAMED_THINGS = (
    r"aggregate|collation|column|database|domain|extension|foreign table|function|index|language|large object|"
    r"materialized view|operator|procedure|routine|schema|sequence|table|tablespace|type|view"
)
_NO_RIGHT = re.compile(rf'(?:permission denied for|must be owner of) (?:{_NAMED_THINGS}) [^\s":]+')
"""What the server says of a thing that exists and that the gateway's own role may not use (aclcheck_error)."""


def says_names_alone(fields: Mapping[str, str], span: Span | None) -> bool:
    """Whether the text of an error, given by its one-letter fields, can be no value: only the statement's own words."""
    if not _RUNNING.isdisjoint(fields):
        return False
    if "P" in fields:
        # A position in the client's text is known only while that text is read, never while it is executed.
        return True
    if "D" in fields:
        return False
    said = fields.get("M", "")
    if fields.get("C") == "42501":
        return _NO_RIGHT.fullmatch(said) is not None
    return span is not None and said in _absences(span)


def _absences(span: Span) -> Iterator[str]:
    for effect in span.effects:
        name = effect.args[0] if effect.args else ""
        if effect.kind in ("execute", "deallocate"):
            yield f'prepared statement "{name}" does not exist'
        elif effect.kind in ("fetch", "close"):
            yield f'cursor "{name}" does not exist'
    for touch in span.tables:
        yield f'relation "{touch.table.table}" does not exist'
        yield f'relation "{touch.table}" does not exist'
