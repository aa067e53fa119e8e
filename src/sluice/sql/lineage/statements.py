"""A statement to its span. `analyze` never raises: whatever surprises it makes the span opaque."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from sluice.model.columns import ColumnRef, TableRef
from sluice.sql import bodies, ir
from sluice.sql.catalog import Catalog
from sluice.sql.lineage import queries, writes
from sluice.sql.lineage.expressions import resolve
from sluice.sql.lineage.predicates import condition
from sluice.sql.lineage.reach import CLEAR, OPAQUE, Entry, Reach, union
from sluice.sql.lineage.scope import Item, Result, Scope
from sluice.sql.lineage.sources import find, table
from sluice.sql.lineage.work import QUERY, Context, TooMuch, Work
from sluice.sql.span import Access, Action, Confidence, Flow, Output, SessionEffect, Span, Touch

_SEVERITY: tuple[Action, ...] = ("session", "read", "write", "define", "destroy", "administer")
_DEEPEST = 200


def analyze(statement: bodies.Statement, catalog: Catalog, context: Context) -> Span:
    """What the statement does, by this catalog and in this context."""
    try:
        span = _body(statement.body, catalog, context)
    except (RecursionError, TooMuch):
        span = _unknown("the statement is too complex to be followed", "54001")
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        # A surprise in the analysis must not become a hole in it.
        span = _unknown(f"the analysis failed ({type(error).__name__})", "0A000")
    if statement.fixed or span.confidence is Confidence.OPAQUE:
        return replace(span, literals_matter=True)
    return span


def query(item: ir.Query, scope: Scope, work: Work) -> Result:
    """Any query, wherever it stands."""
    work.depth += 1
    work.step(QUERY)
    around = work.gathering, work.gathers, work.sorts
    work.gathering, work.gathers, work.sorts = [] if isinstance(item, ir.Select) and item.gathered else None, 0, []
    try:
        if work.depth > _DEEPEST:
            work.opaque("queries nested too deeply")
            return Result(None)
        result = _query(item, scope, work)
        work.gathered(union([reach for _, reach in result.columns or ()]))
        work.aggregated()
        return result
    finally:
        work.depth -= 1
        work.gathering, work.gathers, work.sorts = around


def _query(item: ir.Query, scope: Scope, work: Work) -> Result:
    match item:
        case ir.Select():
            return queries.select(item, scope, work)
        case ir.Values():
            return queries.values(item, scope, work)
        case ir.Combine():
            return queries.combine(item, scope, work)
        case ir.Insert():
            return writes.insert(item, scope, work)
        case ir.Update():
            return writes.update(item, scope, work)
        case ir.Delete():
            return writes.delete(item, scope, work)
        case ir.Merge():
            return writes.merge(item, scope, work)
        case _:
            assert_never(item)


def _body(body: bodies.Body, catalog: Catalog, context: Context) -> Span:
    match body:
        case bodies.Run():
            return _run(body.query, catalog, context)
        case bodies.CreateFrom():
            return _create_from(body, catalog, context)
        case bodies.Copy():
            return _copy(body, catalog, context)
        case bodies.Explain():
            return _explain(_body(body.inner, catalog, context), body, context)
        case bodies.Keep():
            return _keep(body, _body(body.inner, catalog, context), catalog, context)
        case bodies.Recall():
            return _recall(body, catalog, context)
        case bodies.Utility():
            return _utility(body, catalog, context)
        case bodies.Unparsed():
            return _unknown(body.reason, body.code)
        case _:
            assert_never(body)


def _unknown(reason: str, code: str) -> Span:
    return Span(
        "unparsed",
        "administer",
        Confidence.OPAQUE,
        frozenset({"read", "write", "define", "destroy", "administer"}),
        reasons=(reason,),
        code=code,
        effects=(SessionEffect("catalog"), SessionEffect("context")),
    )


def _work(catalog: Catalog, context: Context) -> Work:
    return Work(catalog, context, context.search_path, query)


def _verb(item: ir.Query) -> str:
    kinds: dict[type, str] = {ir.Insert: "insert", ir.Update: "update", ir.Delete: "delete", ir.Merge: "merge"}
    return kinds.get(type(item), "select")


def _run(item: ir.Query, catalog: Catalog, context: Context) -> Span:
    work = _work(catalog, context)
    result = query(item, Scope(), work)
    return _span(_verb(item), work, _outputs(result.columns), returns=_returns(item))


def _returns(item: ir.Query) -> bool:
    return not isinstance(item, ir.Insert | ir.Update | ir.Delete | ir.Merge) or bool(item.returning)


def _outputs(columns: list[tuple[str, Reach]] | None) -> tuple[Output, ...] | None:
    if columns is None:
        return None
    return tuple(
        Output(name, reach.flows, reach.plain if len(reach.flows) >= 1 else None, reach.opaque, reach.shown)
        for name, reach in columns
    )


def _span(
    verb: str,
    work: Work,
    outputs: tuple[Output, ...] | None,
    *,
    returns: bool = True,
    actions: Iterable[Action] = (),
    effects: tuple[SessionEffect, ...] = (),
) -> Span:
    for kind in work.catalog.unclear(_columns(work, outputs)):
        work.function(f"type {kind}")
    found: set[Action] = {*work.actions, *actions}
    if any(touch.access == "read" for touch in work.tables) or not found:
        found.add("read")
    if work.functions:
        found.add("write")
    if work.confidence is Confidence.OPAQUE:
        effects = (*effects, SessionEffect("context"), SessionEffect("catalog")) if work.functions else effects
    if work.runs_code and not any(effect.kind == "context" for effect in effects):
        # A trigger, or a function in a view, may have set another search path or role.
        effects = (*effects, SessionEffect("context"))
    return Span(
        verb=verb,
        action=_severest(found),
        confidence=work.confidence,
        actions=frozenset(found),
        outputs=outputs if returns else None,
        tables=tuple(work.tables),
        uses=frozenset(work.uses | work.joined if work.grows else work.uses),
        writes=tuple(work.writes),
        functions=frozenset(work.functions),
        effects=effects,
        bounded=work.bounded,
        literals_matter=work.literals_matter,
        reasons=tuple(work.reasons),
        runs_code=work.runs_code,
    )


def _columns(work: Work, outputs: tuple[Output, ...] | None) -> Iterator[ColumnRef]:
    """Every column whose value the statement touches."""
    for output in outputs or ():
        yield from (flow.column for flow in output.flows)
    yield from (use.column for use in work.uses)
    for write in work.writes:
        yield write.target
        yield from (flow.column for flow in write.flows)


def _severest(actions: Iterable[Action]) -> Action:
    return max(actions, key=_SEVERITY.index)


def _create_from(body: bodies.CreateFrom, catalog: Catalog, context: Context) -> Span:
    work = _work(catalog, context)
    temporary = body.schema == "pg_temp"
    schema = (context.temp_schema or "pg_temp") if temporary else body.schema or _creates_in(context)
    columns: list[tuple[str, Reach]] | None
    if body.executes is not None:
        kept = _recall(bodies.Recall("execute", body.executes, body.args), catalog, context)
        _absorb(kept, work)
        columns = None if kept.outputs is None else [(o.name, Reach(o.flows, o.plain, o.opaque)) for o in kept.outputs]
    else:
        columns = None if body.query is None else query(body.query, Scope(), work).columns
    if columns is None:
        work.opaque("a relation is made of a query whose columns are not known")
        columns = []
    if body.stores and body.verb != "create view":
        for index, (name, reach) in enumerate(columns):
            named = body.columns[index] if index < len(body.columns) else name
            work.write(ColumnRef(schema, body.name, named), reach)
    work.touch(TableRef(schema, body.name), "define")
    effects = (SessionEffect("catalog"), *((SessionEffect("context"),) if temporary else ()))
    return _span(body.verb, work, None, actions=("define",), effects=effects)


def _creates_in(context: Context) -> str:
    own = [name for name in context.search_path if name not in ("pg_catalog", context.temp_schema)]
    return own[0] if own else "public"


def _absorb(span: Span, work: Work) -> None:
    """Takes a kept statement's doings into one that runs it."""
    for touch in span.tables:
        work.tables[touch] = None
    work.uses |= span.uses
    work.functions |= span.functions
    work.runs_code = work.runs_code or span.runs_code
    work.writes += span.writes
    work.actions |= span.actions
    work.bounded = work.bounded and span.bounded
    work.confidence = min(work.confidence, span.confidence)
    for reason in span.reasons:
        work.reasons[reason] = None


def _copy(body: bodies.Copy, catalog: Catalog, context: Context) -> Span:
    work = _work(catalog, context)
    scope = Scope()
    incoming = body.shape.direction == "in"
    access: Access = "copy-in" if incoming else "copy-out"
    columns: list[tuple[str, Reach]] | None = []
    if body.query is not None:
        columns = query(body.query, scope, work).columns
        if not _returns(body.query):
            columns = []
    elif body.table is not None:
        own = table(body.table, scope, work, access, common=False)
        relation = find(body.table, work)
        if relation is not None and relation.has_rules and relation.kind not in ("view", "matview"):
            work.opaque(f"`{relation.schema}.{relation.name}` has rewrite rules")
        work.runs_code = work.runs_code or (incoming and (relation is None or writes.runs_code(relation, work)))
        names = body.columns or tuple(name for name, _ in own.columns)
        if incoming:
            writes.keyed(names, own, relation, work)
        columns = None if own.open else [(name, own.get(name) or OPAQUE) for name in names]
        condition(body.where, scope.inside([Item.of(own)]), work)
    if body.server_side:
        work.opaque("COPY with a file or program of the server")
        work.actions.add("administer")
    actions: tuple[Action, ...] = ("write",) if incoming else ("read",)
    span = _span("copy", work, None if incoming else _outputs(columns), actions=actions)
    return replace(span, copy=body.shape, literals_matter=True)


def _explain(inner: Span, body: bodies.Explain, context: Context) -> Span:
    runs = body.analyze
    # Numbers tell of values: how wide rows are on average, how many bytes were made, how much memory a sort took.
    numbers = runs or body.costs
    shown = [output.flows for output in inner.outputs or ()] + [write.flows for write in inner.writes]
    flows = frozenset[Flow]().union(*shown) if numbers else frozenset[Flow]()
    opaque = inner.confidence is Confidence.OPAQUE or (numbers and any(each.opaque for each in inner.outputs or ()))
    opaque = opaque or (body.settings and context.stained)
    actions = inner.actions if runs else frozenset[Action]({"read"})
    return replace(
        inner,
        verb="explain",
        action=_severest(actions),
        actions=actions,
        outputs=(Output("QUERY PLAN", flows, opaque=opaque),),
        writes=inner.writes if runs else (),
        effects=inner.effects if runs else (),
        bounded=inner.bounded if runs else True,
        literals_matter=True,
        copy=None,
        prepared=inner,
    )


def _keep(body: bodies.Keep, inner: Span, catalog: Catalog, context: Context) -> Span:
    code = {
        f"cast to {name}" for schema, name in body.types if not catalog.cast_is_plain(schema, name, context.search_path)
    }
    if code:
        # Its parameters are converted to these types whenever it runs.
        inner = replace(inner, functions=inner.functions | code, confidence=Confidence.OPAQUE)
    effect = SessionEffect(body.verb, (body.name, "hold") if body.hold else (body.name,))
    return replace(
        inner, verb=body.verb, outputs=None, effects=(effect,), literals_matter=True, copy=None, prepared=inner
    )


def _recall(body: bodies.Recall, catalog: Catalog, context: Context) -> Span:
    work = _work(catalog, context)
    for arg in body.args:
        resolve(arg, Scope(), work)
    known = context.prepared if body.verb == "execute" else context.cursors
    spans = known.get(body.name, ())
    effect = SessionEffect(body.verb, (body.name,))
    if len(spans) != 1:
        work.opaque(f"`{body.name}` is not known to name one statement")
        return replace(_span(body.verb, work, None, actions=("read", "write"), effects=(effect,)), literals_matter=True)
    _absorb(spans[0], work)
    outputs = () if body.moves else spans[0].outputs
    span = _span(body.verb, work, outputs, effects=(*spans[0].effects, effect), returns=not body.moves)
    return replace(span, literals_matter=True, copy=spans[0].copy)


def _utility(body: bodies.Utility, catalog: Catalog, context: Context) -> Span:
    work = _work(catalog, context)
    for item, access in body.tables:
        relation = find(item, work)
        ref = (
            TableRef(relation.schema, relation.name)
            if relation
            else TableRef(item.schema or _creates_in(context), item.name)
        )
        work.tables[Touch(ref, _access(access))] = None
    _inside(body, work)
    stained = body.free and context.stained
    if not body.clear or stained:
        work.opaque("code that ran before may have set it" if stained else body.reason)
    outputs = tuple(Output(name, frozenset(), None, stained or not body.clear) for name in body.outputs)
    work.actions = {body.action}
    span = _span(body.verb, work, outputs or None, effects=body.effects)
    if not any(touch.access == "read" for touch in work.tables):
        span = replace(span, actions=frozenset({body.action}), action=body.action)
    return span


def _inside(body: bodies.Utility, work: Work) -> None:
    """Walks the expressions of a statement that is no query: they see the columns of all tables that it names."""
    columns: dict[str, Reach] = {}
    for item, _ in body.tables:
        relation = find(item, work)
        if relation is not None:
            for column in relation.columns:
                ref = ColumnRef(relation.schema, relation.name, column.name)
                own = Reach(frozenset((Flow(ref, "value"),)), ref)
                known = columns.get(column.name)
                columns[column.name] = own if known is None else union((known, own))
    for name in body.columns:
        columns.setdefault(name, CLEAR)
    called = body.tables[0][0].name if body.tables else ""
    scope = Scope([Item.of(Entry(called, list(columns.items()), stored=True))])
    for expr in body.exprs:
        condition(expr, scope, work)
    for name, expr in body.rewrites:
        # Whether it can be computed of every row tells of all of them.
        reach = condition(expr, scope, work)
        relation = find(body.tables[0][0], work)
        if relation is not None:
            work.write(ColumnRef(relation.schema, relation.name, name), reach)


def _access(name: str) -> Access:
    known: dict[str, Access] = {"truncate": "truncate", "destroy": "destroy", "define": "define", "read": "read"}
    return known[name]
