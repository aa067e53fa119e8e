"""How a condition uses columns: compared with a constant (lookup), with another column (join), or in any other way (filter)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass

from sluice.sql import ir
from sluice.sql.lineage.expressions import operated, resolve
from sluice.sql.lineage.reach import Reach, union
from sluice.sql.lineage.scope import Scope
from sluice.sql.lineage.work import Work


def condition(expr: ir.Expr | None, scope: Scope, work: Work) -> Reach:
    """Notes the uses a condition makes; what reaches its truth."""
    if expr is None:
        return union(())
    if isinstance(expr, ir.Logic) and expr.kind != "not":
        return union([condition(arg, scope, work) for arg in expr.args])
    if isinstance(expr, ir.Nested):
        return resolve(expr, scope, work).derived()
    if isinstance(expr, ir.Operate) and expr.sort != "other" and len(expr.args) > 1:
        # Operands are walked once: nested twice, they would be walked twice as often at every level.
        sides = [resolve(arg, scope, work) for arg in expr.args]
        _compared(sides, work)
        return operated(expr, sides, work).derived()
    found = resolve(expr, scope, work)
    work.use(found, "filter")
    return found.derived()


def _compared(sides: list[Reach], work: Work) -> None:
    bearing = [side for side in sides if side.flows or side.opaque]
    if all(side.plain is not None and not side.opaque for side in bearing):
        kind = "lookup" if len(bearing) == 1 else "join"
        for side in bearing:
            work.use(side, "lookup" if kind == "lookup" else "join")
        return
    for side in bearing:
        work.use(side, "filter")


def shaping(exprs: list[ir.Expr], scope: Scope, work: Work, use: Callable[[Reach], None]) -> Reach:
    """Notes by `use` that expressions order or group the result. A whole number there may be the position of an output."""
    found = []
    for expr in exprs:
        if isinstance(expr, ir.Constant) and expr.whole is not None:
            work.literals_matter = True
        reach = resolve(expr, scope, work)
        use(reach)
        found.append(reach)
    return union(found)


def bounded(expr: ir.Expr | None, own: Scope, work: Work) -> bool:
    """Whether a condition holds down an UPDATE or DELETE: it compares the table's own columns with something else."""
    match expr:
        case None:
            return False
        case ir.Logic(kind="and", args=args):
            return any(bounded(arg, own, work) for arg in args)
        case ir.Logic(kind="or", args=args):
            return all(bounded(arg, own, work) for arg in args)
        case ir.Logic(args=args):
            return all(bounded(arg, own, work) for arg in args)
        case ir.Operate(args=args):
            names = [arg for arg in args if _own(arg, own)]
            return bool(names) and not (len(args) == 2 and len(names) == 2 and _same(args))
        case ir.Compute(kind="between", args=args):
            return any(_own(arg, own) for arg in args)
        case ir.Nested():
            return _mentions(expr.query, own) if expr.test is None else _own(expr.test, own)
        case ir.Name():
            return _own(expr, own)
        case _:
            return False


def _mentions(part: object, own: Scope) -> bool:
    """Whether a part of a query names a column of the table, as a correlated subquery does."""
    if isinstance(part, ir.Name):
        return _column(part, own) is not None
    if isinstance(part, list | tuple):
        return any(_mentions(item, own) for item in part)
    return is_dataclass(part) and any(_mentions(getattr(part, each.name), own) for each in fields(part))


def _own(expr: ir.Expr, own: Scope) -> bool:
    if isinstance(expr, ir.Name):
        return _column(expr, own) is not None
    if isinstance(expr, ir.Operate | ir.Compute | ir.Call):
        return any(_own(arg, own) for arg in expr.args)
    return isinstance(expr, ir.Cast | ir.Field) and _own(expr.arg, own)


def _column(name: ir.Name, own: Scope) -> Reach | None:
    for item in own.items:
        for entry in item.entries:
            if len(name.parts) == 1 or entry.name == name.parts[-2]:
                found = entry.get(name.parts[-1]) if name.parts else None
                if found is not None:
                    return found
    return None


def _same(args: list[ir.Expr]) -> bool:
    left, right = args
    if isinstance(left, ir.Name) and isinstance(right, ir.Name):
        return left.parts[-1] == right.parts[-1]
    return True
