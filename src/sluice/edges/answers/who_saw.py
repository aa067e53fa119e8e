"""Who received a label, a column, a table or a person's data: when, how much, in clear or masked, under which policies, approved by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.lent import at_that_time, lent
from sluice.edges.answers.persons import Narrowed, Subject, seen_of
from sluice.edges.answers.shape import UNSEEN
from sluice.edges.answers.summed import from_when, summed

_LABELS = "list_concat(coalesce(o.labels, []), flatten(list_transform(coalesce(o.flows, []), lambda f: coalesce(f.labels, []))))"
_BY_LABEL = f"len(list_filter({_LABELS}, lambda l: l = $what or starts_with(l, $what || '.'))) > 0"
_BY_COLUMN = """len(list_filter(coalesce(o.flows, []), lambda f: f."column" = $what or ends_with(f."column", '.' || $what)
    or starts_with(f."column", $what || '.') or contains(f."column", '.' || $what || '.'))) > 0"""

_HITS = """
with shown as (
    select shape, unnest(outputs) as o from shapes where outcome = 'allow' and step <> 'prepare'
), hits as (
    select shape, bool_or(o.mask = 'clear') as clear, list_sort(list_distinct(list(o.mask) filter (o.mask <> 'clear'))) as masks
    from shown where {matching} group by shape
), chosen as (
    select shape, clear, masks from hits where {how}
)
"""

_EVENTS = f"""
, people as (
    select caller from callers s where {{whose}}
), newest as (
    select f.time, f.shape, f.session, f.n, coalesce(f.rows, l.rows) as rows, c.clear, c.masks
    from facts f join chosen c using (shape) left join late l on l.session = f.session and l.n = f.n
    where {{when}} and f.caller in (select caller from people) and coalesce(f.ended, l.ended, '') not in {UNSEEN}
        and coalesce(f.rows, l.rows, 1) > 0
    order by f.time desc limit {{limit}}
)
select e.time, s.connection || '-' || e.n as id, s.identity.kind as kind, s.identity.name as who,
    s.identity.on_behalf_of.name as on_behalf_of, s.source, h.purpose, e.clear, e.masks, e.rows, h.policies,
    h.approval.request as approval, [a.by for a in coalesce(h.approval.by, [])] as approved_by,
    h.normalized as text
from newest e join sessions s using (session) join shapes h using (shape) order by e.time desc
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `what`: a label (`pii`, `pii.email`), a column (`public.customers.email`, `customers.email`), a table or a person.

    `clear` True: only who saw it in clear; False: only masked; None: both.
    """

    what: str | Subject
    source: str = ""
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None
    clear: bool | None = None


def kind_of(answers: Answers, what: str) -> str:
    """`label` when anything in the log has this label or one below it, else `column`."""
    _, rows = answers.rows(
        "select count(*) from (select unnest(list_concat(coalesce(revealed, []), coalesce(hidden, []))) as l from shapes) "
        "where l = ? or starts_with(l, ? || '.')",
        (what, what),
    )
    return "label" if rows[0][0] else "column"


def who_saw(answers: Answers, question: Question, *, events: int = 0) -> list[dict[str, Any]]:
    """The answer: by who, source, purpose and how, with what they received; with `events`, the newest so many statements.

    `certain` False: the log cannot tell whether it was of the person asked about. `grants`: what was lent to them at the time.
    """
    found, known = _found(answers, question, events), lent(answers)
    return [{"certain": True, **one, "grants": at_that_time(known, one)} for one in found]


def _found(answers: Answers, question: Question, events: int) -> list[dict[str, Any]]:
    how = {None: "true", True: "clear", False: "not clear"}[question.clear]
    values: dict[str, object] = {}
    when, whose = ["true"], ["true"]
    for name, sign, moment in (("since", ">=", question.since), ("until", "<", question.until)):
        if moment is not None:
            when.append(f"f.time {sign} ${name}")
            values[name] = moment
    if question.source:
        whose.append("s.source = $source")
        values["source"] = question.source
    if question.who:
        whose.append("(s.identity.name = $who or s.identity.on_behalf_of.name = $who)")
        values["who"] = question.who
    if isinstance(question.what, Subject):
        narrowed = Narrowed(" and ".join(when), " and ".join(whose), how, values)
        return seen_of(answers, question.what, narrowed, events)
    matching = _BY_LABEL if kind_of(answers, question.what) == "label" else _BY_COLUMN
    values["what"] = question.what
    hits = _HITS.format(matching=matching, how=how)
    if not events:
        return summed(answers, hits, " and ".join(whose), question.since, question.until, values)
    newest = from_when(answers, hits, " and ".join(whose), question.until, events, values)
    if newest is not None and (question.since is None or newest > question.since):
        when.append("f.time >= $newest")
        values["newest"] = newest
    query = hits + _EVENTS.format(when=" and ".join(when), whose=" and ".join(whose), limit=events)
    names, rows = answers.rows(query, values)
    return [dict(zip(names, row, strict=True)) for row in rows]
