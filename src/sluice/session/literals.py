"""What callers send within statements, looked through: for the log, which must not hold a secret in clear, and for policy.

Literals are looked at as the server understands them, so that no escape hides one. What an operator or a function would make of
several (`'a' || 'b'`) is not known before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from sluice.audit.literals import disguised, literals
from sluice.classify.matcher import find
from sluice.classify.scrubbing import without_secrets as _as_it_stands

_NONE: frozenset[str] = frozenset()


def without_secrets(text: bytes) -> bytes:
    """A statement's text with what the detectors find in it, or in what its literals stand for, replaced by its kind."""
    if disguised(text):
        out, at = b"", 0
        found = list(literals(text))
        for one, within in zip(found, find([one.value for one in found]), strict=True):
            if within and one.value not in text[one.start : one.end]:
                out += text[at : one.start] + b"'[" + within[0].shown.encode() + b"]'"
                at = one.end
        text = out + text[at:]
    return _as_it_stands(text)


def labels_in(text: bytes, values: Iterable[bytes] = ()) -> frozenset[str]:
    """The labels of what the detectors find in a statement's text, in what its literals stand for, and in bound `values`."""
    within = [text, *values]
    if disguised(text):
        within += [one.value for one in literals(text)]
    found = {one.label for each in find(within) for one in each}
    return frozenset(found) if found else _NONE
