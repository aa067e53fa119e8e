"""Expressions of libpg_query's tree to the IR. Every kind is in `EXPRESSIONS`, or is not understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sluice.engines.postgres.dialect.documents import DOCUMENTS
from sluice.engines.postgres.dialect.lowering import Handler, Lowering, type_name
from sluice.engines.postgres.dialect.settings import harmless_setting, reads_free_setting
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
    whole = node.take("ival")
    node.skip("fval", "sval", "boolval", "bsval", "isnull")
    return ir.Constant(None if whole is None else int(whole.get("ival", 0)))


def _param(low: Lowering, node: Node) -> ir.Expr:
    return ir.Parameter(int(node.take("number", 0)))


def _cast(low: Lowering, node: Node) -> ir.Expr:
    kind = node.take("typeName")
    schema, name = type_name(kind)
    return ir.Cast(low.expr(node.take("arg")), schema, name, many="arrayBounds" in kind)


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
            args += low.varied(value["List"].get("items"))
        elif value:
            args.append(low.expr(value))
    if kind == "AEXPR_NULLIF":
        return ir.Compute("nullif", args, ((schema, name),))
    sort: Literal["equal", "any-equal", "other"] = "other"
    if name == "=" and kind in ("AEXPR_OP", "AEXPR_IN", "AEXPR_OP_ANY"):
        sort = "equal" if kind == "AEXPR_OP" else "any-equal"
    if kind.startswith(("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN")):
        return ir.Compute("between", args, ((None, "<="), (None, ">="), (None, "<"), (None, ">")))
    return ir.Operate(schema, name, args, sort)


def _bool(low: Lowering, node: Node) -> ir.Expr:
    kinds: dict[str, Literal["and", "or", "not"]] = {"AND_EXPR": "and", "OR_EXPR": "or", "NOT_EXPR": "not"}
    return ir.Logic(kinds[node.take("boolop")], low.exprs(node.take("args")))


def _test(low: Lowering, node: Node) -> ir.Expr:
    node.skip("nulltesttype", "booltesttype", "argisrow")
    return ir.Compute("test", [low.expr(node.take("arg"))])


def _case(low: Lowering, node: Node) -> ir.Expr:
    tested = node.take("arg")
    args = low.exprs([tested or {}])
    for item in node.take("args"):
        when = opened(item)
        args += [low.expr(when.take("expr")), low.expr(when.take("result"))]
        when.end()
    args += low.exprs([node.take("defresult") or {}])
    return ir.Compute("case", args, ((None, "="),) if tested else ())


def _array(low: Lowering, node: Node) -> ir.Expr:
    return ir.Compute("array", low.varied(node.take("elements")))


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
    node.skip("func_variadic", "funcformat")
    args = node.take("args")
    return ir.Call(
        schema,
        name,
        low.exprs(args),
        setting=harmless_setting(name, args or []),
        free=reads_free_setting(name, args or []),
        order=low.sorts(node.take("agg_order")) + window_order,
        filtered=low.maybe(node.take("agg_filter")),
        partition=partition,
        over=over is not None,
        within=bool(node.take("agg_within_group")),
        star=bool(node.take("agg_star")),
        distinct=bool(node.take("agg_distinct")),
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
            found = ir.Compute("subscript", [found, *low.subscripts([item])])
    return found


def _sublink(low: Lowering, node: Node) -> ir.Expr:
    kind = _SUBLINKS.get(node.take("subLinkType"))
    if kind is None:
        raise NotUnderstood("a subquery of another sort")
    node.skip("subLinkId")
    operator = node.take("operName")
    query, test = low.query(node.take("subselect")), low.maybe(node.take("testexpr"))
    if kind == "array" and isinstance(query, ir.Select) and not (query.limits or query.distinct_on):
        query.gathered = True
    return ir.Nested(kind, query, test, qualified(operator) if operator else (None, "="))


def _sort_by(low: Lowering, node: Node) -> ir.Expr:
    node.skip("sortby_dir", "sortby_nulls")
    use = node.take("useOp")
    arg = low.expr(node.take("node"))
    return ir.Operate(*qualified(use), [arg]) if use else arg


def _grouping_set(low: Lowering, node: Node) -> ir.Expr:
    node.skip("kind")
    return ir.Compute("grouping", low.exprs(node.take("content")))


def _value_function(low: Lowering, node: Node) -> ir.Expr:
    node.skip("op", "type", "typmod", "msftype", "msfcollid")
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


def _current_of(low: Lowering, node: Node) -> ir.Expr:
    raise NotUnderstood("CURRENT OF in an expression")


EXPRESSIONS: dict[str, Handler] = {
    **DOCUMENTS,
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
    "A_ArrayExpr": _array,
    "GroupingFunc": _computes("grouping", "args"),
    "XmlExpr": _computes(
        "xml", "named_args", "args", skip=("op", "name", "xmloption", "indent", "arg_names", "type", "typmod")
    ),
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
    "CurrentOfExpr": _current_of,
    "MergeSupportFunc": _value_function,
}
"""Every kind of expression that is understood, and how."""
