"""The constructs that make and read JSON and XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.engines.postgres.dialect.lowering import Handler, Lowering, type_name
from sluice.engines.postgres.dialect.tree import Node, opened
from sluice.sql import ir

Wrapped = Mapping[str, Any]


def _json_value(low: Lowering, fields: Wrapped | None) -> list[ir.Expr]:
    if not fields:
        return []
    node = Node("JsonValueExpr", fields)
    node.skip("format")
    found = low.exprs([node.take("raw_expr") or {}, node.take("formatted_expr") or {}])
    node.end()
    return found


def _json_value_expr(low: Lowering, node: Node) -> ir.Expr:
    node.skip("format")
    return ir.Compute("json", low.exprs([node.take("raw_expr") or {}, node.take("formatted_expr") or {}]))


def _json_returning(node: Node) -> Callable[[ir.Expr], ir.Expr]:
    """What RETURNING makes of the value."""
    output = node.take("output")
    if not output:
        return lambda value: value
    inner = Node("JsonOutput", output)
    inner.skip("returning")
    schema, name = type_name(inner.take("typeName"))
    inner.end()
    return lambda value: ir.Cast(value, schema, name)


def _json_key_value(low: Lowering, node: Node) -> ir.Expr:
    return ir.Compute("json", [*low.exprs([node.take("key") or {}]), *_json_value(low, node.take("value"))])


def _json_constructor(low: Lowering, node: Node) -> ir.Expr:
    returning = _json_returning(node)
    node.skip("absent_on_null", "unique", "format")
    args = low.exprs(node.take("exprs"))
    if node.kind == "JsonParseExpr":
        args += _json_value(low, node.take("expr"))
    else:
        args += low.exprs([node.take("expr") or {}])
    if node.kind == "JsonArrayQueryConstructor":
        args.append(ir.Nested("array", low.query(node.take("query"))))
    return returning(ir.Compute("json", args))


def _json_aggregate(low: Lowering, node: Node) -> ir.Expr:
    constructor = Node("JsonAggConstructor", node.take("constructor"))
    returning = _json_returning(constructor)
    over = constructor.take("over")
    partition, order = low.window(over)
    order += low.sorts(constructor.take("agg_order"))
    filtered = low.maybe(constructor.take("agg_filter"))
    constructor.end()
    node.skip("absent_on_null", "unique")
    arg = node.take("arg")
    args = [low.expr({"JsonKeyValue": arg})] if node.kind == "JsonObjectAgg" else _json_value(low, arg)
    name = "json_object_agg" if node.kind == "JsonObjectAgg" else "json_agg"
    call = ir.Call("pg_catalog", name, args, order=order, filtered=filtered, partition=partition, over=over is not None)
    return returning(call)


def _json_function(low: Lowering, node: Node) -> ir.Expr:
    returning = _json_returning(node)
    node.skip("op", "column_name", "wrapper", "quotes")
    args = _json_value(low, node.take("context_item")) + low.exprs([node.take("pathspec") or {}])
    for item in node.take("passing") or ():
        passed = opened(item)
        passed.skip("name")
        args += _json_value(low, passed.take("val"))
        passed.end()
    for behavior in ("on_empty", "on_error"):
        fields = node.take(behavior)
        if fields:
            inner = Node("JsonBehavior", fields)
            inner.skip("btype", "coerce")
            args += low.exprs([inner.take("expr") or {}])
            inner.end()
    return returning(ir.Compute("json", args))


def _json_predicate(low: Lowering, node: Node) -> ir.Expr:
    node.skip("format", "item_type", "unique_keys")
    return ir.Compute("json", low.exprs([node.take("expr") or {}]))


def _xml_serialize(low: Lowering, node: Node) -> ir.Expr:
    node.skip("xmloption", "indent")
    schema, name = type_name(node.take("typeName"))
    return ir.Cast(low.expr(node.take("expr")), schema, name)


DOCUMENTS: dict[str, Handler] = {
    "XmlSerialize": _xml_serialize,
    "JsonValueExpr": _json_value_expr,
    "JsonKeyValue": _json_key_value,
    "JsonObjectConstructor": _json_constructor,
    "JsonArrayConstructor": _json_constructor,
    "JsonArrayQueryConstructor": _json_constructor,
    "JsonParseExpr": _json_constructor,
    "JsonScalarExpr": _json_constructor,
    "JsonSerializeExpr": _json_constructor,
    "JsonObjectAgg": _json_aggregate,
    "JsonArrayAgg": _json_aggregate,
    "JsonFuncExpr": _json_function,
    "JsonIsPredicate": _json_predicate,
}
"""Every kind of them that is understood, and how."""
