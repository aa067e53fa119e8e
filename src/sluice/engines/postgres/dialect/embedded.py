"""Expressions, queries and relations that stand somewhere inside a statement which is known by its name alone.

CREATE TABLE, CREATE INDEX, ALTER TABLE and their like have dozens of places for them (DEFAULT, CHECK, USING, WHERE, partition
bounds, …); all are found by walking whatever is there, so that none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sluice.engines.postgres.dialect.expressions import EXPRESSIONS
from sluice.engines.postgres.dialect.queries import QUERIES, low, query, table
from sluice.engines.postgres.dialect.tree import names
from sluice.sql import ir

Wrapped = Mapping[str, Any]

_NAMES: Final = frozenset({"ResTarget", "SortBy", "GroupingSet", "JsonKeyValue", "NamedArgExpr"})
"""Kinds that are expressions only inside others."""

_BOUNDS: Final = ("minvalue", "maxvalue", "value")
"""What partition bounds and a domain's checks may name besides columns."""


@dataclass(slots=True)
class Embedded:
    """What was found. `columns` are names that expressions may use besides those of the relations."""

    exprs: list[ir.Expr] = field(default_factory=list)
    tables: list[ir.Table] = field(default_factory=list)
    columns: list[str] = field(default_factory=lambda: list(_BOUNDS))


def embedded(fields: Any) -> Embedded:
    """Everything inside some fields of a statement. Raises NotUnderstood for an expression of an unknown sort."""
    found = Embedded()
    _walk(fields, found)
    return found


def _walk(value: Any, found: Embedded) -> None:
    if isinstance(value, list):
        for item in value:
            _walk(item, found)
    elif isinstance(value, dict):
        if len(value) == 1:
            kind, fields = next(iter(value.items()))
            if kind in QUERIES:
                found.exprs.append(ir.Nested("exists", query(value)))
                return
            if kind in EXPRESSIONS and kind not in _NAMES and isinstance(fields, dict):
                found.exprs.append(low.expr(value))
                return
        if "relname" in value and isinstance(value["relname"], str):
            found.tables.append(table(value))
            return
        if "pktable" in value:
            # A foreign key answers whether a value is there, one at a time.
            found.exprs += [
                ir.Operate(None, "=", [ir.Name((name,)), ir.Constant()], "equal")
                for name in names(value.get("pk_attrs"))
            ]
        for name in _compared(value):
            # A constraint that fails tells that two values are the same, or that one is not there.
            found.exprs.append(ir.Operate(None, "=", [ir.Name((name,)), ir.Name((name,))], "equal"))
        if value.get("subtype") == "AT_SetNotNull":
            found.exprs.append(ir.Compute("test", [ir.Name((str(value.get("name")),))]))
        if "colname" in value and isinstance(value["colname"], str):
            found.columns.append(value["colname"])
        for item in value.values():
            _walk(item, found)


def _compared(fields: Wrapped) -> list[str]:
    """Columns whose values a unique index or a constraint compares with others, in this or another table."""
    if fields.get("unique") and "indexParams" in fields:
        return _elements(fields["indexParams"])
    if fields.get("contype") in ("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_FOREIGN", "CONSTR_EXCLUSION"):
        return [*names(fields.get("keys")), *names(fields.get("fk_attrs")), *_elements(fields.get("exclusions"))]
    return []


def _elements(value: Any) -> list[str]:
    """The names in elements of an index, however deep they stand."""
    if isinstance(value, list):
        return [name for item in value for name in _elements(item)]
    if isinstance(value, dict):
        if "IndexElem" in value:
            return [value["IndexElem"]["name"]] if "name" in value["IndexElem"] else []
        return [name for item in value.values() for name in _elements(item)]
    return []
