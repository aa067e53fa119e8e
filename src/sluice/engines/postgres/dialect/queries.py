"""SELECT, INSERT, UPDATE, DELETE and MERGE of libpg_query's tree to the IR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sluice.engines.postgres.dialect.expressions import EXPRESSIONS
from sluice.engines.postgres.dialect.lowering import Lowering, type_name
from sluice.engines.postgres.dialect.naming import NAMELESS, column_name
from sluice.engines.postgres.dialect.settings import settings_held, settings_shown
from sluice.engines.postgres.dialect.tree import Node, NotUnderstood, names, opened
from sluice.engines.postgres.dialect.unfolding import json_table, xml_table
from sluice.sql import ir

Wrapped = Mapping[str, Any]


def query(wrapped: Wrapped) -> ir.Query:
    """A query wherever one may stand. Raises NotUnderstood."""
    node = opened(wrapped)
    handler = QUERIES.get(node.kind)
    if handler is None:
        raise NotUnderstood(f"`{node.kind}` as a query")
    found = handler(node)
    node.end()
    return found


low = Lowering(query, EXPRESSIONS)


def table(fields: Wrapped) -> ir.Table:
    """A relation by name."""
    node = Node("RangeVar", fields)
    found = _range_var(node)
    node.end()
    return found


def alias(fields: Wrapped | None) -> ir.Alias | None:
    """What a FROM item is called."""
    if not fields:
        return None
    node = Node("Alias", fields)
    found = ir.Alias(node.take("aliasname", ""), names(node.take("colnames")))
    node.end()
    return found


def ctes(fields: Wrapped | None) -> list[ir.Cte]:
    """The items of WITH."""
    if not fields:
        return []
    node = Node("WithClause", fields)
    recursive = bool(node.take("recursive"))
    found = [_cte(opened(item), recursive) for item in node.take("ctes")]
    node.end()
    return found


def _cte(node: Node, recursive: bool) -> ir.Cte:
    node.skip("ctematerialized", "cterecursive", "cterefcount")
    extra: list[str] = []
    search, cycle = node.take("search_clause"), node.take("cycle_clause")
    if search:
        extra.append(search.get("search_seq_column", ""))
    marks: list[ir.Expr] = []
    if cycle:
        extra += [cycle.get("cycle_mark_column", ""), cycle.get("cycle_path_column", "")]
        marks = low.exprs([cycle.get("cycle_mark_value") or {}, cycle.get("cycle_mark_default") or {}])
    found = ir.Cte(
        node.take("ctename"),
        query(node.take("ctequery")),
        names(node.take("aliascolnames")),
        recursive,
        tuple(extra),
        marks,
    )
    node.end()
    return found


def targets(items: list[Wrapped] | None) -> list[ir.Target]:
    """A select or RETURNING list."""
    found = []
    for item in items or ():
        node = opened(item)
        value = node.take("val")
        found.append(ir.Target(low.expr(value), node.take("name") or column_name(value)))
        node.end()
    return found


def sources(items: list[Wrapped] | None) -> list[ir.From]:
    """A FROM list."""
    return [source(item) for item in items or ()]


def source(wrapped: Wrapped) -> ir.From:
    """A FROM item."""
    node = opened(wrapped)
    handler = SOURCES.get(node.kind)
    if handler is None:
        raise NotUnderstood(f"`{node.kind}` in FROM")
    found = handler(node)
    node.end()
    return found


def _range_var(node: Node) -> ir.Table:
    node.skip("catalogname", "relpersistence")
    return ir.Table(
        node.take("schemaname") or None,
        node.take("relname"),
        alias(node.take("alias")),
        only=not node.take("inh", False),
    )


def _sample(node: Node) -> ir.From:
    found = source(node.take("relation"))
    if not isinstance(found, ir.Table):
        raise NotUnderstood("TABLESAMPLE of something else than a table")
    method = names(node.take("method"))
    if method[-1:] not in (("system",), ("bernoulli",)):
        raise NotUnderstood("TABLESAMPLE by an extension's method")
    found.args = low.exprs(node.take("args")) + low.exprs([node.take("repeatable") or {}])
    return found


def _subselect(node: Node) -> ir.From:
    return ir.Derived(query(node.take("subquery")), alias(node.take("alias")), bool(node.take("lateral")))


def _functions(node: Node) -> ir.From:
    node.skip("lateral", "is_rowsfrom")
    calls: list[ir.Expr] = []
    called: list[str] = []
    columns: list[tuple[str, tuple[str | None, str]]] = []
    listed = False
    for item in node.take("functions"):
        parts = item["List"]["items"]
        if len(parts) > 2:
            raise NotUnderstood("a function in FROM with more than its columns")
        calls.append(low.expr(parts[0]))
        called.append(column_name(parts[0]) or NAMELESS)
        if len(parts) > 1 and parts[1]:
            listed = True
            columns += _definitions(parts[1]["List"]["items"])
    defined = node.take("coldeflist")
    if defined:
        listed = True
        columns += _definitions(defined)
    if listed and len(calls) > 1:
        raise NotUnderstood("several functions in FROM with column definitions")
    return ir.Functions(
        calls,
        tuple(called),
        tuple(name for name, _ in columns) if listed else None,
        tuple(kind for _, kind in columns),
        alias(node.take("alias")),
        bool(node.take("ordinality")),
    )


def _definitions(items: list[Wrapped]) -> list[tuple[str, tuple[str | None, str]]]:
    found = []
    for item in items:
        node = opened(item)
        found.append((node.take("colname"), type_name(node.take("typeName"))))
        node.skip("is_local", "collClause")
        node.end()
    return found


def _join(node: Node) -> ir.From:
    using = node.take("usingClause")
    renamed = node.take("join_using_alias")
    node.skip("rtindex")
    return ir.Join(
        source(node.take("larg")),
        source(node.take("rarg")),
        outer=node.take("jointype") not in (None, "JOIN_INNER"),
        using=names(using) if using else None,
        using_alias=renamed.get("aliasname") if renamed else None,
        natural=bool(node.take("isNatural")),
        on=low.maybe(node.take("quals")),
        alias=alias(node.take("alias")),
    )


def _select(node: Node) -> ir.Query:
    node.expect("limitOption", "LIMIT_OPTION_DEFAULT", "LIMIT_OPTION_COUNT", "LIMIT_OPTION_WITH_TIES")
    if node.take("intoClause"):
        raise NotUnderstood("SELECT INTO inside another statement")
    operation = node.take("op", "SETOP_NONE")
    order = low.sorts(node.take("sortClause"))
    limits = low.exprs([node.take("limitOffset") or {}, node.take("limitCount") or {}])
    items = ctes(node.take("withClause"))
    locking = bool(node.take("lockingClause"))
    if operation != "SETOP_NONE":
        left, right = ({"SelectStmt": node.take(side)} for side in ("larg", "rarg"))
        distinct = not node.take("all") or operation != "SETOP_UNION"
        return ir.Combine(query(left), query(right), distinct, order, limits, items)
    rows = node.take("valuesLists")
    if rows is not None:
        return _values(rows, order, limits, items)
    distinct_on = low.exprs(distinct) if (distinct := node.take("distinctClause")) else []
    windows: list[ir.Expr] = []
    for item in node.take("windowClause") or ():
        partition, sorted_by = low.window(item["WindowDef"])
        windows += partition + sorted_by
    node.skip("groupDistinct")
    listed, where = node.take("targetList"), node.take("whereClause")
    return ir.Select(
        settings_held(targets(listed), listed, where),
        sources(node.take("fromClause")),
        low.maybe(where),
        low.exprs(node.take("groupClause")),
        low.maybe(node.take("havingClause")),
        windows,
        distinct is not None and not distinct_on,
        distinct_on,
        order,
        limits,
        ctes=items,
        locking=locking,
        picked=settings_shown(where),
    )


def _values(rows: list[Wrapped], order: list[ir.Expr], limits: list[ir.Expr], items: list[ir.Cte]) -> ir.Values:
    kept: list[list[ir.Expr]] = []
    width = len(rows[0]["List"].get("items") or ())
    for row in rows:
        cells = row["List"].get("items") or ()
        if len(cells) != width:
            raise NotUnderstood("VALUES rows of different lengths")
        if not kept or not all("A_Const" in cell or "ParamRef" in cell or "SetToDefault" in cell for cell in cells):
            kept.append(low.exprs(list(cells)))
    return ir.Values(kept, width, order, limits, items)


def assignments(items: list[Wrapped] | None) -> list[ir.Assignment]:
    """SET lists of UPDATE, ON CONFLICT and MERGE."""
    found = []
    for item in items or ():
        node = opened(item)
        value, places = low.expr(node.take("val")), low.subscripts(node.take("indirection"))
        found.append(ir.Assignment(node.take("name"), ir.Compute("subscript", [value, *places]) if places else value))
        node.end()
    return found


def _columns(items: list[Wrapped] | None) -> tuple[tuple[str, ...], list[ir.Expr]]:
    """Names of the columns written to, and the expressions in their subscripts."""
    found = []
    places: list[ir.Expr] = []
    for item in items or ():
        node = opened(item)
        places += low.subscripts(node.take("indirection"))
        found.append(node.take("name"))
        node.end()
    return tuple(found), places


def _insert(node: Node) -> ir.Query:
    node.skip("override")
    selected = node.take("selectStmt")
    columns, places = _columns(node.take("cols"))
    return ir.Insert(
        table(node.take("relation")),
        columns,
        query(selected) if selected else None,
        _conflict(node.take("onConflictClause")),
        targets(node.take("returningList")),
        ctes(node.take("withClause")),
        places,
    )


def _conflict(fields: Wrapped | None) -> ir.Conflict | None:
    if not fields:
        return None
    node = Node("OnConflictClause", fields)
    node.expect("action", "ONCONFLICT_NOTHING", "ONCONFLICT_UPDATE")
    inference: list[ir.Expr] = []
    keys: list[str] = []
    inferred = node.take("infer")
    if inferred:
        inner = Node("InferClause", inferred)
        inner.skip("conname")
        for element in inner.take("indexElems") or ():
            elem = opened(element)
            elem.skip("collation", "opclass", "ordering", "nulls_ordering")
            name = elem.take("name")
            keys += [name] if name else []
            inference += low.exprs([elem.take("expr") or {}])
            elem.end()
        inference += low.exprs([inner.take("whereClause") or {}])
        inner.end()
    found = ir.Conflict(
        assignments(node.take("targetList")), low.maybe(node.take("whereClause")), inference, tuple(keys)
    )
    node.end()
    return found


def _where(node: Node) -> tuple[ir.Expr | None, bool]:
    where = node.take("whereClause")
    if where and "CurrentOfExpr" in where:
        return None, True
    return low.maybe(where), False


def _update(node: Node) -> ir.Query:
    where, current = _where(node)
    return ir.Update(
        table(node.take("relation")),
        assignments(node.take("targetList")),
        sources(node.take("fromClause")),
        where,
        current,
        targets(node.take("returningList")),
        ctes(node.take("withClause")),
    )


def _delete(node: Node) -> ir.Query:
    where, current = _where(node)
    return ir.Delete(
        table(node.take("relation")),
        sources(node.take("usingClause")),
        where,
        current,
        targets(node.take("returningList")),
        ctes(node.take("withClause")),
    )


_MERGE: dict[str, Literal["insert", "update", "delete", "nothing"]] = {
    "CMD_INSERT": "insert",
    "CMD_UPDATE": "update",
    "CMD_DELETE": "delete",
    "CMD_NOTHING": "nothing",
}


def _merge(node: Node) -> ir.Query:
    whens = []
    for item in node.take("mergeWhenClauses"):
        when = opened(item)
        when.skip("matchKind", "override")
        action = _MERGE.get(when.take("commandType"))
        if action is None:
            raise NotUnderstood("MERGE with another action")
        listed = when.take("targetList")
        values = low.exprs(when.take("values"))
        condition = low.maybe(when.take("condition"))
        if action == "insert":
            columns, places = _columns(listed)
            whens.append(ir.When(action, condition, columns=columns, values=values, places=places))
        else:
            if values:
                raise NotUnderstood("MERGE with values for another action")
            whens.append(ir.When(action, condition, assignments(listed)))
        when.end()
    return ir.Merge(
        table(node.take("relation")),
        source(node.take("sourceRelation")),
        low.expr(node.take("joinCondition")),
        whens,
        targets(node.take("returningList")),
        ctes(node.take("withClause")),
    )


SOURCES: dict[str, Callable[[Node], ir.From]] = {
    "RangeVar": _range_var,
    "RangeTableSample": _sample,
    "RangeSubselect": _subselect,
    "RangeFunction": _functions,
    "JoinExpr": _join,
    "RangeTableFunc": lambda node: xml_table(low, node, alias(node.take("alias"))),
    "JsonTable": lambda node: json_table(low, node, alias(node.take("alias"))),
}
"""Every kind of FROM item that is understood, and how."""

QUERIES: dict[str, Callable[[Node], ir.Query]] = {
    "SelectStmt": _select,
    "InsertStmt": _insert,
    "UpdateStmt": _update,
    "DeleteStmt": _delete,
    "MergeStmt": _merge,
}
"""Every kind of query that is understood, and how."""
