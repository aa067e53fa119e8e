"""Who received the data of one person: for certain where the log can tell whom a result was about, and else perhaps.

Whom a result was about is told by keyed hashes of identifying values. Where the log has all of an output's, a person is in it or
not. Where it does not (the value was computed from, the list is too long, the key is gone, the end was not seen), the answer is
that they may be: nobody is told that their data was not seen because the log does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.shape import UNSEEN

_FLOWS = "coalesce(o.flows, [])"
_OWN = "len(list_filter(coalesce({of}, []), lambda l: {{naming}})) > 0"
_NAMING = f"""(len(list_filter({_FLOWS}, lambda f: f.kind = 'value' and {_OWN.format(of="f.labels")})) > 0
    or ({_OWN.format(of="o.labels")} and not len(list_filter({_FLOWS}, lambda f: {_OWN.format(of="f.labels")})) > 0))"""
"""An output that carries the values, or whose label nothing explains."""

_SEEN = f"""
with shown as (
    select shape, unnest(outputs) as o, unnest(range(len(outputs))) as output from shapes
    where outcome = 'allow' and step <> 'prepare'
), carrying as (
    select shape, output, o.mask as mask from shown where {_NAMING} or (coalesce(o.opaque, false) and o.mask = 'clear')
    union all
    select shape, -1, 'clear' from shapes where outcome = 'allow' and step <> 'prepare' and outputs is null
        and confidence <> 'exact' and len(list_filter(coalesce(revealed, []), lambda l: {{naming}})) > 0
), exact as (
    select m.session, m.n, m.shown as clear, m.output from named m where m.hash in ({{hashes}}) and {{labelled}}
), read as not materialized (
    select f.time, f.shape, f.session, f.n, coalesce(f.rows, l.rows) as rows, coalesce(f.told, l.told) as told,
        coalesce(f.ended, l.ended, '') as ended
    from facts f left join late l on l.session = f.session and l.n = f.n where {{when}}
), found as (
    select r.time, r.shape, r.session, r.n, r.rows, e.clear, coalesce(s.o.mask, '') as mask, true as certain
    from exact e join read r using (session, n) left join shown s on s.shape = r.shape and s.output = e.output
    union all
    select r.time, r.shape, r.session, r.n, r.rows, c.mask = 'clear', c.mask, false
    from read r join carrying c using (shape)
    where r.ended not in {UNSEEN} and (coalesce(r.rows, 1) > 0 or r.ended = 'lost')
        and not coalesce(split_part(r.told, ',', 1) in ({{keys}}) and contains(r.told, ',' || c.output || ','), false)
), each as (
    select time, shape, session, n, rows, certain, bool_or(clear) as clear,
        list_sort(list_distinct(list(mask) filter (not clear and mask not in ('', 'clear')))) as masks
    from found group by all
), seen as (
    select * from each e where {{how}} and (e.certain or not exists (
        select 1 from each better where better.session = e.session and better.n = e.n and better.certain
            and better.clear >= e.clear))
)
"""

_APPROVERS = "[a.by for a in coalesce(h.approval.by, [])]"
_FROM = "from seen join sessions s using (session) join shapes h using (shape) where {whose}"

_SUMMARY = f"""
select s.identity.kind as kind, s.identity.name as who, s.identity.on_behalf_of.name as on_behalf_of, s.source, h.purpose,
    seen.certain, seen.clear, seen.masks, count(*) as statements, sum(seen.rows)::UBIGINT as rows, min(seen.time) as first,
    max(seen.time) as last, list_sort(list_distinct(flatten(list(distinct h.policies)))) as policies,
    list_sort(list_distinct(flatten(list(distinct {_APPROVERS})))) as approved_by,
    arg_max(s.connection || '-' || seen.n, seen.time) as newest
{_FROM}
group by all order by seen.certain desc, clear desc, rows desc nulls last, who
"""

_EVENTS = f"""
select seen.time, s.connection || '-' || seen.n as id, s.identity.kind as kind, s.identity.name as who,
    s.identity.on_behalf_of.name as on_behalf_of, s.source, h.purpose, seen.certain, seen.clear, seen.masks, seen.rows, h.policies,
    h.approval.request as approval, {_APPROVERS} as approved_by, h.normalized as text
{_FROM}
order by seen.time desc limit {{limit}}
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """One person, by a value that identifies them. `hashes`: of the value, by the id of the key.

    `labels`: what its columns are labelled, by one of these or below; `strict` False: a hash is enough wherever it stands.
    """

    hashes: Mapping[str, int]
    labels: tuple[str, ...]
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What narrows an answer, in SQL over facts (`f`), sessions (`s`) and what was seen, and the values named there."""

    when: str
    whose: str
    how: str
    values: Mapping[str, object]


def seen_of(answers: Answers, subject: Subject, narrowed: Narrowed, events: int) -> list[dict[str, Any]]:
    """Who saw the person's data, summed up; with `events`, the newest so many statements."""
    values = dict(narrowed.values)

    def named(prefix: str, given: Sequence[object]) -> str:
        values.update({f"{prefix}{at}": one for at, one in enumerate(given)})
        return ", ".join(f"${prefix}{at}" for at in range(len(given))) or "null"

    named("label", subject.labels)
    at_all = range(len(subject.labels))
    naming = " or ".join(f"l = $label{at} or starts_with(l, $label{at} || '.')" for at in at_all) or "false"
    labelled = " or ".join(
        f"contains(m.labels, ',' || $label{at} || ',') or contains(m.labels, ',' || $label{at} || '.')" for at in at_all
    )
    seen = _SEEN.format(
        naming=f"({naming})",
        labelled=f"({labelled or 'false'})" if subject.strict else "true",
        hashes=named("hash", tuple(subject.hashes.values())),
        keys=named("key", tuple(subject.hashes)),
        how=narrowed.how,
        when=narrowed.when,
    )
    names, rows = answers.rows(
        seen + (_EVENTS if events else _SUMMARY).format(whose=narrowed.whose, limit=events), values
    )
    return [dict(zip(names, row, strict=True)) for row in rows]
