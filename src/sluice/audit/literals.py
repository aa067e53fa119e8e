"""The string literals of a statement's text, and what each stands for: escapes, dollar quotes, parts that follow one another.

A lexer of its own, since what is asked for is every literal of any text, also of one that no grammar accepts.
Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_DISGUISE = re.compile(rb"(?i)[exb]'|u&'|'[ \t]*(?:--[^\n]*)?[\r\n\f][^']*'|\\")
"""Without any of these the text itself holds each literal as it is meant, but for a quote made double."""

_OPENERS = re.compile(rb"""['"$]|--|/\*""")
_PLAIN = re.compile(rb"'((?:[^']|'')*)'")
_ESCAPED = re.compile(rb"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_NAME = re.compile(rb'"(?:[^"]|"")*"')
_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$")
_LINE = re.compile(rb"--[^\r\n]*")
_EDGE = re.compile(rb"/\*|\*/")
_GOES_ON = re.compile(rb"(?:[ \t\f\v]|--[^\r\n]*)*[\r\n](?:[\s]|--[^\r\n]*[\r\n])*(?=')")
_MARK = re.compile(rb"(?i)(?:\s|--[^\r\n]*[\r\n])*uescape\s*'([^0-9a-f+'\"\s])'")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''", re.DOTALL)
_HEX = re.compile(rb"\\x((?:[0-9A-Fa-f]{2})+)")
"""What a bytea reads."""
_SIMPLE = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Literal(NamedTuple):
    """One literal: where it stands in the text, all its parts together, and the bytes that it stands for."""

    start: int
    end: int
    value: bytes


def disguised(text: bytes) -> bool:
    """Whether some literal of a text may stand for other bytes than the text shows."""
    return _DISGUISE.search(text) is not None


def literals(text: bytes) -> Iterator[Literal]:
    """All string literals of a text, in order. What does not end is left out, and nothing behind it is looked at."""
    at = 0
    while (opener := _OPENERS.search(text, at)) is not None:
        start = opener.start()
        if opener[0] == b"'":
            found = _quoted(text, start)
            if found is None:
                return
            yield found
            at = found.end
        elif opener[0] == b"$":
            tag = _TAG.match(text, start)
            close = -1 if tag is None or _in_name(text, start) else text.find(tag[0], tag.end())
            at = start + 1
            if tag is not None and close >= 0:
                at = close + len(tag[0])
                yield Literal(start, at, text[tag.end() : close])
        else:
            end = _skipped(text, start)
            if end is None:
                return
            at = end


def _skipped(text: bytes, start: int) -> int | None:
    """Behind a comment or a quoted name; None: it does not end."""
    if text[start : start + 1] == b'"':
        name = _NAME.match(text, start)
        return None if name is None else name.end()
    if text[start : start + 1] == b"-":
        line = _LINE.match(text, start)
        return None if line is None else line.end()
    depth = 0
    for edge in _EDGE.finditer(text, start):
        depth += 1 if edge[0] == b"/*" else -1
        if depth == 0:
            return edge.end()
    return None


def _quoted(text: bytes, start: int) -> Literal | None:
    begins, prefix = _prefix(text, start)
    pattern = _ESCAPED if prefix == b"e" else _PLAIN
    parts: list[bytes] = []
    end = start
    while (part := pattern.match(text, end)) is not None:
        parts.append(part[1])
        end = part.end()
        more = _GOES_ON.match(text, end)
        if more is None:
            break
        end = more.end()
    if not parts:
        return None
    body = b"".join(parts)
    if prefix == b"u&":
        mark = _MARK.match(text, end)
        value = _unicode(body.replace(b"''", b"'"), b"\\" if mark is None else mark[1])
        end = end if mark is None else mark.end()
    elif prefix in (b"x", b"b"):
        value = _bits(body, prefix)
    elif prefix == b"" and (hexadecimal := _HEX.fullmatch(body)) is not None:
        value = _bits(hexadecimal[1], b"x")
    else:
        # Where `standard_conforming_strings` is off, plain ones have escapes too.
        value = _ESCAPE.sub(_meant, body) if b"\\" in body or b"''" in body else body
    return Literal(begins, end, value)


def _prefix(text: bytes, start: int) -> tuple[int, bytes]:
    for length in (2, 1):
        prefix = text[max(0, start - length) : start].lower()
        if length <= start and prefix in (b"u&", b"e", b"x", b"b", b"n") and not _in_name(text, start - length):
            return start - length, prefix
    return start, b""


def _in_name(text: bytes, at: int) -> bool:
    before = text[at - 1 : at] if at > 0 else b""
    return before.isalnum() or before in (b"_", b"$") or before >= b"\x80"


def _meant(escape: re.Match[bytes]) -> bytes:
    hexadecimal, octal, short, long, other = escape.groups()
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if short is not None or long is not None:
        return _character(int(short or long, 16))
    return b"'" if other is None else _SIMPLE.get(other, other)


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "replace") if code <= 0x10FFFF else b"?"


def _unicode(body: bytes, mark: bytes) -> bytes:
    escape = re.compile(re.escape(mark) + rb"(?:([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|(" + re.escape(mark) + rb"))")

    def meant(found: re.Match[bytes]) -> bytes:
        return mark if found[3] is not None else _character(int(found[1] or found[2], 16))

    return escape.sub(meant, body)


def _bits(body: bytes, prefix: bytes) -> bytes:
    body = body.replace(b" ", b"")
    try:
        number = int(body or b"0", 16 if prefix == b"x" else 2)
    except ValueError:
        return b""
    size = len(body) * (4 if prefix == b"x" else 1)
    return number.to_bytes((size + 7) // 8, "big")
