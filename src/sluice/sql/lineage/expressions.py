"""The lineage of expressions. Every kind of `ir.Expr` is matched; what is not plain computation is opaque and named."""

from __future__ import annotations

from typing import assert_never

from sluice.model.columns import ColumnRef
from sluice.sql import ir
from sluice.sql.catalog import SYSTEM
from sluice.sql.lineage import failing
from sluice.sql.lineage.categories import category
from sluice.sql.lineage.reach import CLEAR, OPAQUE, Reach, merged, union
from sluice.sql.lineage.scope import Scope
from sluice.sql.lineage.work import Work
from sluice.sql.span import Flow

_JOINING = frozenset(
    {"concat", "concat_ws", "json_build_array", "jsonb_build_array", "json_build_object", "jsonb_build_object"}
)


_ORDERLESS = frozenset({"min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or", "bit_xor"})
"""Aggregates that hand on values and come to the same in whichever order they meet them."""


def resolve(expr: ir.Expr, scope: Scope, work: Work) -> Reach:
    """What reaches the value of an expression."""
    work.step()
    match expr:
        case ir.Constant() | ir.Parameter():
            return CLEAR
        case ir.Name():
            return _name(expr, scope, work)
        case ir.Operate() | ir.Logic() | ir.Compute():
            return _computed(expr, scope, work)
        case ir.Call():
            return _call(expr, scope, work)
        case ir.Cast():
            return _cast(expr, scope, work)
        case ir.Field():
            return _field(expr, scope, work)
        case ir.Nested():
            return _nested(expr, scope, work)
        case ir.Unclear():
            for arg in expr.args:
                resolve(arg, scope, work)
            work.opaque(expr.reason)
            return OPAQUE
        case _:
            assert_never(expr)


def resolved(exprs: list[ir.Expr], scope: Scope, work: Work) -> Reach:
    """What reaches any of several expressions."""
    return union([resolve(expr, scope, work) for expr in exprs])


def _name(name: ir.Name, scope: Scope, work: Work) -> Reach:
    parts = name.parts
    if name.star:
        # `t.*` as a value (in ROW(t.*), f(t.*)) is the row.
        entry = scope.entry(parts[-1], parts[-2] if len(parts) > 1 else None) if parts else None
        if entry is not None:
            return entry.whole()
        work.opaque(f"unknown relation `{'.'.join(parts)}`")
        return OPAQUE
    found = scope.column(parts[0]) if len(parts) == 1 else _qualified(parts, scope)
    if found is None:
        work.opaque(f"unknown column `{'.'.join(parts)}`")
        return OPAQUE
    if found is OPAQUE:
        work.opaque(f"`{'.'.join(parts)}` could be several columns")
    return found


def _qualified(parts: tuple[str, ...], scope: Scope) -> Reach | None:
    # table.column, schema.table.column, database.schema.table.column; a field of a column needs parentheses.
    table, column = parts[-2], parts[-1]
    entry = scope.entry(table, parts[-3] if len(parts) > 2 else None)
    if entry is not None:
        found = entry.get(column)
        if found is not None:
            return found
    # The last part may be the table itself (schema.table as a whole row).
    whole = scope.entry(column, table) if len(parts) == 2 else None
    return None if whole is None else whole.whole()


def _computed(expr: ir.Operate | ir.Logic | ir.Compute, scope: Scope, work: Work) -> Reach:
    acts = work.acts
    found = _put_together(expr, scope, work)
    if work.acts > acts:
        # Whether a part of it is evaluated may hang on the others.
        work.filter(found)
    return found


def _put_together(expr: ir.Operate | ir.Logic | ir.Compute, scope: Scope, work: Work) -> Reach:
    match expr:
        case ir.Logic():
            return _guarded(expr.args, [True] * len(expr.args), scope, work)
        case ir.Operate():
            sides = [resolve(arg, scope, work) for arg in expr.args]
            if failing.by_operator(expr, sides, work):
                work.fails(union(sides))
            return operated(expr, sides, work)
        case ir.Compute():
            return _compute(expr, scope, work)


def operated(operate: ir.Operate, sides: list[Reach], work: Work) -> Reach:
    """What reaches the result of an operator whose operands are known."""
    found = union(sides)
    kinds: tuple[str, ...] = ()
    if not work.catalog.operator_is_plain(operate.name, work.path if operate.schema is None else (operate.schema,)):
        # Some such operator is not the system's: what its operands are may rule it out.
        kinds = tuple(category(arg, side, work) for arg, side in zip(operate.args, sides, strict=True))
        if operate.sort == "any-equal":
            # The elements of a list or array are compared, each by itself.
            kinds = (kinds[0], "")
    return found if known_operator(operate.schema, operate.name, work, kinds) else Reach(found.flows, None, True)


def _compute(compute: ir.Compute, scope: Scope, work: Work) -> Reach:
    if compute.kind in _DECIDING:
        found = _guarded(compute.args, _decides(compute), scope, work)
    else:
        parts = [resolve(arg, scope, work) for arg in compute.args]
        found = union(parts)
        if failing.by_construct(compute, parts, work):
            work.fails(found)
    plain = [known_operator(schema, name, work) for schema, name in compute.operators]
    return found if all(plain) else Reach(found.flows, None, True)


_DECIDING = frozenset({"case", "coalesce"})


def _decides(compute: ir.Compute) -> list[bool]:
    """Which parts decide whether later ones are computed: all of COALESCE's, the conditions of CASE and what it compares."""
    if compute.kind == "coalesce":
        return [True] * len(compute.args)
    tested = bool(compute.operators)
    pairs = len(compute.args) - tested
    return [True] * tested + [index % 2 == 0 and index < pairs - pairs % 2 for index in range(pairs)]


def _guarded(args: list[ir.Expr], decides: list[bool], scope: Scope, work: Work) -> Reach:
    """What reaches a construct that computes its parts only as far as it must: that one of them fails tells why it was."""
    found: list[Reach] = []
    guards: list[Reach] = []
    for arg, deciding in zip(args, decides, strict=True):
        before = work.risks
        found.append(resolve(arg, scope, work))
        if work.risks > before:
            for guard in guards:
                work.use(guard, "filter")
        if deciding and (found[-1].flows or found[-1].opaque):
            guards.append(found[-1])
    return union(found)


def known_operator(schema: str | None, name: str, work: Work, kinds: tuple[str, ...] = ()) -> bool:
    """Whether an operator that is looked up by name can only be the system's; if not, it is noted as a call.

    `kinds`: the categories of its operands, where they are known.
    """
    if work.catalog.operator_is_plain(name, work.path if schema is None else (schema,), kinds):
        return True
    work.function(f"operator {name}")
    return False


def _cast(cast: ir.Cast, scope: Scope, work: Work) -> Reach:
    found = resolve(cast.arg, scope, work)
    if not work.catalog.cast_is_plain(cast.schema, cast.name, work.path):
        work.function(f"cast to {cast.name}")
        return Reach(found.flows, None, True)
    if failing.by_cast(cast, found, work):
        work.fails(found)
    return found.derived()


def _field(access: ir.Field, scope: Scope, work: Work) -> Reach:
    found = resolve(access.arg, scope, work)
    if access.name is None:
        return found.derived()
    if found.row is not None:
        column = found.row.get(access.name)
        if column is not None:
            return column
    # What is no column may be a function of the row: `(t).f` is `f(t)`.
    forms = work.catalog.functions(None, access.name, work.path)
    if not all(function.plain or function.declared for function in forms):
        work.function(access.name)
        return Reach(found.flows, None, True)
    return found.derived()


def _call(call: ir.Call, scope: Scope, work: Work) -> Reach:
    args = [resolve(arg, scope, work) for arg in call.args]
    ordered = [resolve(arg, scope, work) for arg in call.order]
    shaping = [resolve(arg, scope, work) for arg in call.partition]
    if call.filtered is not None:
        shaping.append(resolve(call.filtered, scope, work))
    if call.within:
        args += ordered
    else:
        shaping += ordered
    found = work.catalog.functions(call.schema, call.name, work.path)
    kinds = {function.aggregate for function in found}
    value = union(args)
    told = bool(value.flows) or value.opaque
    plain = all(one.plain or one.declared or one.reads or (one.keeps and not told) for one in found)
    work.acts += any(function.acts for function in found)
    for reach in shaping:
        # The order of its own values too: the server sorts the rows once, and what stands beside it gathers them in that order.
        work.filter(reach)
    gathers = not call.over and kinds != {"aggregate"} and call.name not in _ORDERLESS
    if gathers and (kinds != {None} or not all(function.builtin for function in found)):
        work.gathers += 1
    if call.distinct:
        work.sorts.append((value, int(gathers)))
    if len(args) == 1 and args[0].row is not None and call.schema is None and plain:
        # f(row) is also how a field of the row may be written, and the field wins over no function only.
        column = args[0].row.get(call.name)
        if column is not None:
            return column if not found else merged(column, args[0].derived())
    held = call.named_by is None or (args[0].plain is not None and args[0].plain == ColumnRef(*call.named_by))
    held = held and not (call.free and work.context.stained)
    if call.setting and held and found and all(function.builtin for function in found):
        work.literals_matter = True
        return CLEAR
    if call.hands is not None and held and found and all(function.builtin for function in found):
        return Reach(frozenset((Flow(ColumnRef(*call.hands), "value"),)))
    if not found or not plain:
        work.function(f"{call.schema}.{call.name}" if call.schema else call.name)
        return Reach(union(args + shaping).flows, None, True)
    if failing.by_call(call, args, scope, work):
        work.fails(value)
    if call.name in _JOINING:
        work.join(value)
    read = [column for function in found for column in function.reads]
    if read:
        value = union((value, Reach(frozenset(Flow(column, "value") for column in read))))
    listed = all(isinstance(arg, ir.Compute) and arg.kind == "array" for arg in call.args)
    if any(function.many for function in found) and not (listed or _lists_options(args, work)):
        # How many rows there are tells what they were made of.
        work.arrange(value)
    if kinds == {"aggregate"} and not call.over:
        # Over a window of one row a sum is the row.
        return union((value, *shaping)).aggregated()
    # Rows that a frame, a FILTER or an order lets in shape the value, one row at a time if the caller likes.
    return union((value, *shaping)) if call.filtered is not None or call.over else value


def _lists_options(args: list[Reach], work: Work) -> bool:
    """Whether a call spreads a list of options of the system's catalogs: how many there are tells nothing of what they say."""
    ref = args[0].plain if len(args) == 1 else None
    relation = None if ref is None or ref.schema != SYSTEM else work.catalog.relation(ref.schema, ref.table)
    column = None if ref is None or relation is None else relation.column(ref.column)
    return column is not None and column.type_name == "text[]"


def _nested(nested: ir.Nested, scope: Scope, work: Work) -> Reach:
    test = CLEAR if nested.test is None else resolve(nested.test, scope, work)
    result = work.query(nested.query, scope, work)
    if nested.kind == "exists":
        return result.influence
    outputs = CLEAR if result.columns is None else union([reach for _, reach in result.columns])
    if result.columns is None:
        outputs = OPAQUE
    if nested.kind == "any":
        if not known_operator(*nested.operator, work):
            outputs = Reach(outputs.flows, None, True)
        for reach in (test, outputs):
            work.use(reach, "join" if test.plain is not None else "filter")
        return union((test, outputs, result.influence))
    if nested.kind == "scalar" and result.columns is not None and len(result.columns) == 1:
        only = result.columns[0][1]
        return Reach(only.flows, None, only.opaque, only.row)
    return outputs.derived()
