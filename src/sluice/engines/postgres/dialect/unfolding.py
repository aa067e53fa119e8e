"""XMLTABLE and JSON_TABLE: documents unfolded into rows, of which every column may carry all of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.engines.postgres.dialect.expressions import Lowering
from sluice.engines.postgres.dialect.tree import Node, opened
from sluice.sql import ir

Wrapped = Mapping[str, Any]


def xml_table(low: Lowering, node: Node, called: ir.Alias | None) -> ir.From:
    """XMLTABLE."""
    node.skip("lateral")
    args = low.exprs([node.take("rowexpr") or {}, node.take("docexpr") or {}, *(node.take("namespaces") or [])])
    columns = []
    for item in node.take("columns"):
        column = opened(item)
        column.skip("typeName", "for_ordinality", "is_not_null")
        columns.append(column.take("colname"))
        args += low.exprs([column.take("colexpr") or {}, column.take("coldefexpr") or {}])
        column.end()
    return ir.Unfolded(args, tuple(columns), called)


def json_table(low: Lowering, node: Node, called: ir.Alias | None) -> ir.From:
    """JSON_TABLE."""
    node.skip("lateral", "pathspec", "on_error")
    args = low.exprs([{"JsonValueExpr": node.take("context_item")}])
    for item in node.take("passing") or ():
        passed = opened(item)
        passed.skip("name")
        args += low.exprs([{"JsonValueExpr": passed.take("val")}])
        passed.end()
    return ir.Unfolded(args, tuple(_json_columns(low, node.take("columns"), args)), called)


def _json_columns(low: Lowering, items: list[Wrapped], args: list[ir.Expr]) -> list[str]:
    found: list[str] = []
    for item in items:
        column = opened(item)
        column.skip("coltype", "name", "typeName", "pathspec", "format", "wrapper", "quotes")
        for behavior in ("on_empty", "on_error"):
            fields = column.take(behavior)
            if fields and fields.get("expr"):
                args.append(low.expr(fields["expr"]))
        nested = column.take("columns")
        if nested:
            column.skip("name")
            found += _json_columns(low, nested, args)
        else:
            found.append(str(item["JsonTableColumn"].get("name", "")))
        column.end()
    return found
