"""What of a statement's text may stand in the log.

Literals that meet labelled columns never do, nor do comments anywhere. Three ways, by the verb and what it touches: the
text as sent (it touches nothing labelled), the text with every literal replaced, or only verb and tables. The grammar's
own normalization leaves literals in utility statements, so a lexer goes over its answer again; what neither is sure of
is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pgparse  # type: ignore[import-not-found,unused-ignore]

from sluice.model.columns import ColumnRef
from sluice.sql.span import Confidence, Span

LIMIT = 16_384
"""Most characters of a text in the log; what is cut is said."""

_HUGE = 65_536
"""Longer texts, in bytes, are not given to the grammar again: that would hold up everybody else."""

_ORDINAL = 4

LabelsOf = Callable[[ColumnRef], frozenset[str]]
Withheld = Literal["", "literals", "text", "unread"]

_QUERIES = frozenset({"select", "insert", "update", "delete", "merge", "values", "table"})
_HARMLESS = frozenset(
    {
        "begin", "start transaction", "commit", "end", "rollback", "abort", "savepoint", "release", "rollback to",
        "show", "discard", "deallocate", "close", "fetch", "move", "listen", "unlisten", "checkpoint", "lock",
        "truncate", "vacuum", "analyze", "reindex", "cluster", "refresh materialized view", "set transaction",
        "set constraints", "reset",
    }
)  # fmt: skip
"""Utility statements whose grammar has no place for a value of a column."""

_SCRUBBED = frozenset(
    {
        "copy", "explain", "prepare", "execute", "declare", "do", "call", "comment", "alter table", "create table",
        "create table as", "select into", "create view", "create materialized view", "create index", "create schema",
        "create function", "create procedure", "create trigger", "create sequence", "create type", "create domain",
        "create extension", "create policy", "create rule", "create statistics",
    }
)  # fmt: skip
"""Utility statements that hold values only as literals, which the lexer replaces."""

_SETTINGS = frozenset(
    {
        "bytea_output", "client_encoding", "client_min_messages", "datestyle", "default_transaction_isolation",
        "default_transaction_read_only", "extra_float_digits", "idle_in_transaction_session_timeout",
        "intervalstyle", "jit", "lock_timeout", "row_security", "search_path", "standard_conforming_strings",
        "statement_timeout", "synchronize_seqscans", "timezone", "transaction_isolation", "work_mem",
    }
)  # fmt: skip
"""Settings of the server's own; anybody may put anything into others."""

_OPENERS = re.compile(r"""["'$]|--|/\*|(?<![\w$.])(?:\d|\.\d)""")
_NAME = re.compile(r'"(?:[^"]|"")*"')
_STRING = re.compile(r"'(?:[^']|'')*'")
_ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
_TAG = re.compile(r"\$(?:[^\W\d]\w*)?\$")
_PARAMETER = re.compile(r"\$\d+")
_NUMBER = re.compile(r"[\d.](?:[\w.]|(?<=[eE])[+-])*")
_EDGE = re.compile(r"/\*|\*/")
_LINE = re.compile(r"--[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Wording:
    """How a statement is written in the log. `text` None: as each execution has it, by `plain`.

    `withheld` says what is missing: nothing, the `literals`, the `text`, or all of an `unread` text.
    """

    text: str | None
    withheld: Withheld
    normalized: str = ""
    fingerprint: str = ""


class _Unsure(Exception):
    """The lexer met something it does not know; the text is withheld."""


def wording(text: bytes, spans: Sequence[Span], labels_of: LabelsOf, *, accepted: bool) -> Wording:
    """How this text may be logged. `spans` are all of its statements; `accepted`: the analysis has parsed it.

    The grammar crashes on hostile depth, so it is asked only about texts that were accepted.
    """
    if not accepted or not spans:
        return Wording(f"[{len(text)} bytes withheld: not understood]" if text else "", "unread" if text else "")
    if spans[0].verb.startswith("replication "):
        # No SQL, so the grammar cannot help; and no place in it for a value of a column.
        return Wording(None, "")
    try:
        source = text.decode()
        if len(text) > _HUGE:
            return _huge(source, spans)
        fingerprint = pgparse.fingerprint(source)
        ways = {_way(span) for span in spans}
        normalized = scrubbed(pgparse.normalize(source), numbers=bool(ways - {"sent"}))
    except (_Unsure, UnicodeDecodeError, pgparse.PGQueryError):
        return Wording(_named(spans), "text")
    if "named" in ways:
        return Wording(_named(spans), "text", "", fingerprint)
    if "scrubbed" in ways or any(labelled(span, labels_of) for span in spans):
        return Wording(normalized, "literals", normalized, fingerprint)
    return Wording(None, "", normalized, fingerprint)


def _huge(source: str, spans: Sequence[Span]) -> Wording:
    if any(_way(span) == "named" for span in spans):
        return Wording(_named(spans), "text")
    return Wording(scrubbed(source), "literals")


def loggable(text: str, normalized: str, labelled: bool) -> str:
    """The text of a query for the log: as it is without comments, or its `normalized` form where it touches labels."""
    try:
        return scrubbed(normalized, numbers=False) if labelled else plain(text.encode("utf-8", "surrogatepass"))
    except _Unsure:
        return "[text withheld]"


def plain(text: bytes) -> str:
    """A text that touches nothing labelled, as sent, without comments, cut to `LIMIT`."""
    source = text.decode("utf-8", "backslashreplace")
    if "--" in source or "/*" in source:
        try:
            return _rewritten(source, None)
        except _Unsure:
            return "[text withheld]"
    return source if len(source) <= LIMIT else cut(source)


def cut(text: str, more: int = 0) -> str:
    """At most `LIMIT` characters, saying how many are missing; `more`: of what was already left out."""
    missing = max(0, len(text) - LIMIT) + more
    return f"{text[:LIMIT]}… [{missing} characters cut]" if missing else text


def scrubbed(text: str, *, numbers: bool = True) -> str:
    """The text with every literal as `?` and every comment as `/**/`, cut to `LIMIT`.

    `numbers` False keeps those of up to four digits: in a normalized query they are ordinals and declared lengths.
    """
    return _rewritten(text, 0 if numbers else _ORDINAL)


def labelled(span: Span, labels_of: LabelsOf) -> bool:
    """Whether a literal in the statement may meet a labelled column; anything not wholly understood may."""
    if span.confidence is not Confidence.EXACT or span.functions:
        return True
    if span.prepared is not None and labelled(span.prepared, labels_of):
        return True
    return any(labels_of(column) for column in _columns(span)) or any(
        part.opaque for parts in (span.outputs or (), span.writes) for part in parts
    )


def _columns(span: Span) -> Iterable[ColumnRef]:
    for use in span.uses:
        yield use.column
    for output in span.outputs or ():
        for flow in output.flows:
            yield flow.column
    for write in span.writes:
        yield write.target
        for flow in write.flows:
            yield flow.column


def _way(span: Span) -> Literal["sent", "scrubbed", "named"]:
    verb = span.verb
    if verb in _QUERIES or verb in _HARMLESS or verb.startswith("drop "):
        return "sent"
    if verb == "set":
        return (
            "sent" if span.effects and all(_ordinary(effect.kind, effect.args) for effect in span.effects) else "named"
        )
    return "scrubbed" if verb in _SCRUBBED else "named"


def _ordinary(kind: str, args: tuple[str, ...]) -> bool:
    return kind == "search-path" or (kind == "set" and bool(args) and args[0].lower() in _SETTINGS)


def _named(spans: Sequence[Span]) -> str:
    parts = []
    for span in spans:
        tables = sorted({str(touch.table) for touch in span.tables})
        parts.append(" ".join(filter(None, (span.verb, ", ".join(tables)))))
    return cut(f"{'; '.join(parts)} … [text withheld]")


def _rewritten(text: str, longest: int | None) -> str:
    """Without comments, and unless `longest` is None without literals but for numbers of up to that many characters."""
    out: list[str] = []
    done = 0
    at = _OPENERS.search(text)
    while at is not None and at.start() < LIMIT:
        end, instead = _token(text, at.start(), longest)
        if instead is not None:
            out += (text[done : at.start()], instead)
            done = end
        at = _OPENERS.search(text, end)
    # What lies behind the limit was not read, so it is not written either.
    out.append(text[done:] if at is None else text[done : at.start()])
    unread = 0 if at is None else len(text) - at.start()
    return cut("".join(out), unread)


def _token(text: str, start: int, longest: int | None) -> tuple[int, str | None]:
    """Where the token ends, and what stands for it (None: itself)."""
    first = text[start]
    literals = longest is not None
    if first == "-":
        return _end(_LINE.match(text, start)), "/**/"
    if first == "/":
        return _comment(text, start), "/**/"
    if first == '"':
        return _end(_NAME.match(text, start)), None
    if first == "'":
        return _end((_ESCAPED if _escapes(text, start) else _STRING).match(text, start)), "?" if literals else None
    if first == "$":
        return _dollar(text, start, literals)
    end = _end(_NUMBER.match(text, start))
    return end, "?" if longest is not None and end - start > longest else None


def _comment(text: str, start: int) -> int:
    depth = 0
    for edge in _EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise _Unsure


def _dollar(text: str, start: int, literals: bool) -> tuple[int, str | None]:
    parameter = _PARAMETER.match(text, start)
    if parameter is not None:
        return parameter.end(), None
    tag = _TAG.match(text, start)
    if tag is None or _in_name(text, start - 1):
        return start + 1, None
    close = text.find(tag[0], tag.end())
    if close < 0:
        raise _Unsure
    return close + len(tag[0]), "?" if literals else None


def _escapes(text: str, start: int) -> bool:
    """Whether the string that starts here is an E'…' one; in `name'…'` the letter belongs to the name."""
    return text[start - 1 : start] in ("e", "E") and not _in_name(text, start - 2)


def _in_name(text: str, at: int) -> bool:
    return at >= 0 and (text[at].isalnum() or text[at] in "_$" or not text[at].isascii())


def _end(match: re.Match[str] | None) -> int:
    if match is None:
        raise _Unsure
    return match.end()
