"""The lineage of queries: SELECT, VALUES, set operations, WITH. Statements that write are in `writes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sluice.model.columns import ColumnRef
from sluice.sql import ir
from sluice.sql.lineage.expressions import resolve
from sluice.sql.lineage.predicates import condition, shaping
from sluice.sql.lineage.reach import CLEAR, OPAQUE, UNNAMED, Entry, Reach, merged, union
from sluice.sql.lineage.scope import Item, Result, Scope, answered
from sluice.sql.lineage.sources import source
from sluice.sql.lineage.work import Work

_ROUNDS = 24


def select(query: ir.Select, scope: Scope, work: Work) -> Result:
    """One SELECT."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    outer = Scope([], scope, inner.ctes)
    for item in query.source:
        inner.items.append(source(item, inner, outer, work))
    influence = [condition(query.where, inner, work), condition(query.having, inner, work)]
    columns = targets(query.targets, _shown(query, inner, work), work)
    shaping(query.windows, inner, work, work.filter)
    for sorting, use in ((query.order, work.arrange), ([*_grouping(query.groups), *query.distinct_on], work.filter)):
        if sorting:
            influence.append(_sorted(sorting, columns, inner, work, use))
            _positions(sorting, columns, use)
    influence.append(_limits(query.limits, outer, work))
    if query.distinct:
        for _, reach in columns or ():
            work.use(reach, "filter")
    return Result(columns, union(influence).derived())


def _shown(query: ir.Select, inner: Scope, work: Work) -> Scope:
    """What the select list sees: of a table alone in FROM, rows picked so that some of its columns hide nothing."""
    picked = query.picked
    if (
        picked is None
        or (picked.free and work.context.stained)
        or len(query.source) != 1
        or not isinstance(query.source[0], ir.Table)
    ):
        return inner
    entry = inner.items[0].entries[0]
    by, wanted = entry.get(picked.by.parts[-1]), ColumnRef(*picked.column)
    if by is None or by.plain != wanted or picked.by.parts[-2:-1] not in ((), (entry.name,)):
        return inner
    work.literals_matter = True
    clear = {ColumnRef(wanted.schema, wanted.table, name) for name in picked.clear}
    columns = [(name, Reach(shown=reach.plain) if reach.plain in clear else reach) for name, reach in entry.columns]
    return Scope([Item.of(replace(entry, columns=columns))], inner.parent, inner.ctes)


def _outputs_only(columns: list[tuple[str, Reach]] | None, inner: Scope) -> list[tuple[str, Reach]]:
    """Output names that ORDER BY may use and that no FROM column hides."""
    taken = {name for item in inner.items for name, _ in item.visible}
    seen: dict[str, Reach] = {}
    for name, reach in columns or ():
        if name not in taken:
            seen[name] = union((seen[name], reach)) if name in seen else reach
    return list(seen.items())


def _sorted(
    exprs: list[ir.Expr],
    columns: list[tuple[str, Reach]] | None,
    inner: Scope,
    work: Work,
    use: Callable[[Reach], None],
) -> Reach:
    # ORDER BY, GROUP BY and DISTINCT ON may name an output; inside an expression there are only columns of FROM.
    outputs = Scope([*inner.items, Item([], _outputs_only(columns, inner))], inner.parent, inner.ctes)
    return union([shaping([expr], outputs if _bare(expr) else inner, work, use) for expr in exprs])


def _bare(expr: ir.Expr) -> str:
    """The unqualified name that the expression is, also behind USING; empty: it is something else."""
    if isinstance(expr, ir.Operate) and len(expr.args) == 1:
        expr = expr.args[0]
    return expr.parts[0] if isinstance(expr, ir.Name) and len(expr.parts) == 1 else ""


def _grouping(groups: list[ir.Expr]) -> Iterator[ir.Expr]:
    """The items of GROUP BY, those inside grouping sets and parentheses too."""
    for expr in groups:
        if isinstance(expr, ir.Compute) and expr.kind in ("grouping", "row"):
            yield from _grouping(expr.args)
        else:
            yield expr


def _positions(exprs: list[ir.Expr], columns: list[tuple[str, Reach]] | None, use: Callable[[Reach], None]) -> None:
    """ORDER BY and GROUP BY may mean outputs by position, or by a name that FROM has too: all that is possible is used."""
    positions = {expr.whole for expr in exprs if isinstance(expr, ir.Constant)}
    named = {_bare(expr) for expr in exprs} - {""}
    for position, (name, reach) in enumerate(columns or (), 1):
        if position in positions or name in named:
            use(reach)


def _limits(limits: list[ir.Expr], scope: Scope, work: Work) -> Reach:
    found = [resolve(expr, scope, work) for expr in limits]
    for reach in found:
        work.use(reach, "filter")
    return union(found)


def targets(items: list[ir.Target], scope: Scope, work: Work) -> list[tuple[str, Reach]] | None:
    """The columns of a select or RETURNING list; None when a star stands for columns that are not known."""
    columns: list[tuple[str, Reach]] = []
    known = True
    for item in items:
        expr = item.expr
        if isinstance(expr, ir.Name) and expr.star:
            found = _star(expr, scope, work)
        elif isinstance(expr, ir.Field) and expr.name is None:
            found = _fields(expr, scope, work)
        else:
            columns.append((UNNAMED if item.name is None else item.name, resolve(expr, scope, work)))
            continue
        known = known and found is not None
        columns += found or []
    return columns if known else None


def _star(name: ir.Name, scope: Scope, work: Work) -> list[tuple[str, Reach]] | None:
    if not name.parts:
        found = scope.visible()
        if found is None:
            work.opaque("`*` stands for columns that are not known")
        return found
    entry = scope.entry(name.parts[-1], name.parts[-2] if len(name.parts) > 1 else None)
    if entry is not None and not entry.open and not entry.vague:
        return entry.columns
    work.opaque(f"`{'.'.join(name.parts)}.*` stands for columns that are not known")
    return None


def _fields(access: ir.Field, scope: Scope, work: Work) -> list[tuple[str, Reach]] | None:
    found = resolve(access.arg, scope, work)
    if found.row is not None and not found.row.open and not found.row.vague:
        return found.row.columns
    work.opaque("`.*` of a value whose fields are not known")
    return None


def values(query: ir.Values, scope: Scope, work: Work) -> Result:
    """VALUES: each column is the union of its cells."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    cells = [[resolve(cell, inner, work) for cell in row] for row in query.rows]
    columns = [(f"column{i + 1}", union([row[i] for row in cells if i < len(row)])) for i in range(query.width)]
    influence = shaping(query.order, Scope([Item([], columns)], scope, inner.ctes), work, work.filter)
    return Result(columns, union((influence, _limits(query.limits, inner, work))))


def combine(query: ir.Combine, scope: Scope, work: Work) -> Result:
    """A set operation: outputs by position, from both sides."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    left, right = work.query(query.left, inner, work), work.query(query.right, inner, work)
    influence = union((left.influence, right.influence))
    if left.columns is None or right.columns is None or len(left.columns) != len(right.columns):
        work.opaque("the sides of a set operation do not match")
        return Result(None, influence)
    columns = [
        (name, merged(mine, theirs)) for (name, mine), (_, theirs) in zip(left.columns, right.columns, strict=True)
    ]
    if query.distinct:
        for _, reach in columns:
            work.use(reach, "filter")
    ordered = Scope([Item([], columns)], None, inner.ctes)
    _positions([expr for expr in query.order if isinstance(expr, ir.Constant)], columns, work.filter)
    influence = union((influence, shaping(query.order, ordered, work, work.filter), _limits(query.limits, inner, work)))
    return Result(columns, influence.derived())


def with_items(items: list[ir.Cte], scope: Scope, work: Work) -> dict[str, Entry]:
    """The WITH items in force, in order; each sees those before it, a recursive one itself."""
    known = dict(scope.ctes)
    if not items:
        return known
    if items[0].recursive:
        return _recursive(items, known, scope, work)
    for item in items:
        known[item.name] = _cte(item, Scope([], scope, dict(known)), work)
    return known


def _cte(item: ir.Cte, scope: Scope, work: Work) -> Entry:
    result = work.query(item.query, scope, work)
    for mark in item.marks:
        resolve(mark, scope, work)
    entry = answered(item.name, result, item.columns)
    if item.extra:
        whole = entry.whole()
        entry.columns = [*entry.columns, *((name, Reach(whole.flows, None, whole.opaque)) for name in item.extra)]
    return entry


def _recursive(items: list[ir.Cte], known: dict[str, Entry], scope: Scope, work: Work) -> dict[str, Entry]:
    """Walks the items until what reaches their columns grows no more (WITH RECURSIVE items may name each other)."""
    for item in items:
        # Before anything is known of it an item has the columns of its first part, and nothing reaches them.
        width = _width(item.query)
        names = item.columns or tuple(f"?{i}" for i in range(width))
        known[item.name] = Entry(item.name, [(name, CLEAR) for name in names], open=not width and not item.columns)
    first = {item.name: _first_part(item) for item in items}
    for item in items:
        part = first[item.name]
        if part is not None:
            known[item.name] = _cte(
                ir.Cte(item.name, part, item.columns, True, item.extra), Scope([], scope, dict(known)), work
            )
    for _ in range(_ROUNDS):
        grown = False
        for item in items:
            entry = _cte(item, Scope([], scope, dict(known)), work)
            grown = grown or _signature(entry) != _signature(known[item.name])
            known[item.name] = entry
        if not grown:
            return known
    work.opaque("a recursive query whose columns do not settle")
    return {
        **known,
        **{item.name: Entry(item.name, [(name, OPAQUE) for name, _ in known[item.name].columns]) for item in items},
    }


def _first_part(item: ir.Cte) -> ir.Query | None:
    """The part of a recursive item that does not name it."""
    return item.query.left if isinstance(item.query, ir.Combine) else None


def _signature(entry: Entry) -> list[tuple[str, Reach]]:
    return entry.columns


def _width(query: ir.Query) -> int:
    match query:
        case ir.Values(width=width):
            return width
        case ir.Combine(left=left):
            return _width(left)
        case ir.Select(targets=items) if not any(isinstance(t.expr, ir.Name) and t.expr.star for t in items):
            return len(items)
        case _:
            return 0
