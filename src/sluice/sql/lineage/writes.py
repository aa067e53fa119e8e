"""INSERT, UPDATE, DELETE, MERGE: what lands where, whether the rows are held down, and what RETURNING gives back."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.model.columns import ColumnRef, TableRef
from sluice.sql import ir
from sluice.sql.catalog import Relation
from sluice.sql.lineage.expressions import resolve, resolved
from sluice.sql.lineage.predicates import bounded, condition
from sluice.sql.lineage.queries import targets, with_items
from sluice.sql.lineage.reach import CLEAR, OPAQUE, Entry, Reach, union
from sluice.sql.lineage.scope import Item, Result, Scope
from sluice.sql.lineage.sources import find, source, table
from sluice.sql.lineage.work import Work
from sluice.sql.span import Access, Flow, UseKind

Landed = dict[str, Reach]

_DEEPEST = 16


def insert(query: ir.Insert, scope: Scope, work: Work) -> Result:
    """INSERT … ON CONFLICT … RETURNING."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    own, relation = _target(query.table, inner, work, "insert")
    work.actions.add("write")
    landed: Landed = {}
    places = resolved(query.places, inner, work)
    if query.source is not None:
        result = work.query(query.source, inner, work)
        names = query.columns or tuple(name for name, _ in own.columns)
        if result.columns is None:
            landed = dict.fromkeys(names, OPAQUE)
        else:
            landed = _paired(names, [reach for _, reach in result.columns], places)
            if len(result.columns) > len(names):
                work.opaque("more values than columns")
    _land(landed, own, relation, work)
    if query.conflict is not None:
        landed = _conflict(query.conflict, own, relation, landed, inner, work)
    return _returned(query.returning, own, relation, landed, inner, [], work)


def _conflict(
    conflict: ir.Conflict, own: Entry, relation: Relation | None, landed: Landed, inner: Scope, work: Work
) -> Landed:
    excluded = Entry("excluded", [(name, landed.get(name, CLEAR)) for name, _ in own.columns], open=own.open)
    scope = inner.inside([Item.of(own), Item([excluded], [])])
    condition(conflict.where, scope, work)
    # Whether a row conflicts tells whether its values are there.
    for expr in conflict.inference:
        work.use(resolve(expr, scope, work), "filter")
    for key in conflict.keys:
        work.use(own.get(key) or OPAQUE, "lookup")
    sets = _assigned(conflict.sets, scope, work)
    if sets:
        work.touch(_ref(relation, own), "update")
    _land(sets, own, relation, work)
    return {name: union((landed.get(name, CLEAR), sets.get(name, CLEAR))) for name in {*landed, *sets}}


def update(query: ir.Update, scope: Scope, work: Work) -> Result:
    """UPDATE … FROM … RETURNING."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    own, relation = _target(query.table, inner, work, "update")
    inner.items.append(Item.of(own))
    others = _sources(query.source, inner, scope, work)
    condition(query.where, inner, work)
    _hold(query.current_of or bounded(query.where, Scope([inner.items[0]]), work), work)
    landed = _assigned(query.sets, inner, work)
    _land(landed, own, relation, work)
    return _returned(query.returning, own, relation, landed, inner, others, work)


def delete(query: ir.Delete, scope: Scope, work: Work) -> Result:
    """DELETE … USING … RETURNING."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    own, relation = _target(query.table, inner, work, "delete")
    inner.items.append(Item.of(own))
    others = _sources(query.source, inner, scope, work)
    condition(query.where, inner, work)
    _hold(query.current_of or bounded(query.where, Scope([inner.items[0]]), work), work)
    return _returned(query.returning, own, relation, {}, inner, others, work)


def merge(query: ir.Merge, scope: Scope, work: Work) -> Result:
    """MERGE … RETURNING. Its condition holds it down only if it names the table's own columns and another source."""
    inner = scope.inside()
    inner.ctes = with_items(query.ctes, scope, work)
    own, relation = _target(query.table, inner, work, "merge")
    inner.items.append(Item.of(own))
    others = _sources([query.source], inner, scope, work)
    condition(query.on, inner, work)
    landed: Landed = {}
    for when in query.whens:
        condition(when.condition, inner, work)
        sets = _assigned(when.sets, inner, work)
        if when.action == "insert":
            names = when.columns or tuple(name for name, _ in own.columns)
            values = [resolve(expr, inner, work) for expr in when.values]
            sets = _paired(names, values, resolved(when.places, inner, work))
            if len(values) > len(names):
                work.opaque("more values than columns")
        _land(sets, own, relation, work)
        for name, reach in sets.items():
            landed[name] = union((landed.get(name, CLEAR), reach))
    changes = any(when.action in ("update", "delete") for when in query.whens)
    itself = isinstance(query.source, ir.Table) and find(query.source, work) is relation
    held = bounded(query.on, Scope([inner.items[0]]), work) and not itself
    _hold(held or not changes, work)
    return _returned(query.returning, own, relation, landed, inner, others, work)


def _target(item: ir.Table, scope: Scope, work: Work, access: Access) -> tuple[Entry, Relation | None]:
    own = table(item, scope, work, access, common=False)
    relation = find(item, work)
    if relation is not None and relation.has_rules and relation.kind not in ("view", "matview"):
        work.opaque(f"`{relation.schema}.{relation.name}` has rewrite rules")
    if relation is not None and relation.has_triggers:
        work.partial(f"`{relation.schema}.{relation.name}` has triggers, which may change what is written")
    work.runs_code = work.runs_code or relation is None or runs_code(relation, work)
    return own, relation


def runs_code(relation: Relation, work: Work, depth: int = 0) -> bool:
    """Whether writing to a relation, or a partition of it, runs triggers or functions of others. A view's table: who knows."""
    if relation.has_triggers or relation.writes_run_code or relation.kind in ("view", "foreign") or depth > _DEEPEST:
        return True
    parts = [work.catalog.relation_by_oid(oid) for oid in relation.children]
    return any(part is not None and runs_code(part, work, depth + 1) for part in parts)


def _ref(relation: Relation | None, own: Entry) -> TableRef:
    return TableRef(relation.schema, relation.name) if relation is not None else TableRef("", own.name)


def _sources(items: Iterable[ir.From], inner: Scope, scope: Scope, work: Work) -> list[Item]:
    outer = Scope([], scope, inner.ctes)
    found = []
    for item in items:
        beside = Scope(inner.items[1:], scope, inner.ctes)
        found.append(source(item, beside, outer, work))
        inner.items.append(found[-1])
    return found


def _hold(held: bool, work: Work) -> None:
    work.actions.add("write")
    if not held:
        work.bounded = False
        work.actions.add("destroy")


def _paired(names: Iterable[str], values: Iterable[Reach], places: Reach) -> Landed:
    """What lands in each column; parts of one column (`home.city`, `list[2]`) are named once each, and add up."""
    landed: Landed = {}
    for name, reach in zip(names, values, strict=False):
        parts = [part for part in (landed.get(name), reach, places) if part is not None and part is not CLEAR]
        landed[name] = parts[0] if len(parts) == 1 else union(parts)
    return landed


def _assigned(sets: list[ir.Assignment], scope: Scope, work: Work) -> Landed:
    landed: Landed = {}
    for assignment in sets:
        reach, known = resolve(assignment.expr, scope, work), landed.get(assignment.column)
        landed[assignment.column] = reach if known is None else union((known, reach))
    return landed


def _land(landed: Landed, own: Entry, relation: Relation | None, work: Work) -> None:
    ref = _ref(relation, own)
    for name, reach in landed.items():
        target = _base(name, own, ref)
        work.write(target, reach)
        if reach.plain != target:
            _looked_up(target, work)
        foreign = frozenset(flow for flow in reach.flows if flow.column != target)
        if foreign:
            kind = _turned_away(name, reach, relation, work)
            if kind is not None:
                work.use(Reach(foreign), kind)


def keyed(names: Iterable[str], own: Entry, relation: Relation | None, work: Work) -> None:
    """Rows are written whose values the text does not have: those of keys are looked up all the same."""
    for name in names:
        _looked_up(_base(name, own, _ref(relation, own)), work)


def _looked_up(target: ColumnRef, work: Work) -> None:
    """Whether the server takes a key's value tells whether it is there, in this column or in the one it must point into."""
    if _is_key(work.catalog.relation(target.schema, target.table), target.column, work):
        work.use(Reach(frozenset((Flow(target, "value"),))), "lookup")


def _is_key(relation: Relation | None, name: str, work: Work) -> bool:
    column = None if relation is None else relation.column(name)
    if relation is None or column is None:
        return False
    return column.key or any(_is_key(work.catalog.relation_by_oid(oid), name, work) for oid in relation.children)


def _turned_away(name: str, reach: Reach, relation: Relation | None, work: Work) -> UseKind | None:
    """How that a value is turned away tells of it; None: it lands whatever it is."""
    column = None if relation is None else relation.column(name)
    if relation is None or column is None or relation.has_triggers or relation.kind in ("view", "foreign"):
        return "filter"
    source = reach.plain and work.catalog.relation(reach.plain.schema, reach.plain.table)
    given = source.column(reach.plain.column) if source and reach.plain else None
    fits = column.type_name == "text" or (given is not None and given.type_name == column.type_name)
    there = not column.not_null or (given is not None and given.not_null)
    computed = any(name in other.generated_from for other in relation.columns)
    if column.guard == "checked" or not fits or not there or computed:
        return "filter"
    return "join" if column.guard else None


def _base(name: str, own: Entry, ref: TableRef) -> ColumnRef:
    # A column of an updatable view is written where it comes from.
    found = own.get(name)
    return found.plain if found is not None and found.plain is not None else ColumnRef(ref.schema, ref.table, name)


def _returned(
    items: list[ir.Target],
    own: Entry,
    relation: Relation | None,
    landed: Landed,
    inner: Scope,
    others: list[Item],
    work: Work,
) -> Result:
    if not items:
        return Result([])
    changed = relation is None or relation.has_triggers or relation.writes_run_code
    generated = {} if relation is None else {column.name: column.generated_from for column in relation.columns}
    after = Entry(own.name, [], own.open, own.schema, stored=own.stored)
    for name, reach in own.columns:
        new = union([landed.get(part, CLEAR) for part in (name, *generated.get(name, ()))])
        if new.flows or new.opaque or changed:
            # A trigger may have put anything there.
            reach = Reach(reach.flows | new.flows, None, reach.opaque or new.opaque or changed)
        after.columns.append((name, reach))
    images = [Entry(name, after.columns, after.open) for name in ("old", "new") if name != own.name]
    scope = Scope([Item([after, *images], after.columns, after.open), *others], inner.parent, inner.ctes)
    return Result(targets(items, scope, work))
