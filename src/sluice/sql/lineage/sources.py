"""FROM items: relations by the catalog, views by their definition, subqueries, functions, joins."""

from __future__ import annotations

from typing import assert_never

from sluice.model.columns import ColumnRef, TableRef
from sluice.sql import bodies, ir
from sluice.sql.catalog import Relation
from sluice.sql.lineage.expressions import known_operator, resolve, resolved
from sluice.sql.lineage.predicates import condition
from sluice.sql.lineage.reach import CLEAR, OPAQUE, Entry, Reach, merged, union
from sluice.sql.lineage.scope import Item, Scope, answered
from sluice.sql.lineage.spreading import columns_of
from sluice.sql.lineage.work import Work
from sluice.sql.span import Access, Confidence, Flow

_DEEPEST_VIEW = 32

OPEN = frozenset(
    {"json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_recordset"}
)
"""Functions whose columns are those of a type named in their arguments."""


def source(item: ir.From, scope: Scope, outer: Scope, work: Work) -> Item:
    """A FROM item. `scope` holds what stands to its left (for LATERAL), `outer` does not."""
    match item:
        case ir.Table():
            for arg in item.args:
                work.use(resolve(arg, scope, work), "filter")
            return Item.of(table(item, scope, work))
        case ir.Derived():
            return _derived(item, scope if item.lateral else outer, work)
        case ir.Functions():
            return _functions(item, scope, work)
        case ir.Unfolded():
            whole = resolved(item.args, scope, work)
            whole = whole if _converted(item.types, work) else Reach(whole.flows, None, True)
            entry = Entry("", [(name, whole) for name in item.columns])
            return Item.of(_called(entry, item.alias))
        case ir.Join():
            return _join(item, scope, outer, work)
        case _:
            assert_never(item)


def table(item: ir.Table, scope: Scope, work: Work, access: Access = "read", common: bool = True) -> Entry:
    """A relation's entry. `common`: it may be a WITH item (what is written to may not)."""
    called = item.alias.name if item.alias else item.name
    renames = item.alias.columns if item.alias else ()
    if common and item.schema is None:
        known = scope.cte(item.name)
        if known is not None:
            return known.renamed(called, renames)
    relation = find(item, work)
    if relation is None:
        work.opaque(f"unknown relation `{item.schema + '.' if item.schema else ''}{item.name}`")
        return Entry(called, [], open=True)
    work.touch(TableRef(relation.schema, relation.name), access)
    work.runs_code = work.runs_code or relation.reads_run_code
    entry = Entry(called, _columns(relation, work))
    if renames:
        entry = entry.renamed(called, renames)
    entry.schema = None if item.alias else relation.schema
    entry.stored = relation.kind not in ("view", "composite")
    return entry


def find(item: ir.Table, work: Work) -> Relation | None:
    """The relation a name means."""
    if item.schema is None:
        return work.catalog.resolve(item.name, work.path)
    schema = work.context.temp_schema if item.schema == "pg_temp" else item.schema
    return None if schema is None else work.catalog.relation(schema, item.name)


def _columns(relation: Relation, work: Work) -> list[tuple[str, Reach]]:
    own = [(column.name, ColumnRef(relation.schema, relation.name, column.name)) for column in relation.columns]
    # The server's own views are taken as they stand: what they may show is labelled column by column.
    if relation.kind not in ("view", "matview") or relation.definition is None:
        return [(name, Reach(frozenset((Flow(ref, "value"),)), ref)) for name, ref in own]
    inside = _view(relation, work)
    if inside is None or len(inside) != len(own):
        work.partial(f"view `{relation.schema}.{relation.name}` could not be expanded")
        return [(name, Reach(frozenset((Flow(ref, "value"),)), None, True)) for name, ref in own]
    return [
        (name, Reach(reach.flows | {Flow(ref, "value")}, reach.plain, reach.opaque))
        for (name, ref), (_, reach) in zip(own, inside, strict=True)
    ]


def _view(relation: Relation, work: Work) -> list[tuple[str, Reach]] | None:
    views, coded = work.context.views, work.context.coded
    if relation.oid in views:
        work.runs_code = work.runs_code or relation.oid in coded
        return views[relation.oid]
    views[relation.oid] = None
    statements = work.context.lower(relation.definition or "")
    body = statements[0].body if len(statements) == 1 else None
    if not isinstance(body, bodies.Run) or work.depth >= _DEEPEST_VIEW:
        coded.add(relation.oid)
        work.runs_code = True
        return None
    # A view's own walk: its tables and conditions are its owner's doing, only what flows out of it is the caller's.
    inner = Work(work.catalog, work.context, work.catalog.definition_path, work.query, depth=work.depth + 1, quiet=True)
    found = work.query(body.query, Scope(), inner).columns
    if inner.functions and found is not None:
        found = [(name, Reach(reach.flows, None, reach.opaque)) for name, reach in found]
    views[relation.oid] = found
    if inner.functions or inner.runs_code or inner.confidence is Confidence.OPAQUE:
        coded.add(relation.oid)
        work.runs_code = True
    return found


def _called(entry: Entry, alias: ir.Alias | None) -> Entry:
    return entry if alias is None else entry.renamed(alias.name, alias.columns)


def _derived(item: ir.Derived, scope: Scope, work: Work) -> Item:
    result = work.query(item.query, scope, work)
    name, renames = (item.alias.name, item.alias.columns) if item.alias else ("", ())
    return Item.of(answered(name, result, renames))


def _functions(item: ir.Functions, scope: Scope, work: Work) -> Item:
    called = item.alias.name if item.alias else item.names[0]
    entry = Entry(called, [])
    plain = _converted(item.types, work)
    for call, name in zip(item.calls, item.names, strict=True):
        # A single function's value is called as the item is, one of several by its own name.
        _rows(entry, call, item, called if len(item.calls) == 1 else name, scope, work)
    if not plain:
        entry.columns = [(name, Reach(reach.flows, None, True)) for name, reach in entry.columns]
    if item.ordinality:
        entry.columns.append(("ordinality", CLEAR))
    return Item.of(_called(entry, item.alias))


def _converted(types: tuple[tuple[str | None, str], ...], work: Work) -> bool:
    """Whether rows are converted to these types without running what a domain checks; if not, it is noted as a call."""
    plain = True
    for schema, name in types:
        if not work.catalog.cast_is_plain(schema, name, work.path):
            work.function(f"cast to {name}")
            plain = False
    return plain


def _rows(entry: Entry, call: ir.Expr, item: ir.Functions, label: str, scope: Scope, work: Work) -> None:
    """Adds the columns of one function's result to the entry of its FROM item."""
    if item.columns is None and isinstance(call, ir.Call) and call.name == "unnest" and len(call.args) > 1:
        # Each array is unfolded by itself.
        for arg in call.args:
            one = ir.Call(call.schema, call.name, [arg])
            _rows(entry, one, item, "unnest", scope, work)
        return
    whole = resolve(call, scope, work).derived()
    if item.columns is not None:
        entry.columns += [(name, whole) for name in item.columns]
    elif isinstance(call, ir.Call) and (call.name in OPEN or whole.opaque):
        entry.open = True
    else:
        found = columns_of(call, scope, work)
        entry.vague = entry.vague or found is None
        entry.columns += [(name, whole) for name in found or (label,)]


def _join(join: ir.Join, scope: Scope, outer: Scope, work: Work) -> Item:
    left = source(join.left, scope, outer, work)
    beside = Scope([*scope.items, left], scope.parent, scope.ctes)
    right = source(join.right, beside, outer, work)
    both = Item([*left.entries, *right.entries], [], left.open or right.open)
    if left.vague is not None or right.vague is not None:
        both.vague = union([side.vague for side in (left, right) if side.vague is not None])
    common = join.using
    if join.natural:
        if both.open or both.vague is not None:
            work.opaque("NATURAL JOIN with columns that are not known")
        names = {name for name, _ in right.visible}
        common = tuple(name for name, _ in left.visible if name in names)
    if common is None:
        both.visible = [*left.visible, *right.visible]
        # What stands beside the join is not seen in its condition; names are looked for further out.
        condition(join.on, Scope([both], scope.parent, scope.ctes), work)
    else:
        shared = _using(common, left, right, work)
        both.visible = [*shared, *_without(left.visible, common), *_without(right.visible, common)]
        if join.using_alias:
            both.entries.append(Entry(join.using_alias, shared))
    if join.alias is not None:
        entry = Entry("", both.visible, both.open, vague=both.vague is not None)
        return Item.of(entry.renamed(join.alias.name, join.alias.columns))
    return both


def _using(common: tuple[str, ...], left: Item, right: Item, work: Work) -> list[tuple[str, Reach]]:
    shared = []
    plain = known_operator(None, "=", work)
    for name in common:
        sides = [_one(side, name) for side in (left, right)]
        for side in sides:
            work.use(side, "join")
            if side.opaque:
                work.opaque(f"USING column `{name}` is not known on both sides")
        both = merged(*sides)
        shared.append((name, both if plain else Reach(both.flows, None, True)))
    return shared


def _one(item: Item, name: str) -> Reach:
    found = [reach for known, reach in item.visible if known == name]
    if item.vague is not None:
        return union((*found, item.vague))
    return found[0] if len(found) == 1 else OPAQUE


def _without(columns: list[tuple[str, Reach]], names: tuple[str, ...]) -> list[tuple[str, Reach]]:
    return [column for column in columns if column[0] not in names]
