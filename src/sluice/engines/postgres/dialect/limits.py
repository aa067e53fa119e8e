"""What a text may have before it is parsed at all: a linear look that bounds what a recursive parser will do with it.

The counts are upper bounds, so a text that passes is safe and one that is turned away is at worst unusual: plain strings are left
out, but where a quote could stand in a comment, a dollar quote or behind a backslash everything counts. The grammar's own stack
limit stands behind this one.
"""

from __future__ import annotations

import re

LONGEST = 50 << 20
"""Characters; the session's own limit is far below."""

DEEPEST = 1_000
CHAINED = 5_000
"""Operators in one text that nest in the tree although they stand in a row (`1+1+1…`)."""

_STRINGS = re.compile(r"'[^'\\]*'|\"[^\"]*\"")
_DOUBTFUL = re.compile(r"\$(?!\d)|--|/\*|\\")
_CHAINS = re.compile(
    r"\+|(?<!-)-(?!-)|[*/%<>=~!@#^&|?]+|\b(?:not|union|intersect|except|case|join|collate|is|like|ilike|in|between|at)\b|::|\[",
    re.IGNORECASE,
)
# Signs are counted one by one: the server's lexer takes `+-+-` for as many operators, and reads on from each anew.
_OPEN = re.compile(r"\(|\)")
_COMMENT = re.compile(r"/\*|\*/")
COMMENTS = 100
"""Comments inside one another; the lexer takes a time that grows with the square of them."""


def excess(text: str) -> tuple[str, str] | None:
    """Why the text is not parsed, and the SQLSTATE to say it with; None: it may be."""
    if text.startswith("\0"):
        return f"the statement cannot be read: {text[1:]}", "22021" if "not" in text else "54000"
    if "\0" in text:
        return "the statement holds a NUL byte", "22021"
    if len(text) > LONGEST:
        return "the statement is too long", "54000"
    if len(text) < CHAINED and text.count("(") < DEEPEST:
        return None
    bare = text if _DOUBTFUL.search(text) else _STRINGS.sub("''", text)
    if _depth(bare, _OPEN, "(") > DEEPEST:
        return "the statement is nested too deeply", "54001"
    if _depth(bare, _COMMENT, "/*") > COMMENTS:
        return "the statement nests too many comments", "54001"
    if _longest_chain(bare) > CHAINED:
        return "the statement chains too many operators", "54001"
    return None


def _depth(text: str, marks: re.Pattern[str], opening: str) -> int:
    depth = deepest = 0
    for match in marks.finditer(text):
        depth += 1 if match[0] == opening else -1
        deepest = max(deepest, depth)
    return deepest


def _longest_chain(text: str) -> int:
    # A comma or semicolon ends a chain: VALUES lists and IN lists of any length are flat.
    longest = current = 0
    for part in re.split(r"[,;]", text):
        current = len(_CHAINS.findall(part))
        longest = max(longest, current)
    return longest
