"""Nothing the grammar can make is ignored: every kind of node, and every field of it, is followed, opaque or refused.

A call that nobody knows is planted in every place of many statements where a node may stand; the analysis must find it.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pgparse
import pytest

from sluice.engines.postgres.dialect import lower
from sluice.engines.postgres.dialect.kinds import ADMINISTER, DESTROY
from sluice.engines.postgres.dialect.tree import NotUnderstood
from sluice.engines.postgres.dialect.utility import body
from sluice.sql import bodies
from sluice.sql.catalog import Catalog, Column, Function, Relation, TypeInfo
from sluice.sql.lineage import Context, analyze
from sluice.sql.span import Confidence, Span

HERE = Path(__file__).parent
GRAMMAR = json.loads((HERE / "grammar.json").read_text())["kinds"]
SAMPLES = [line for line in (HERE / "samples.sql").read_text().splitlines() if not line.startswith("--")]

CALL: dict[str, Any] = {
    "FuncCall": {"funcname": [{"String": {"sval": "canary"}}], "funcformat": "COERCE_EXPLICIT_CALL"}
}
TABLE: dict[str, Any] = {"relname": "canary", "inh": True, "relpersistence": "p"}

NEVER_PARSED = frozenset(
    """
    AlternativeSubPlan Aggref ArrayCoerceExpr ArrayExpr CallContext CaseTestExpr CoerceToDomain CoerceToDomainValue CoerceViaIO
    CollateExpr ConvertRowtypeExpr DistinctExpr FieldSelect FieldStore FromExpr FuncExpr InferenceElem InlineCodeBlock IntList
    JsonConstructorExpr JsonExpr JsonTablePath JsonTablePathScan JsonTableSiblingJoin MergeAction NextValueExpr
    NullIfExpr OidList OnConflictExpr OpExpr Param PLAssignStmt Query RTEPermissionInfo RangeTblEntry RangeTblFunction
    RangeTblRef RelabelType RowCompareExpr RowMarkClause ScalarArrayOpExpr SetOperationStmt SinglePartitionSpec SortGroupClause
    SubPlan SubscriptingRef TableFunc TableSampleClause TargetEntry Var WindowClause WindowFunc WindowFuncRunCondition
    WithCheckOption RawStmt PartitionRangeDatum
    """.split()  # noqa: SIM905
)
"""Kinds that the parser never makes: the server makes them of its tree later."""

_OPTIONS = "numbers, words and types: the grammar has no expression there"
_NAMES = "names alone"
HARMLESS: dict[tuple[str, str], str] = {
    ("SelectStmt", "lockingClause"): "LockingClause nodes alone",
    ("LockingClause", "lockedRels"): "names of FROM items",
    ("DefElem", "arg"): _OPTIONS,
    ("IntoClause", "options"): "DefElem nodes alone",
    ("ViewStmt", "options"): "DefElem nodes alone",
    ("TransactionStmt", "options"): "DefElem nodes alone",
    ("VacuumStmt", "options"): "DefElem nodes alone",
    ("VacuumStmt", "rels"): "VacuumRelation nodes alone",
    ("VacuumRelation", "relation"): "vacuuming is administration, whatever is vacuumed",
    ("VacuumRelation", "va_cols"): _NAMES,
    ("VariableSetStmt", "args"): "constants, which the server takes for texts",
    ("List", "items"): "a list of options or names, inside DefElem",
    ("TypeName", "typmods"): "numbers and words; the server refuses anything else",
    ("TypeName", "arrayBounds"): "numbers alone",
    ("RowExpr", "colnames"): "filled in by the server later",
    ("SetToDefault", "xpr"): "filled in by the server later",
    ("CurrentOfExpr", "xpr"): "filled in by the server later",
    ("ConstraintsSetStmt", "constraints"): _NAMES,
    ("CTESearchClause", "search_col_list"): _NAMES,
    ("CTECycleClause", "cycle_col_list"): _NAMES,
    ("IndexElem", "collation"): _NAMES,
    ("IndexElem", "opclass"): _NAMES,
    ("IndexElem", "opclassopts"): "DefElem nodes alone",
}
"""Fields that nobody reads, and why no expression can stand there."""

_TYPES = (TypeInfo(23, "pg_catalog", "int4", "base"), TypeInfo(25, "pg_catalog", "text", "base"))


def _table(oid: int, name: str, *columns: str) -> Relation:
    return Relation(
        oid, "public", name, "table", tuple(Column(one, at, 25, "text") for at, one in enumerate(columns, 1))
    )


CATALOG = Catalog(
    [
        _table(1, "people", "id", "name", "ssn", "dob", "tags", "doc"),
        _table(2, "other", "id", "person", "note"),
        _table(3, "houses", "id", "home", "names"),
    ],
    _TYPES,
    {
        name: (Function("pg_catalog", name, True, True),)
        for name in ("count", "sum", "rank", "generate_series", "unnest", "lower")
    },
    {},
    frozenset(),
)
CONTEXT = Context(search_path=("pg_catalog", "public"), lower=lower)


def _span(wrapped: dict[str, Any]) -> Span | None:
    """The span of a tree; None when it is not understood."""
    try:
        found = body(wrapped)
    except (NotUnderstood, RecursionError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        # All that `lower` makes a text of that is refused.
        return None
    return None if isinstance(found, bodies.Unparsed) else analyze(bodies.Statement(found), CATALOG, CONTEXT)


def _parsed(text: str) -> dict[str, Any]:
    (statement,) = pgparse.parse(text)
    found: dict[str, Any] = statement["stmt"]
    return found


def _plants(tree: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """(kind, field, the tree with something planted in that field of one node, what) for every node and field."""
    for kind, path in _nodes(tree):
        for name, sort in GRAMMAR[kind].items():
            if sort in ("Node", "[Node]", "RangeVar"):
                planted = copy.deepcopy(tree)
                node: Any = planted
                for step in path:
                    node = node[step]
                if sort == "RangeVar":
                    node[name] = TABLE
                elif sort == "Node":
                    node[name] = CALL
                else:
                    node[name] = [*(node.get(name) or []), CALL]
                yield kind, name, planted, sort


def _nodes(tree: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """The kind of every node, and the way to it."""
    found: list[tuple[str, list[Any]]] = []
    _wrapped(tree, [], found)
    return found


def _places(kind: str, fields: Any, path: list[Any], found: list[tuple[str, list[Any]]]) -> None:
    if not isinstance(fields, dict):
        return
    found.append((kind, path))
    for name, sort in GRAMMAR.get(kind, {}).items():
        value = fields.get(name)
        if value is None:
            continue
        if sort == "Node":
            _wrapped(value, [*path, name], found)
        elif sort == "[Node]":
            for index, item in enumerate(value):
                _wrapped(item, [*path, name, index], found)
        elif sort in GRAMMAR:
            _places(sort, value, [*path, name], found)


def _wrapped(value: Any, path: list[Any], found: list[tuple[str, list[Any]]]) -> None:
    if isinstance(value, dict) and len(value) == 1:
        kind = next(iter(value))
        if kind in GRAMMAR:
            _places(kind, value[kind], [*path, kind], found)


def _accounted(span: Span | None, kind: str, sort: str) -> bool:
    if span is None or span.confidence is Confidence.OPAQUE or "canary" in span.functions:
        return True
    if sort == "RangeVar" and any(touch.table.table == "canary" for touch in span.tables):
        return True
    return kind in ADMINISTER or kind in DESTROY


def test_the_list_of_kinds_is_the_parsers_own() -> None:
    spec = importlib.util.find_spec("pgparse")
    assert spec is not None and spec.origin is not None
    binary = Path(spec.origin).read_bytes()
    printed = {found.decode() for found in re.findall(rb'"([A-Z]\w+)":\{', binary)}
    assert {kind for kind in printed if not kind.startswith("PLpgSQL_")} == set(GRAMMAR)


def test_the_samples_hold_every_kind_that_is_ever_parsed() -> None:
    seen = {kind for text in SAMPLES for kind, _ in _nodes(_parsed(text))}
    assert set(GRAMMAR) - seen == NEVER_PARSED


@pytest.mark.parametrize("kind", sorted(NEVER_PARSED))
def test_a_kind_that_is_never_parsed_is_never_passed_over(kind: str) -> None:
    node: dict[str, Any] = {kind: {}}
    select: dict[str, Any] = {"targetList": [{"ResTarget": {"val": CALL}}], "op": "SETOP_NONE"}
    for place in ({"targetList": [{"ResTarget": {"val": node}}]}, {"fromClause": [node]}, {"whereClause": node}):
        assert _span({"SelectStmt": {**select, **place}}) is None
    assert _span(node) is None


@pytest.mark.parametrize("text", SAMPLES, ids=[f"{n}-{text[:30]}" for n, text in enumerate(SAMPLES)])
def test_what_is_planted_anywhere_in_a_statement_is_found(text: str) -> None:
    tree = _parsed(text)
    top = next(iter(tree))
    lost = {
        f"{kind}.{name}"
        for kind, name, planted, sort in _plants(tree)
        if (kind, name) not in HARMLESS and not _accounted(_span(planted), top, sort)
    }
    assert lost == set()
