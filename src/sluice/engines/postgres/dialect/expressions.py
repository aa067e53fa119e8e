"""Expressions of libpg_query's tree to the IR. Every kind is in `EXPRESSIONS`, or is not understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sluice.engines.postgres.dialect.settings import harmless_setting
from sluice.engines.postgres.dialect.tree import Node, NotUnderstood, opened, qualified, text
from sluice.sql import ir

Wrapped = Mapping[str, Any]

_SUBLINKS: dict[str, Literal["scalar", "exists", "any", "array"]] = {
    "EXISTS_SUBLINK": "exists",
    "ALL_SUBLINK": "any",
    "ANY_SUBLINK": "any",
    "ROWCOMPARE_SUBLINK": "any",
    "EXPR_SUBLINK": "scalar",
    "ARRAY_SUBLINK": "array",
}


class Lowering:
    """Lowers expressions. `query` lowers a nested query; it is given from outside, where queries are lowered."""

    def __init__(self, query: Callable[[Wrapped], ir.Query]) -> None:
        self._query = query

    def expr(self, wrapped: Wrapped) -> ir.Expr:
        """One expression. Raises NotUnderstood."""
        if not wrapped:
            return ir.Constant()
        node = opened(wrapped)
        handler = EXPRESSIONS.get(node.kind)
        if handler is None:
            raise NotUnderstood(f"`{node.kind}` in an expression")
        found = handler(self, node)
        node.end()
        return found

    def maybe(self, wrapped: Wrapped | None) -> ir.Expr | None:
        """An expression that may be missing."""
        return None if not wrapped else self.expr(wrapped)

    def exprs(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """A list of expressions; empty places are nothing."""
        return [self.expr(item) for item in items or () if item]

    def sorts(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """The expressions of ORDER BY items."""
        return [self.expr(item) for item in items or ()]

    def query(self, wrapped: Wrapped) -> ir.Query:
        """A nested query."""
        return self._query(wrapped)

    def window(self, fields: Wrapped | None) -> tuple[list[ir.Expr], list[ir.Expr]]:
        """(partition, order) of a window definition, frame offsets among the latter."""
        if not fields:
            return [], []
        node = Node("WindowDef", fields)
        node.skip("name", "refname", "frameOptions")
        partition = self.exprs(node.take("partitionClause"))
        order = self.sorts(node.take("orderClause"))
        order += self.exprs([node.take("startOffset") or {}, node.take("endOffset") or {}])
        node.end()
        return partition, order


def type_name(fields: Wrapped) -> tuple[str | None, str]:
    """(schema, name) of a type; of an array, its elements'."""
    node = Node("TypeName", fields)
    found = qualified(node.take("names"))
    node.skip("typemod", "arrayBounds", "typmods")
    node.expect("setof", False, True)
    if node.take("pct_type"):
        raise NotUnderstood("%TYPE")
    node.end()
    return found


def _column(low: Lowering, node: Node) -> ir.Expr:
    parts: list[str] = []
    star = False
    for item in node.take("fields"):
        if "A_Star" in item:
            star = True
        else:
            parts.append(text(item))
    return ir.Name(tuple(parts), star)


def _const(low: Lowering, node: Node) -> ir.Expr:
    whole = node.take("ival") is not None
    node.skip("fval", "sval", "boolval", "bsval", "isnull")
    return ir.Constant(whole)


def _param(low: Lowering, node: Node) -> ir.Expr:
    return ir.Parameter(int(node.take("number", 0)))


def _cast(low: Lowering, node: Node) -> ir.Expr:
    schema, name = type_name(node.take("typeName"))
    return ir.Cast(low.expr(node.take("arg")), schema, name)


def _collate(low: Lowering, node: Node) -> ir.Expr:
    node.skip("collname")
    arg = node.take("arg")
    return ir.Compute("collate", [low.expr(arg)] if arg else [])


def _a_expr(low: Lowering, node: Node) -> ir.Expr:
    kind = node.take("kind")
    schema, name = qualified(node.take("name"))
    args: list[ir.Expr] = []
    for side in ("lexpr", "rexpr"):
        value = node.take(side)
        if value and "List" in value:
            args += low.exprs(value["List"].get("items"))
        elif value:
            args.append(low.expr(value))
    if kind == "AEXPR_NULLIF":
        return ir.Compute("nullif", [*args, ir.Operate(schema, name, args)])
    sort: Literal["equal", "any-equal", "other"] = "other"
    if name == "=" and kind in ("AEXPR_OP", "AEXPR_IN", "AEXPR_OP_ANY"):
        sort = "equal" if kind == "AEXPR_OP" else "any-equal"
    if kind.startswith(("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN")):
        return ir.Compute("between", args)
    return ir.Operate(schema, name, args, sort)


def _bool(low: Lowering, node: Node) -> ir.Expr:
    kinds: dict[str, Literal["and", "or", "not"]] = {"AND_EXPR": "and", "OR_EXPR": "or", "NOT_EXPR": "not"}
    return ir.Logic(kinds[node.take("boolop")], low.exprs(node.take("args")))


def _test(low: Lowering, node: Node) -> ir.Expr:
    node.skip("nulltesttype", "booltesttype", "argisrow")
    return ir.Compute("test", [low.expr(node.take("arg"))])


def _case(low: Lowering, node: Node) -> ir.Expr:
    args = low.exprs([node.take("arg") or {}])
    for item in node.take("args"):
        when = opened(item)
        args += [low.expr(when.take("expr")), low.expr(when.take("result"))]
        when.end()
    args += low.exprs([node.take("defresult") or {}])
    return ir.Compute("case", args)


def _computes(kind: str, *lists: str, skip: tuple[str, ...] = ()) -> Callable[[Lowering, Node], ir.Expr]:
    def lower(low: Lowering, node: Node) -> ir.Expr:
        node.skip(*skip)
        args: list[ir.Expr] = []
        for key in lists:
            value = node.take(key)
            args += low.exprs(value if isinstance(value, list) else [value or {}])
        return ir.Compute(kind, args)

    return lower


def _call(low: Lowering, node: Node) -> ir.Expr:
    schema, name = qualified(node.take("funcname"))
    over = node.take("over")
    partition, window_order = low.window(over)
    node.skip("agg_distinct", "func_variadic", "funcformat")
    args = node.take("args")
    return ir.Call(
        schema,
        name,
        low.exprs(args),
        setting=harmless_setting(name, args or []),
        order=low.sorts(node.take("agg_order")) + window_order,
        filtered=low.maybe(node.take("agg_filter")),
        partition=partition,
        over=over is not None,
        within=bool(node.take("agg_within_group")),
        star=bool(node.take("agg_star")),
    )


def _named_arg(low: Lowering, node: Node) -> ir.Expr:
    node.skip("name", "argnumber")
    return low.expr(node.take("arg"))


def _indirection(low: Lowering, node: Node) -> ir.Expr:
    found = low.expr(node.take("arg"))
    for item in node.take("indirection"):
        if "String" in item:
            found = ir.Field(found, text(item))
        elif "A_Star" in item:
            found = ir.Field(found, None)
        else:
            part = opened(item)
            if part.kind != "A_Indices":
                raise NotUnderstood(f"`{part.kind}` behind a value")
            part.skip("is_slice")
            found = ir.Compute("subscript", [found, *low.exprs([part.take("lidx") or {}, part.take("uidx") or {}])])
            part.end()
    return found


def _sublink(low: Lowering, node: Node) -> ir.Expr:
    kind = _SUBLINKS.get(node.take("subLinkType"))
    if kind is None:
        raise NotUnderstood("a subquery of another sort")
    node.skip("operName", "subLinkId")
    return ir.Nested(kind, low.query(node.take("subselect")), low.maybe(node.take("testexpr")))


def _sort_by(low: Lowering, node: Node) -> ir.Expr:
    node.skip("sortby_dir", "sortby_nulls")
    use = node.take("useOp")
    arg = low.expr(node.take("node"))
    return ir.Operate(*qualified(use), [arg]) if use else arg


def _grouping_set(low: Lowering, node: Node) -> ir.Expr:
    node.skip("kind")
    return ir.Compute("grouping", low.exprs(node.take("content")))


def _value_function(low: Lowering, node: Node) -> ir.Expr:
    node.skip("op", "type", "typmod")
    return ir.Constant()


def _set_to_default(low: Lowering, node: Node) -> ir.Expr:
    node.skip("typeMod", "typeId", "collation")
    return ir.Constant()


def _multi_assign(low: Lowering, node: Node) -> ir.Expr:
    node.skip("colno", "ncolumns")
    return ir.Compute("row", [low.expr(node.take("source"))])


def _res_target(low: Lowering, node: Node) -> ir.Expr:
    node.skip("name")
    return low.expr(node.take("val"))


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


def _json_output(node: Node) -> None:
    output = node.take("output")
    if output:
        inner = Node("JsonOutput", output)
        inner.skip("returning")
        schema, _ = type_name(inner.take("typeName"))
        if schema not in (None, "pg_catalog"):
            raise NotUnderstood("JSON returned as a user-defined type")
        inner.end()


def _json_key_value(low: Lowering, node: Node) -> ir.Expr:
    return ir.Compute("json", [*low.exprs([node.take("key") or {}]), *_json_value(low, node.take("value"))])


def _json_constructor(low: Lowering, node: Node) -> ir.Expr:
    _json_output(node)
    node.skip("absent_on_null", "unique", "format")
    args = low.exprs(node.take("exprs"))
    if node.kind == "JsonParseExpr":
        args += _json_value(low, node.take("expr"))
    else:
        args += low.exprs([node.take("expr") or {}])
    if node.kind == "JsonArrayQueryConstructor":
        args.append(ir.Nested("array", low.query(node.take("query"))))
    return ir.Compute("json", args)


def _json_aggregate(low: Lowering, node: Node) -> ir.Expr:
    constructor = Node("JsonAggConstructor", node.take("constructor"))
    _json_output(constructor)
    partition, order = low.window(constructor.take("over"))
    order += low.sorts(constructor.take("agg_order"))
    filtered = low.maybe(constructor.take("agg_filter"))
    constructor.end()
    node.skip("absent_on_null", "unique")
    arg = node.take("arg")
    args = [low.expr({"JsonKeyValue": arg})] if node.kind == "JsonObjectAgg" else _json_value(low, arg)
    name = "json_object_agg" if node.kind == "JsonObjectAgg" else "json_agg"
    return ir.Call("pg_catalog", name, args, order=order, filtered=filtered, partition=partition)


def _json_function(low: Lowering, node: Node) -> ir.Expr:
    _json_output(node)
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
    return ir.Compute("json", args)


def _json_predicate(low: Lowering, node: Node) -> ir.Expr:
    node.skip("format", "item_type", "unique_keys")
    return ir.Compute("json", low.exprs([node.take("expr") or {}]))


def _xml_serialize(low: Lowering, node: Node) -> ir.Expr:
    node.skip("xmloption", "indent")
    schema, name = type_name(node.take("typeName"))
    return ir.Cast(low.expr(node.take("expr")), schema, name)


def _current_of(low: Lowering, node: Node) -> ir.Expr:
    raise NotUnderstood("CURRENT OF in an expression")


EXPRESSIONS: dict[str, Callable[[Lowering, Node], ir.Expr]] = {
    "ColumnRef": _column,
    "A_Const": _const,
    "ParamRef": _param,
    "TypeCast": _cast,
    "CollateClause": _collate,
    "A_Expr": _a_expr,
    "BoolExpr": _bool,
    "NullTest": _test,
    "BooleanTest": _test,
    "CaseExpr": _case,
    "CoalesceExpr": _computes("coalesce", "args"),
    "MinMaxExpr": _computes("minmax", "args", skip=("op",)),
    "RowExpr": _computes("row", "args", skip=("row_format", "colnames")),
    "A_ArrayExpr": _computes("array", "elements"),
    "GroupingFunc": _computes("grouping", "args"),
    "XmlExpr": _computes(
        "xml", "named_args", "args", skip=("op", "name", "xmloption", "indent", "arg_names", "type", "typmod")
    ),
    "XmlSerialize": _xml_serialize,
    "FuncCall": _call,
    "NamedArgExpr": _named_arg,
    "A_Indirection": _indirection,
    "SubLink": _sublink,
    "SortBy": _sort_by,
    "GroupingSet": _grouping_set,
    "SQLValueFunction": _value_function,
    "SetToDefault": _set_to_default,
    "MultiAssignRef": _multi_assign,
    "ResTarget": _res_target,
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
    "CurrentOfExpr": _current_of,
}
"""Every kind of expression that is understood, and how."""
