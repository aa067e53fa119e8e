"""PostgreSQL's types as the kernel's kinds: which masks can keep a value valid depends on the kind alone.

Built-in types are known by their fixed OIDs (pg_type.dat), all others by what the catalog says of them. What is not
known is `other`, and every mask of an `other` value is NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

OTHER = "other"

_BUILTIN: tuple[tuple[str, int, int], ...] = (
    ("bool", 16, 1000),
    ("bytea", 17, 1001),
    ("char", 18, 1002),
    ("name", 19, 1003),
    ("int8", 20, 1016),
    ("int2", 21, 1005),
    ("int4", 23, 1007),
    ("text", 25, 1009),
    ("oid", 26, 1028),
    ("json", 114, 199),
    ("xml", 142, 143),
    ("cidr", 650, 651),
    ("float4", 700, 1021),
    ("float8", 701, 1022),
    ("macaddr8", 774, 775),
    ("money", 790, 791),
    ("macaddr", 829, 1040),
    ("inet", 869, 1041),
    ("bpchar", 1042, 1014),
    ("varchar", 1043, 1015),
    ("date", 1082, 1182),
    ("time", 1083, 1183),
    ("timestamp", 1114, 1115),
    ("timestamptz", 1184, 1185),
    ("interval", 1186, 1187),
    ("timetz", 1266, 1270),
    ("bit", 1560, 1561),
    ("varbit", 1562, 1563),
    ("numeric", 1700, 1231),
    ("uuid", 2950, 2951),
    ("jsonb", 3802, 3807),
)
"""(kind, OID of the type, OID of its array); the kind is the type's name in pg_catalog."""

_KINDS: dict[int, str] = {oid: kind for kind, oid, _ in _BUILTIN} | {
    array: f"array:{kind}" for kind, _, array in _BUILTIN
}

_TEXT_LIKE_EXTENSIONS = frozenset({"citext"})
"""Types of well-known extensions whose text and binary forms are those of `text`."""

BOUNDED = frozenset({"varchar", "bpchar", "numeric"})
"""Kinds whose columns may declare how much a value holds, in the type modifier."""

_TEXTS = frozenset({"text", "varchar", "bpchar", "char", "name", "json", "jsonb", "xml", "bytea"})
"""Kinds whose values may hold anything, and can be looked through and changed in their place."""

_DEEPEST = 32


class Type(Protocol):
    """What is asked of a type of the catalog; see `sluice.sql.catalog.TypeInfo`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def base_oid(self) -> int | None: ...  # noqa: D102
    @property
    def element_oid(self) -> int | None: ...  # noqa: D102


def kind_of(oid: int, type_by_oid: Callable[[int], Type | None]) -> str:
    """The kernel's kind for a type: `text`, `array:int4`, … or `other`.

    A domain counts as its base type: that is what the server itself tells clients of a domain's column. Whether a
    masked value would meet the domain's own CHECK cannot be known, and nothing on the way to a client looks at it.
    In an array the domain's own declaration stays untold, so a kind that needs it is `other`.
    """
    inside, untold = "", False
    for _ in range(_DEEPEST):
        known = _KINDS.get(oid)
        if known is not None:
            return OTHER if (inside and known.startswith(inside)) or (untold and known in BOUNDED) else inside + known
        found = type_by_oid(oid)
        if found is None:
            return OTHER
        if found.kind == "domain" and found.base_oid:
            oid, untold = found.base_oid, bool(inside)
        elif found.kind == "array" and found.element_oid and not inside:
            oid, inside = found.element_oid, "array:"
        elif found.kind == "base" and found.name in _TEXT_LIKE_EXTENSIONS:
            return inside + "text"
        else:
            return OTHER
    return OTHER


def holds_text(oid: int, kind: str, type_by_oid: Callable[[int], Type | None]) -> bool:
    """Whether values of a type may hold text that somebody wrote: all but numbers, times and their like, and enumerations.

    `kind` is what `kind_of` said of it; what is `other` (a row, a type of an extension) may hold some.
    """
    base = kind.removeprefix("array:")
    if base in _TEXTS:
        return True
    if base != OTHER or oid in _KINDS:
        return False
    found = type_by_oid(oid)
    if found is not None and found.element_oid:
        found = type_by_oid(found.element_oid)
    return found is None or found.kind != "enum"
