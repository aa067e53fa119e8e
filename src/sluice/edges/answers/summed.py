"""The answer to who saw a label, a column or a table, from what is added up week by week.

Whole weeks are read from `seen`; of the weeks that a question begins and ends in, the statements themselves. A statement whose end
was not in the same slice of the log as its beginning is in neither sum, and is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.shape import UNSEEN, WEEK

_PARTS = f"""
, people as (
    select caller, identity.kind as kind, identity.name as who, identity.on_behalf_of.name as on_behalf_of, source
    from callers s where {{whose}}
), parts as (
    select shape, caller, statements, rows, first, last, session, n from seen
    where {{weeks}} and shape in (select shape from chosen) and caller in (select caller from people)
    union all
    {{edges}}
    select o.shape, o.caller, 1, l.rows, o.time, o.time, o.session, o.n
    from open o left join late l using (session, n)
    where {{when}} and o.shape in (select shape from chosen) and o.caller in (select caller from people)
        and coalesce(l.ended, '') not in {UNSEEN} and coalesce(l.rows, 1) > 0
), summed as (
    select shape, caller, sum(statements) as statements, sum(rows) as rows, min(first) as first, max(last) as last,
        arg_max(session, last) as session, arg_max(n, last) as n
    from parts group by shape, caller
), answered as (
    select p.kind, p.who, p.on_behalf_of, p.source, h.purpose, c.clear, c.masks, sum(t.statements)::BIGINT as statements,
        sum(t.rows)::UBIGINT as rows, min(t.first) as first, max(t.last) as last,
        list_sort(list_distinct(flatten(list(distinct h.policies)))) as policies,
        list_sort(list_distinct(flatten(list(distinct [a.by for a in coalesce(h.approval.by, [])])))) as approved_by,
        arg_max(t.session, t.last) as session, arg_max(t.n, t.last) as n
    from summed t join chosen c using (shape) join people p using (caller) join shapes h using (shape) group by all
)
select a.* exclude (session, n), s.connection || '-' || a.n as newest from answered a join sessions s using (session)
order by clear desc, rows desc nulls last, who
"""
_EDGE = f"""
    select shape, caller, count(*), sum(rows), min(time), max(time), arg_max(session, time), arg_max(n, time)
    from facts where {{span}} and ended is not null and ended not in {UNSEEN} and coalesce(rows, 1) > 0
        and shape in (select shape from chosen) and caller in (select caller from people)
    group by shape, caller
    union all
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def summed(
    answers: Answers,
    hits: str,
    whose: str,
    since: datetime | None,
    until: datetime | None,
    values: Mapping[str, object],
) -> list[dict[str, Any]]:
    """By who, source, purpose and how: with what they received. `hits`: the queries that end in `chosen`, by parameters `values`."""
    begin, end = (
        None if since is None else -(-_micros(since) // WEEK),
        None if until is None else _micros(until) // WEEK,
    )
    values, spans = dict(values), []
    if begin is not None and end is not None and begin >= end:
        # No whole week lies between them.
        weeks, spans = "false", ["time >= $since and time < $until"]
    else:
        weeks = " and ".join(["true", *([f"week >= {begin}"] if since else []), *([f"week < {end}"] if until else [])])
        if begin is not None:
            values["from_week"] = _EPOCH + timedelta(microseconds=begin * WEEK)
            spans.append("time >= $since and time < $from_week")
        if end is not None:
            values["to_week"] = _EPOCH + timedelta(microseconds=end * WEEK)
            spans.append("time >= $to_week and time < $until")
    when = [f"o.time {sign} ${name}" for name, sign, one in (("since", ">=", since), ("until", "<", until)) if one]
    query = hits + _PARTS.format(
        whose=whose, weeks=weeks, edges="".join(_EDGE.format(span=span) for span in spans),
        when=" and ".join(["true", *when]),
    )  # fmt: skip
    names, rows = answers.rows(query, values)
    return [dict(zip(names, row, strict=True)) for row in rows]


def from_when(
    answers: Answers, hits: str, whose: str, until: datetime | None, count: int, values: Mapping[str, object]
) -> datetime | None:
    """Since when at least so many statements were seen, by whole weeks; None: there are not so many."""
    end = "true" if until is None else f"week < {_micros(until) // WEEK}"
    query = f"""{hits}
        select week, sum(statements)::BIGINT from seen where {end} and shape in (select shape from chosen)
            and caller in (select caller from callers s where {whose})
        group by week order by week desc
    """
    given = {name: value for name, value in values.items() if name not in ("since", "until")}
    for week, statements in answers.rows(query, given)[1]:
        count -= statements
        if count <= 0:
            return _EPOCH + timedelta(microseconds=week * WEEK)
    return None


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
