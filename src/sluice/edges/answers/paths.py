"""How labelled data moved: from column to column by what was written, from column to people by what was read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sluice.edges.answers.ask import Answers

_EDGES = """
with ran as (
    select f.shape, f.session, f.n, f.time, coalesce(f.rows, l.rows) as rows, coalesce(f.ended, l.ended, '') as ended
    from facts f left join late l on l.session = f.session and l.n = f.n where {when}
), counted as (
    select ran.shape, s.source, s.identity.kind || ':' || s.identity.name as who, count(*) as statements,
        sum(ran.rows)::UBIGINT as rows, min(ran.time) as first, max(ran.time) as last,
        arg_max(s.connection || '-' || ran.n, ran.time) as newest
    from ran join sessions s using (session) where ended not in ('failed', 'skipped', 'prepared') group by all
), written as (
    select shape, w."column" as target, unnest(w.flows) as flow
    from (select shape, unnest(writes) as w from shapes where outcome = 'allow')
), shown as (
    select shape, o.mask as mask, unnest(o.flows) as flow
    from (select shape, unnest(outputs) as o from shapes where outcome = 'allow' and step <> 'prepare')
)
select 'write' as kind, c.source, w.flow."column" as origin, w.target as target, list_sort(list_distinct(flatten(list(w.flow.labels)))) as labels,
    c.who, '' as mask, sum(statements)::UBIGINT, sum(rows)::UBIGINT, min(first), max(last), arg_max(newest, last)
from counted c join written w using (shape) group by all
union all
select 'read', c.source, v.flow."column", c.who, list_sort(list_distinct(flatten(list(v.flow.labels)))), c.who, v.mask,
    sum(statements)::UBIGINT, sum(rows)::UBIGINT, min(first), max(last), arg_max(newest, last)
from counted c join shown v using (shape) where coalesce(c.rows, 1) > 0 group by all
order by all
"""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where data is: a column of a source, or (`source` empty) with a person."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}" if self.source else self.name


@dataclass(frozen=True, slots=True)
class Edge:
    """Data went from one place to another, by whose statements. `mask`: how it was shown (`clear` or the method); empty: written."""

    origin: Place
    target: Place
    who: str
    mask: str
    labels: tuple[str, ...]
    statements: int
    rows: int | None
    first: datetime
    last: datetime
    newest: str


@dataclass(frozen=True, slots=True)
class Paths:
    """What was found: the places asked for, and the edges that lead on from them (to a person: to them), by distance."""

    begin: tuple[Place, ...]
    edges: tuple[tuple[int, Edge], ...]


def paths(answers: Answers, what: str, since: datetime | None = None, depth: int = 8) -> Paths:
    """The ways of a label, a column, a table, or of a person (`alice`, `user:alice`)."""
    values = {} if since is None else {"since": since}
    query = _EDGES.format(when="true" if since is None else "f.time >= $since")
    edges = [_edge(row) for row in answers.rows(query, values)[1]]
    people = {edge.who for edge in edges if what in (edge.who, edge.who.partition(":")[2])}
    if people:
        own = [edge for edge in edges if edge.who in people]
        return Paths(tuple(sorted(Place("", who) for who in people)), tuple((0, edge) for edge in own))
    begin = {edge.origin for edge in edges if _is(edge.origin, what) or any(_below(one, what) for one in edge.labels)}
    begin |= {edge.target for edge in edges if edge.target.source and _is(edge.target, what)}
    # What another beginning leads to begins nowhere itself.
    reached = {edge.target for edge in edges if edge.origin in begin and edge.target != edge.origin}
    return Paths(tuple(sorted(begin - reached or begin)), tuple(_walk(edges, begin - reached or begin, depth)))


def _walk(edges: Iterable[Edge], begin: set[Place], depth: int) -> Iterable[tuple[int, Edge]]:
    leaving: dict[Place, list[Edge]] = {}
    for edge in edges:
        leaving.setdefault(edge.origin, []).append(edge)
    waiting, known = deque((place, 0) for place in sorted(begin)), set(begin)
    while waiting:
        place, far = waiting.popleft()
        for edge in leaving.get(place, ()):
            yield far, edge
            if edge.target.source and edge.target not in known and far + 1 < depth:
                known.add(edge.target)
                waiting.append((edge.target, far + 1))


def _edge(row: tuple[object, ...]) -> Edge:
    kind, source, origin, target, labels, who, mask, statements, rows, first, last, newest = row
    there = Place(str(source), str(target)) if kind == "write" else Place("", str(target))
    return Edge(
        Place(str(source), str(origin)), there, str(who), str(mask), tuple(labels or ()),  # type: ignore[arg-type]
        int(statements), rows, first, last, str(newest),  # type: ignore[call-overload,arg-type]
    )  # fmt: skip


def _is(place: Place, what: str) -> bool:
    return (
        what in (place.name, str(place)) or place.name.endswith(f".{what}") or f".{place.name}".find(f".{what}.") >= 0
    )


def _below(label: str, what: str) -> bool:
    return label == what or label.startswith(f"{what}.")
