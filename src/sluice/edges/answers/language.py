"""The words in which `sluice audit search` is asked, as a condition in SQL.

    who:alice source:shop verb:update,delete rows>1000 -outcome:refuse since:7d label:pii.email orders

All have to hold. `a,b` is one of several, `*` any characters, a leading `-` turns a word round. A word without a field is looked
for in the statement's text, which stands in the columns without its values.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

Condition = tuple[str, list[object]]

_WORD = re.compile(r"(-?)([a-z][a-z-]*)(:|>=|<=|>|<|=)(.+)\Z", re.DOTALL)
_AGO = re.compile(r"(\d{1,6})([smhdw])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

TEXTS: Mapping[str, str] = {
    "who": "who", "kind": "kind", "on-behalf-of": "on_behalf_of", "source": "source", "environment": "environment",
    "purpose": "purpose", "address": "address", "application": "application", "verb": "verb", "outcome": "outcome",
    "ended": "ended", "error": "error", "id": "id", "connection": "connection", "fingerprint": "fingerprint",
    "step": "step", "confidence": "confidence",
}  # fmt: skip
"""Fields that hold one text, and their columns."""

LISTS: Mapping[str, str] = {"group": "groups", "policy": "policies", "table": "tables"}
"""Fields that hold several."""

NUMBERS: Mapping[str, str] = {
    "rows": "rows", "bytes": "bytes", "masked": "masked", "ms": "duration_us / 1000.0", "snapshot": "snapshot",
}  # fmt: skip
"""Fields that are compared."""

LABELS: Mapping[str, str] = {
    "clear": "revealed", "hidden": "hidden", "label": "list_concat(coalesce(revealed, []), coalesce(hidden, []))",
}  # fmt: skip
"""Fields that hold labels: `pii` finds `pii.email` too."""


class QueryError(ValueError):
    """A question that is not understood; the text says which word and what would be."""


def condition(words: str, now: datetime) -> Condition:
    """The question as SQL over the view `statements`, and its parameters. QueryError when it is not understood."""
    try:
        found = [_one(word, now) for word in shlex.split(words)]
    except ValueError as error:
        raise (
            error if isinstance(error, QueryError) else QueryError(f"the question ends within quotes: {error}")
        ) from error
    return " and ".join(sql for sql, _ in found) or "true", [value for _, values in found for value in values]


def moment(text: str, now: datetime) -> datetime:
    """A time: so long ago (`90d`, `12h`) or a date or time in ISO 8601 (UTC unless it says otherwise). QueryError when it is none."""
    ago = _AGO.match(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(
            f"`{text}` is no time; expected one like `90d`, `12h`, `2026-01-31` or `2026-01-31T09:30`"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _one(word: str, now: datetime) -> Condition:
    match = _WORD.match(word)
    if match is None:
        negated, text = word.startswith("-") and len(word) > 1, word.removeprefix("-")
        return _turned(negated, ("contains(lower(text), ?)", [text.lower()]))
    negated, name, sign, value = bool(match[1]), match[2], match[3], match[4]
    if name in ("since", "until") and sign == ":" and not negated:
        return f"time {'>=' if name == 'since' else '<'} ?", [moment(value, now)]
    if name in NUMBERS:
        return _turned(negated, _number(name, "=" if sign == ":" else sign, value))
    for fields, matching in _MATCHING:
        if name in fields and sign in ":=":
            return _turned(negated, matching(fields[name], value.split(",")))
    known = ", ".join(sorted({*TEXTS, *LISTS, *NUMBERS, *LABELS, "since", "until"}))
    raise QueryError(f"`{word}` is not understood; the fields are {known}")


def _number(name: str, sign: str, value: str) -> Condition:
    if not re.fullmatch(r"\d{1,18}", value):
        raise QueryError(f"`{value}` is not a whole number, which `{name}` is compared with")
    return f"{NUMBERS[name]} {sign} ?", [int(value)]


def _text(column: str, values: list[str]) -> Condition:
    plain = [value for value in values if "*" not in value]
    parts, parameters = [], list[object](plain)
    if plain:
        parts.append(f"{column} in ({', '.join('?' * len(plain))})")
    for value in values:
        if "*" in value:
            parts.append(f"{column} like ? escape '\\'")
            parameters.append(_like(value))
    return f"({' or '.join(parts)})", parameters


def _listed(column: str, values: list[str]) -> Condition:
    tests = [
        "one = ? or ends_with(one, '.' || ?)" if "*" not in value else "one like ? escape '\\'" for value in values
    ]
    parameters: list[object] = []
    for value in values:
        parameters += [value, value] if "*" not in value else [_like(value)]
    return f"len(list_filter({column}, lambda one: {' or '.join(tests)})) > 0", parameters


def _label(column: str, values: list[str]) -> Condition:
    tests = " or ".join("one = ? or starts_with(one, ? || '.')" for _ in values)
    return f"len(list_filter({column}, lambda one: {tests})) > 0", [value for value in values for _ in range(2)]


def _turned(negated: bool, found: Condition) -> Condition:
    # What is not known is not what was asked for: it is found by the word turned round.
    return (f"not coalesce({found[0]}, false)", found[1]) if negated else found


def _like(value: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%")


_MATCHING: tuple[tuple[Mapping[str, str], Callable[[str, list[str]], Condition]], ...] = (
    (TEXTS, _text),
    (LISTS, _listed),
    (LABELS, _label),
)
