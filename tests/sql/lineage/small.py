"""A catalog small enough to be held in the head, and what the analysis says under it."""

from __future__ import annotations

from sluice.engines.postgres.dialect import lower
from sluice.sql.catalog import Catalog, Column, Function, Relation, TypeInfo
from sluice.sql.lineage import Context, analyze
from sluice.sql.span import Span

INT, TEXT, JSONB = 23, 25, 3802


def _column(name: str, attnum: int, oid: int, kind: str, *, key: bool = False, not_null: bool = False) -> Column:
    return Column(name, attnum, oid, kind, not_null, guard="unique" if key else "", key=key)


CATALOG = Catalog(
    [
        Relation(
            20_000,
            "public",
            "people",
            "table",
            (
                _column("id", 1, INT, "integer", key=True, not_null=True),
                _column("ssn", 2, TEXT, "text"),
                _column("email", 3, TEXT, "text", key=True),
                _column("salary", 4, INT, "integer"),
                _column("doc", 5, JSONB, "jsonb"),
            ),
        ),
        Relation(20_001, "public", "watched", "table", (_column("id", 1, INT, "integer"),), has_triggers=True),
        Relation(20_002, "public", "whole", "partitioned", (_column("code", 1, TEXT, "text"),), children=(20_003,)),
        Relation(20_003, "public", "part", "table", (_column("code", 1, TEXT, "text", key=True),), parents=(20_002,)),
    ],
    (
        TypeInfo(INT, "pg_catalog", "int4", "base", category="N"),
        TypeInfo(TEXT, "pg_catalog", "text", "base", category="S"),
        TypeInfo(JSONB, "pg_catalog", "jsonb", "base", category="U"),
    ),
    {
        "upper": (Function("pg_catalog", "upper", True, True),),
        "steal": (Function("public", "steal", False, False),),
        "current_setting": (Function("pg_catalog", "current_setting", True, False),),
    },
    {},
    frozenset(),
)


def said(sql: str, *, stained: bool = False) -> Span:
    """What the analysis says of a statement."""
    (statement,) = lower(sql)
    context = Context(search_path=("pg_catalog", "public"), user="ada", lower=lower, stained=stained)
    return analyze(statement, CATALOG, context)


def uses(sql: str) -> list[str]:
    """The uses it makes, as `column kind`."""
    return sorted(f"{use.column.column} {use.kind}" for use in said(sql).uses)
