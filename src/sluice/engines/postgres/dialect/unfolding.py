"""XMLTABLE and JSON_TABLE: documents unfolded into rows, of which every column may carry all of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.engines.postgres.dialect.lowering import Lowering, type_name
from sluice.engines.postgres.dialect.tree import Node, opened
from sluice.sql import ir

Wrapped = Mapping[str, Any]


def xml_table(low: Lowering, node: Node, called: ir.Alias | None) -> ir.From:
    """XMLTABLE."""
    node.skip("lateral")
    found = ir.Unfolded([], (), called)
    found.args += low.exprs([node.take("rowexpr") or {}, node.take("docexpr") or {}, *(node.take("namespaces") or [])])
    for item in node.take("columns"):
        column = opened(item)
        column.skip("for_ordinality", "is_not_null")
        _column(found, column.take("colname"), column.take("typeName"))
        found.args += low.exprs([column.take("colexpr") or {}, column.take("coldefexpr") or {}])
        column.end()
    return found


def json_table(low: Lowering, node: Node, called: ir.Alias | None) -> ir.From:
    """JSON_TABLE."""
    node.skip("lateral")
    found = ir.Unfolded([], (), called)
    found.args += low.exprs([{"JsonValueExpr": node.take("context_item")}])
    _path(low, node, found)
    for item in node.take("passing") or ():
        passed = opened(item)
        passed.skip("name")
        found.args += low.exprs([{"JsonValueExpr": passed.take("val")}])
        passed.end()
    _behaviors(low, node, found)
    _json_columns(low, node.take("columns"), found)
    return found


def _json_columns(low: Lowering, items: list[Wrapped], found: ir.Unfolded) -> None:
    for item in items:
        column = opened(item)
        column.skip("coltype", "format", "wrapper", "quotes")
        _path(low, column, found)
        _behaviors(low, column, found)
        name, kind, nested = column.take("name", ""), column.take("typeName"), column.take("columns")
        if nested:
            _json_columns(low, nested, found)
        else:
            _column(found, name, kind)
        column.end()


def _path(low: Lowering, node: Node, found: ir.Unfolded) -> None:
    fields = node.take("pathspec")
    if fields:
        path = Node("JsonTablePathSpec", fields)
        path.skip("name")
        found.args += low.exprs([path.take("string") or {}])
        path.end()


def _behaviors(low: Lowering, node: Node, found: ir.Unfolded) -> None:
    for behavior in ("on_empty", "on_error"):
        fields = node.take(behavior)
        if fields:
            inner = Node("JsonBehavior", fields)
            inner.skip("btype", "coerce")
            found.args += low.exprs([inner.take("expr") or {}])
            inner.end()


def _column(found: ir.Unfolded, name: str, kind: Wrapped | None) -> None:
    found.columns += (name,)
    if kind:
        found.types += (type_name(kind),)
