"""A node of libpg_query's tree, read so that nothing in it can be overlooked: what is not taken makes the node not understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_POSITIONS = frozenset(
    {
        "location",
        "stmt_location",
        "stmt_len",
        "name_location",
        "list_start",
        "list_end",
        "rexpr_list_start",
        "rexpr_list_end",
    }
)


class NotUnderstood(Exception):
    """A node, or a part of one, without a known meaning. The statement that holds it is opaque."""


class Node:
    """One node's fields. `take` each that matters, `skip` those that do not, then `end`."""

    __slots__ = ("_left", "kind")

    def __init__(self, kind: str, fields: Mapping[str, Any]) -> None:
        self.kind = kind
        self._left = {key: value for key, value in fields.items() if key not in _POSITIONS}

    def take(self, key: str, default: Any = None) -> Any:
        """A field's value, which is thereby dealt with."""
        return self._left.pop(key, default)

    def skip(self, *keys: str) -> None:
        """Fields that cannot matter here."""
        for key in keys:
            self._left.pop(key, None)

    def expect(self, key: str, *allowed: Any) -> None:
        """A field that may be missing or have one of these values, and nothing else."""
        value = self._left.pop(key, None)
        if value is not None and value not in allowed:
            raise NotUnderstood(f"`{self.kind}` with {key} {value}")

    def rest(self) -> Mapping[str, Any]:
        """All fields that are left, which are thereby dealt with."""
        left, self._left = self._left, {}
        return left

    def end(self) -> None:
        """Nothing may be left."""
        for key, value in self._left.items():
            if value not in (None, "", 0, False, [], {}):
                raise NotUnderstood(f"`{self.kind}` with `{key}`")


def opened(wrapped: Mapping[str, Any]) -> Node:
    """The node inside a `{kind: fields}` wrapper."""
    if len(wrapped) != 1:
        raise NotUnderstood("a node that is several")
    kind, fields = next(iter(wrapped.items()))
    if not isinstance(fields, dict):
        raise NotUnderstood(f"`{kind}` without fields")
    return Node(kind, fields)


def text(wrapped: Mapping[str, Any]) -> str:
    """The value of a `String` node."""
    found = wrapped.get("String")
    if found is None:
        raise NotUnderstood("a name that is none")
    return str(found.get("sval", ""))


def names(items: list[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """The values of a list of `String` nodes."""
    return tuple(text(item) for item in items or ())


def qualified(items: list[Mapping[str, Any]] | None) -> tuple[str | None, str]:
    """(schema, name) of a possibly qualified name."""
    parts = names(items)
    if len(parts) == 1:
        return None, parts[0]
    if len(parts) in (2, 3):
        return parts[-2], parts[-1]
    raise NotUnderstood("a name of too many parts")
