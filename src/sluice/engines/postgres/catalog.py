"""PostgreSQL's system catalogs as a `Catalog`: from the rows of one query, which are JSON texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sluice.engines.postgres.functions import Form, builtin, own
from sluice.sql.catalog import (
    ANY,
    Catalog,
    Column,
    Function,
    Guard,
    Operator,
    Relation,
    RelationKind,
    TypeInfo,
    TypeKind,
)

FIRST_USER_OID = 16384
"""Objects below are the server's own (FirstNormalObjectId in access/transam.h)."""

_REGCLASS = 2205
"""The one type of the server's that text becomes unasked."""

_STRINGS = frozenset("SZ")
"""Categories of the server's own types that are strings."""
_HOLDING = frozenset({"bytea", "json", "jsonb", "xml", "tsvector", "tsquery", "jsonpath", "refcursor"})
"""Others of them in which text can stand."""

_GUARDS: dict[str | None, Guard] = {None: "", "u": "unique", "c": "checked"}
_MOST_ROWS = 32_768
"""So many rows are remembered from reading to reading."""

_RELATIONS: dict[str, RelationKind] = {
    "r": "table",
    "v": "view",
    "m": "matview",
    "f": "foreign",
    "p": "partitioned",
    "c": "composite",
    "S": "sequence",
}
_TYPES: dict[str, TypeKind] = {
    "b": "base",
    "d": "domain",
    "c": "composite",
    "e": "enum",
    "r": "range",
    "m": "multirange",
    "p": "pseudo",
}


class CatalogError(ValueError):
    """Rows that are no catalog."""


def build(rows: Iterable[str], declared: frozenset[str] = frozenset()) -> Catalog:
    """The catalog of the rows of `CATALOG_SQL`. `declared`: what the configuration vouches for: `schema.name` functions, or
    `extension NAME` for all of an extension's.

    What calls them (operators, conversions, types' input and output) is then as good as the server's own.
    Raises CatalogError when a row cannot be read.
    """
    sorted_rows: dict[str, list[list[Any]]] = {}
    try:
        for row in rows:
            kind, rest = _parsed(row)
            sorted_rows.setdefault(kind, []).append(rest)
        return _built(sorted_rows, declared)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise CatalogError(f"the catalog's rows cannot be read ({type(error).__name__})") from error


@lru_cache(maxsize=_MOST_ROWS)
def _parsed(row: str) -> tuple[str, list[Any]]:
    """What the row says, by its text: most rows are the server's own and the same at every reading. Not to be changed."""
    kind, *rest = json.loads(row)
    return kind, rest


def _built(rows: dict[str, list[list[Any]]], declared: frozenset[str]) -> Catalog:
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for child, parent in rows.get("inherits", ()):
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    types = {row[0]: _type(row) for row in rows["type"]}
    functions: dict[str, tuple[Function, ...]] = {}
    good: dict[tuple[str, str, str | None], bool] = {}
    for row in rows["function"]:
        function = _function(row, types, declared)
        functions[row[1]] = (*functions.get(row[1], ()), function)
        whose = (row[0], row[1], row[3])
        good[whose] = good.get(whose, True) and (function.plain or function.declared)

    def vouched(code: list[Any]) -> bool:
        """Whether the function behind something (schema, name, extension) is plain or declared in all its forms; none: no."""
        return good.get((code[0], code[1], code[2]), False)

    running: dict[str, set[int]] = {"r": set(), "w": set()}
    for relation, moment, *code in rows.get("runs", ()):
        if not vouched(code):
            running[moment].add(relation)
    checked = {oid for oid, info in types.items() if info.checked}
    relations = [
        _relation(row, tuple(parents.get(row[0], ())), tuple(children.get(row[0], ())), running, checked)
        for row in rows["relation"]
    ]
    casts, handled = _conversions(rows, types, vouched)
    # A base type of extensions is as good as the server's own once what handles it is vouched for.
    types |= {row[0]: replace(types[row[0]], builtin=True) for row in rows.get("handled", ()) if row[0] not in handled}
    return Catalog(
        relations,
        types.values(),
        functions,
        _operators(rows, types, handled, vouched),
        casts,
        tuple(rows["path"][0][0]),
        handled=handled,
    )


def _relation(
    row: list[Any],
    parents: tuple[int, ...],
    children: tuple[int, ...],
    running: Mapping[str, set[int]],
    checked: set[int],
) -> Relation:
    oid, schema, name, kind, row_type, has_rules, has_triggers, definition, listed = row
    names = {column[1]: column[0] for column in listed or ()}
    columns = tuple(
        Column(
            label,
            attnum,
            type_oid,
            type_name,
            not_null,
            tuple(names[read] for read in reads or () if read in names),
            generated,
            guard=_GUARDS[guard],
            key=key,
        )
        for label, attnum, type_oid, type_name, not_null, generated, reads, guard, key in listed or ()
    )
    return Relation(
        oid,
        schema,
        name,
        _RELATIONS[kind],
        columns,
        definition,
        parents,
        children,
        row_type,
        has_triggers,
        has_rules,
        reads_run_code=oid in running["r"],
        writes_run_code=oid in running["w"] or any(column.type_oid in checked for column in columns),
    )


def _conversions(
    rows: dict[str, list[list[Any]]], types: Mapping[int, TypeInfo], vouched: Callable[[list[Any]], bool]
) -> tuple[frozenset[int], frozenset[int]]:
    """Types whose conversion runs code of others, and types that run it whenever a value of theirs is handled."""
    handled = {oid for oid, *code in rows.get("handled", ()) if not vouched(code)}
    casts: set[int] = set()
    for source, target, context, *code in rows.get("cast", ()):
        if (
            code[1] is None
            or vouched(code)
            or (source >= FIRST_USER_OID and source in handled and types[source].kind == "base")
        ):
            continue
        # A conversion that runs unasked makes even holding a value of its source's type unclear.
        casts |= {target, source} if context != "e" and source >= FIRST_USER_OID else {target}
    return frozenset(casts), frozenset(handled)


def _operators(
    rows: dict[str, list[list[Any]]],
    types: Mapping[int, TypeInfo],
    handled: frozenset[int],
    vouched: Callable[[list[Any]], bool],
) -> dict[str, tuple[Operator, ...]]:
    """Operators with code of others behind them, by name, and what each takes on either side."""
    reaching: dict[int, set[str]] = {}
    for source, target, context, *_ in rows.get("cast", ()):
        if context == "i" and source < FIRST_USER_OID:
            reaching.setdefault(target, set()).add(types[source].category)
    found: dict[str, set[Operator]] = {}
    for schema, name, *code, left, right in rows.get("operator", ()):
        if not vouched(code):
            takes = tuple(_taken(oid, types, handled, reaching) for oid in (left, right) if oid)
            found.setdefault(name, set()).add(Operator(schema, takes))
    return {name: tuple(sorted(operators)) for name, operators in found.items()}


def _taken(oid: int, types: Mapping[int, TypeInfo], handled: frozenset[int], reaching: Mapping[int, set[str]]) -> str:
    """Categories of types whose values may stand where this type is asked for, beside its own; ANY: whatever they are."""
    info = types[oid]
    if oid in handled:
        return "".join(sorted(reaching.get(oid, ())))
    return ANY if info.kind in ("pseudo", "domain") or oid == _REGCLASS else info.category


def _function(row: list[Any], types: Mapping[int, TypeInfo], declared: frozenset[str]) -> Function:
    schema, name, came, extension, listed = row
    forms = [Form(*form) for form in listed]
    if came and schema == "pg_catalog":
        return builtin(name, forms, types)
    function = own(schema, name, forms, types, came=came)
    by_extension = extension is not None and f"extension {extension}" in declared
    return replace(function, declared=by_extension or f"{schema}.{name}" in declared)


def _type(row: list[Any]) -> TypeInfo:
    oid, schema, name, kind, base, element, relation, array, checked, category = row
    builtin = oid < FIRST_USER_OID
    return TypeInfo(
        oid,
        schema,
        name,
        "array" if array else _TYPES[kind],
        base or None,
        element or None,
        relation or None,
        builtin,
        checked,
        category,
        not builtin or category in _STRINGS or name in _HOLDING,
    )
