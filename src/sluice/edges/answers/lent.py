"""What was lent to somebody while they saw something: grants and break-glass openings, by the events that began and ended them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sluice.edges.answers.ask import Answers

_LENT = """
select b.line->>'identity' as whose, b.source, b.time as begin,
    least((b.line->>'ends')::TIMESTAMPTZ, coalesce(e.time, (b.line->>'ends')::TIMESTAMPTZ)) as until,
    (b.line->>'kind') || ' ' || (b.line->>'grant') || ' of ' || (b.line->>'role') as what,
    coalesce(from_json(b.line->'by', '["VARCHAR"]'), []) as by
from others b left join (
    select line->>'grant' as name, min(time) as time from others where event = 'grant-ended' group by all
) e on e.name = b.line->>'grant'
where b.event = 'grant-began' order by b.time
"""


class Lent(NamedTuple):
    """A group that was lent: to whom (`user:dana`), on which source, from when to when, and what it was in words."""

    whose: str
    source: str
    begin: datetime
    until: datetime
    what: str


def lent(answers: Answers) -> list[Lent]:
    """All that was ever lent, the oldest first."""
    _, rows = answers.rows(_LENT)
    return [
        Lent(whose, source, begin, until, f"{what} approved by {', '.join(by)}" if by else what)
        for whose, source, begin, until, what, by in rows
    ]


def at_that_time(known: list[Lent], one: dict[str, Any]) -> list[str]:
    """What was lent to who received it, or to whom they act for, at its `time`, or between its `first` and `last`."""
    first, last = (one["time"],) * 2 if "time" in one else (one["first"], one["last"])
    return [
        each.what
        for each in known
        if each.source == one["source"]
        and each.begin <= last
        and first < each.until
        and (
            each.whose == f"{one['kind']}:{one['who']}"
            or (one["on_behalf_of"] is not None and each.whose.partition(":")[2] == one["on_behalf_of"])
        )
    ]
