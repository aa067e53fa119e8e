"""What the server calls an output, a function's column in FROM among them, that has no name of its own.

A name taken wrongly here would make an outer column answer to it, or hide one: it must be the server's to the letter.
Source: FigureColnameInternal in parser/parse_target.c, as described in
https://www.postgresql.org/docs/current/queries-select-lists.html#QUERIES-COLUMN-LABELS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sluice.engines.postgres.dialect.tree import names

Wrapped = Mapping[str, Any]

NAMELESS: Final = "?column?"

_SURE: Final = 2
_WEAK: Final = 1
"""A type's name or `case`: taken where nothing better is found around or inside it."""

_FIXED: Final[Mapping[str, str]] = {
    "GroupingFunc": "grouping",
    "MergeSupportFunc": "merge_action",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "CoalesceExpr": "coalesce",
    "XmlSerialize": "xmlserialize",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_BY_OPERATION: Final[Mapping[str, Mapping[str, str]]] = {
    "MinMaxExpr": {"IS_GREATEST": "greatest", "IS_LEAST": "least"},
    "XmlExpr": {
        "IS_XMLCONCAT": "xmlconcat",
        "IS_XMLELEMENT": "xmlelement",
        "IS_XMLFOREST": "xmlforest",
        "IS_XMLPARSE": "xmlparse",
        "IS_XMLPI": "xmlpi",
        "IS_XMLROOT": "xmlroot",
        "IS_XMLSERIALIZE": "xmlserialize",
    },
    "JsonFuncExpr": {"JSON_EXISTS_OP": "json_exists", "JSON_QUERY_OP": "json_query", "JSON_VALUE_OP": "json_value"},
    "SQLValueFunction": {
        "SVFOP_CURRENT_DATE": "current_date",
        "SVFOP_CURRENT_TIME": "current_time",
        "SVFOP_CURRENT_TIME_N": "current_time",
        "SVFOP_CURRENT_TIMESTAMP": "current_timestamp",
        "SVFOP_CURRENT_TIMESTAMP_N": "current_timestamp",
        "SVFOP_LOCALTIME": "localtime",
        "SVFOP_LOCALTIME_N": "localtime",
        "SVFOP_LOCALTIMESTAMP": "localtimestamp",
        "SVFOP_LOCALTIMESTAMP_N": "localtimestamp",
        "SVFOP_CURRENT_ROLE": "current_role",
        "SVFOP_CURRENT_USER": "current_user",
        "SVFOP_USER": "user",
        "SVFOP_SESSION_USER": "session_user",
        "SVFOP_CURRENT_CATALOG": "current_catalog",
        "SVFOP_CURRENT_SCHEMA": "current_schema",
    },
}


def column_name(wrapped: Wrapped) -> str | None:
    """What the server calls the output of an expression; None: that hangs on what `*` stands for."""
    return _figured(wrapped)[0]


def _figured(wrapped: Wrapped | None) -> tuple[str | None, int]:
    if not wrapped:
        return NAMELESS, 0
    kind, fields = next(iter(wrapped.items()))
    if kind in _FIXED:
        return _FIXED[kind], _SURE
    if kind in _BY_OPERATION:
        found = _BY_OPERATION[kind].get(fields.get("op", ""))
        return (NAMELESS, 0) if found is None else (found, _SURE)
    match kind:
        case "ColumnRef":
            return _last(fields["fields"])
        case "FuncCall":
            return _last(fields["funcname"])
        case "A_Indirection":
            name, strength = _last(fields["indirection"])
            return (name, strength) if strength else _figured(fields.get("arg"))
        case "CollateClause":
            return _figured(fields.get("arg"))
        case "A_Expr" if fields.get("kind") == "AEXPR_NULLIF":
            return "nullif", _SURE
        case "TypeCast":
            name, strength = _figured(fields.get("arg"))
            return (name, strength) if strength > _WEAK else (names(fields["typeName"]["names"])[-1], _WEAK)
        case "CaseExpr":
            name, strength = _figured(fields.get("defresult"))
            return (name, strength) if strength > _WEAK else ("case", _WEAK)
        case "SubLink":
            return _of_subquery(fields)
        case _:
            return NAMELESS, 0


def _last(parts: list[Wrapped]) -> tuple[str | None, int]:
    found = [part["String"].get("sval", "") for part in parts if "String" in part]
    return (found[-1], _SURE) if found else (NAMELESS, 0)


def _of_subquery(fields: Wrapped) -> tuple[str | None, int]:
    match fields.get("subLinkType"):
        case "EXISTS_SUBLINK":
            return "exists", _SURE
        case "ARRAY_SUBLINK":
            return "array", _SURE
        case "EXPR_SUBLINK":
            return _first_output(fields["subselect"]), _SURE
        case _:
            return NAMELESS, 0


def _first_output(wrapped: Wrapped) -> str | None:
    query: Wrapped = wrapped.get("SelectStmt", {})
    while query.get("larg"):
        query = query["larg"]
    if query.get("valuesLists"):
        return "column1"
    targets = query.get("targetList")
    if not targets:
        return None
    first = targets[0]["ResTarget"]
    if first.get("name"):
        return str(first["name"])
    return None if _spreads(first.get("val", {})) else column_name(first.get("val", {}))


def _spreads(value: Wrapped) -> bool:
    parts = value.get("ColumnRef", {}).get("fields") or value.get("A_Indirection", {}).get("indirection") or ()
    return any("A_Star" in part for part in parts)
