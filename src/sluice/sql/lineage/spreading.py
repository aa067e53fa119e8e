"""Which columns a value in FROM has: its own alone, or those of the row that it is.

Taking a row for a plain value would invent a column that answers to a name meant for one further out, so what is not known
is said not to be.
"""

from __future__ import annotations

from sluice.sql import ir
from sluice.sql.lineage.reach import Reach
from sluice.sql.lineage.scope import Scope
from sluice.sql.lineage.work import Work

RECORDS: dict[str, tuple[str, ...]] = {
    "json_each": ("key", "value"),
    "jsonb_each": ("key", "value"),
    "json_each_text": ("key", "value"),
    "jsonb_each_text": ("key", "value"),
    "json_array_elements": ("value",),
    "jsonb_array_elements": ("value",),
    "json_array_elements_text": ("value",),
    "jsonb_array_elements_text": ("value",),
    "aclexplode": ("grantor", "grantee", "privilege_type", "is_grantable"),
    "pg_options_to_table": ("option_name", "option_value"),
    "pg_get_keywords": ("word", "catcode", "barelabel", "catdesc", "baredesc"),
    "pg_input_error_info": ("message", "detail", "hint", "sql_error_code"),
    "pg_available_extensions": ("name", "default_version", "comment"),
    "pg_partition_tree": ("relid", "parentrelid", "isleaf", "level"),
    "ts_parse": ("tokid", "token"),
}
"""The system's functions whose rows have columns of their own, where the catalog does not say."""

_UNFOLDING = frozenset({"unnest"})
"""What becomes of an array hangs on its elements alone; a `tsvector` unfolds into rows of three columns."""

_PLAIN = frozenset({"json", "xml", "test", "between", "grouping"})
"""Constructs whose value is no row, whatever they are made of."""


def columns_of(expr: ir.Expr, scope: Scope, work: Work) -> tuple[str, ...] | None:
    """Names of the columns that an expression in FROM has, () for the one that its value is; None: that is not known."""
    if isinstance(expr, ir.Call):
        found = work.catalog.functions(expr.schema, expr.name, work.path)
        if expr.name in _UNFOLDING and all(function.schema == "pg_catalog" for function in found):
            return None if _any(expr.args, scope, work) else ()
        listed = {function.columns for function in found}
        if len(listed) == 1 and (only := listed.pop()) is not None:
            return only
        if all(function.schema == "pg_catalog" for function in found) and expr.name in RECORDS:
            return RECORDS[expr.name]
        rows = {oid for function in found for oid in function.returns}
        if len(rows) == 1 and (fields := _fields(rows.pop(), work)) is not None:
            return fields
    return None if _may_be_row(expr, scope, work) else ()


def _fields(oid: int, work: Work) -> tuple[str, ...] | None:
    info = work.catalog.type_by_oid(oid)
    relation = work.catalog.relation_by_oid(info.relation_oid) if info and info.relation_oid else None
    return None if relation is None else tuple(column.name for column in relation.columns)


def _may_be_row(expr: ir.Expr, scope: Scope, work: Work) -> bool:
    """Whether a value may be a row, or an array of rows."""
    match expr:
        case ir.Constant() | ir.Logic():
            return False
        case ir.Cast():
            info = work.catalog.type_named(expr.schema, expr.name, work.path)
            return info is None or _holds(info.oid, work)
        case ir.Name():
            return _column_may(scope.column(expr.parts[0]) if len(expr.parts) == 1 else _qualified(expr, scope), work)
        case ir.Compute():
            return expr.kind not in _PLAIN and (expr.kind == "row" or _any(expr.args, scope, work))
        case ir.Operate():
            return _any(expr.args, scope, work)
        case ir.Call():
            found = work.catalog.functions(expr.schema, expr.name, work.path)
            returns = {oid for function in found for oid in function.returns}
            if not returns or any(_holds(oid, work) for oid in returns):
                return True
            follows = any(work.catalog.rows_in(oid) == "as-arguments" for oid in returns)
            return follows and _any(expr.args, scope, work)
        case _:
            return True


def _any(exprs: list[ir.Expr], scope: Scope, work: Work) -> bool:
    return any(_may_be_row(expr, scope, work) for expr in exprs)


def _qualified(name: ir.Name, scope: Scope) -> Reach | None:
    if name.star or not name.parts:
        return None
    entry = scope.entry(name.parts[-2], name.parts[-3] if len(name.parts) > 2 else None)
    return None if entry is None else entry.get(name.parts[-1])


def _column_may(reach: Reach | None, work: Work) -> bool:
    if reach is None or reach.plain is None:
        return True
    relation = work.catalog.relation(reach.plain.schema, reach.plain.table)
    column = None if relation is None else relation.column(reach.plain.column)
    return column is None or _holds(column.type_oid, work)


def _holds(oid: int, work: Work) -> bool:
    """Whether a value of the type is a row in FROM, or unfolds into rows."""
    info = work.catalog.type_by_oid(oid)
    return work.catalog.rows_in(oid) == "maybe" or (info is not None and info.name == "tsvector")
