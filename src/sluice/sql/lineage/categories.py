"""Of which category an operand is, as far as that is plain to see: it tells which operators of a name cannot be meant."""

from __future__ import annotations

from sluice.sql import ir
from sluice.sql.lineage.reach import Reach
from sluice.sql.lineage.work import Work

_NUMBER = "N"


def category(expr: ir.Expr, reach: Reach, work: Work) -> str:
    """The letter of the category of an operand's type; empty: not known."""
    match expr:
        case ir.Constant():
            # With another literal in its place it may be another operator.
            work.literals_matter = True
            return _NUMBER if expr.whole else ""
        case ir.Name() if reach.plain is not None:
            relation = work.catalog.relation(reach.plain.schema, reach.plain.table)
            column = None if relation is None else relation.column(reach.plain.column)
            return "" if column is None else work.catalog.category(column.type_oid)
        case ir.Cast():
            info = work.catalog.type_named(expr.schema, expr.name, work.path)
            return "" if info is None else work.catalog.category(info.oid)
        case ir.Call():
            forms = work.catalog.functions(expr.schema, expr.name, work.path)
            kinds = {work.catalog.category(oid) for form in forms for oid in form.returns}
            return kinds.pop() if len(kinds) == 1 else ""
        case _:
            return ""
