"""The tour: the same queries as four identities, side by side, with the policies that decided; each step checks itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sluice.edges.sinks.jsonl import read
from sluice.faces.demo.hold import show_hold
from sluice.faces.demo.stage import Stage, Visitor

Row = tuple[object, ...]


@dataclass(slots=True)
class Seen:
    """What one visitor got: rows, or the error; and what the log says of it."""

    rows: list[Row] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    code: str = ""
    error: str = ""
    policies: tuple[str, ...] = ()
    event: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One question, what it shows, and what must be so: a check per visitor, in their order."""

    title: str
    sql: str
    checks: tuple[Callable[[Seen], bool], ...]


def _refused(seen: Seen) -> bool:
    return seen.code == "42501"


def _cell(index: int, judged: Callable[[str], bool]) -> Callable[[Seen], bool]:
    return lambda seen: bool(seen.rows) and all(judged(str(row[index])) for row in seen.rows)


def _masked_mail(mail: str) -> bool:
    return "***@example.com" in mail


def _clear_mail(mail: str) -> bool:
    return "***" not in mail and mail.endswith("@example.com")


def _hidden(shown: str) -> bool:
    return shown == "None"


def _either(*checks: Callable[[Seen], bool]) -> Callable[[Seen], bool]:
    return lambda seen: any(check(seen) for check in checks)


_no_mail = _either(
    _refused,
    lambda seen: (
        bool(seen.rows) and not any("@example.com" in str(v) and "***" not in str(v) for r in seen.rows for v in r)
    ),
)

STEPS = (
    Step(
        "Customers: who may see how to reach them, and for what",
        "select id, full_name, email, phone, birth_date from customers order by id limit 3",
        (_cell(2, _clear_mail), _cell(2, _masked_mail), _cell(2, _masked_mail), _no_mail),
    ),
    Step(
        "Disguised: the same value through a function, a whole row, an aggregate",
        "select upper(email) as a, to_jsonb(c)->>'email' as b, (select string_agg(x.email, ', ') from customers x where x.id <= 2) as c "
        "from customers c where id = 1",
        (_either(_refused, lambda seen: "@" in str(seen.rows)), _no_mail, _no_mail, _no_mail),
    ),
    Step(
        "Free text: only what is sensitive in it goes",
        "select id, body from tickets where id in (1, 2, 3, 4) order by id",
        tuple([_no_mail] * 4),
    ),
    Step(
        "Credentials: nobody, for none of these purposes",
        "select service, environment, api_key from api_credentials order by id limit 2",
        tuple([_either(_refused, _cell(2, _hidden))] * 4),
    ),
    Step(
        "Pay: an average for analytics, the rest in steps of ten thousand",
        "select team, round(avg(salary)) as average from staff group by team order by team limit 3",
        (_cell(1, _hidden), _cell(1, str.isdigit), _cell(1, _hidden), _cell(1, _hidden)),
    ),
    Step(
        "Guessing: a condition would tell what a mask hides",
        "select count(*) from customers where national_id like '9%'",
        (_refused, _refused, _refused, _refused),
    ),
    Step("Two in the morning", "drop table payments", (_refused, _refused, _refused, _refused)),
)


def ask(stage: Stage, visitor: Visitor, sql: str) -> Seen:
    """Runs one statement as one visitor, through a connection of its own."""
    seen = Seen()
    with psycopg.connect(stage.dsn(visitor), autocommit=True) as connection:
        try:
            cursor = connection.execute(sql.encode())
            if cursor.description:
                seen.columns = tuple(column.name for column in cursor.description)
                seen.rows = list(cursor.fetchall())
        except psycopg.Error as error:
            seen.code = error.sqlstate or ""
            seen.error = str(error)
    return seen


def tour(stage: Stage, console: Console) -> bool:
    """All steps; whether every one of them behaved."""
    good = True
    for number, step in enumerate(STEPS, 1):
        console.rule(f"[bold]{number}. {step.title}")
        console.print(Text(step.sql, style="cyan"))
        events = _events(stage)
        seen = [ask(stage, visitor, step.sql) for visitor in stage.visitors]
        _explain(seen, _events(stage)[len(events) :])
        good = _judge(step, seen, console, stage.visitors) and good
    good = show_hold(stage, console) and good
    return _show_log(stage, console) and good


def _events(stage: Stage) -> list[dict[str, object]]:
    return [event for line in read(stage.log) if (event := json.loads(line))["event"] == "statement-asked"]


def _explain(seen: Sequence[Seen], events: Sequence[dict[str, object]]) -> None:
    for one, event in zip(seen, events, strict=False):
        policies = event.get("policies")
        one.policies = tuple(str(name) for name in policies) if isinstance(policies, list) else ()
        one.event = str(event.get("id"))


def _judge(step: Step, seen: Sequence[Seen], console: Console, visitors: Sequence[Visitor]) -> bool:
    table = Table(show_lines=True, expand=True)
    for visitor in visitors:
        table.add_column(f"{visitor.title}\n[dim]for {visitor.purpose}")
    verdicts = [check(one) and bool(one.event) for check, one in zip(step.checks, seen, strict=True)]
    table.add_row(*(_shown(one) for one in seen))
    table.add_row(*(Text("\n".join(one.policies) or "no policy permits it", style="magenta") for one in seen))
    console.print(table)
    for visitor, fine in zip(visitors, verdicts, strict=True):
        if not fine:
            console.print(f"[red]this is not what {visitor.title} should have got")
    return all(verdicts)


def _shown(seen: Seen) -> Text:
    if seen.error:
        return Text(seen.error, style="yellow")
    lines = [" | ".join("NULL" if value is None else str(value) for value in row) for row in seen.rows]
    return Text("\n".join(lines))


def _show_log(stage: Stage, console: Console) -> bool:
    console.rule("[bold]What the log kept")
    events = _events(stage)
    for event in events[-4:]:
        identity = event["identity"]
        who = identity["name"] if isinstance(identity, dict) else ""
        console.print(
            Text(
                f"{event['time']}  {who} for {event['purpose']}: {event['verb']} -> {event['outcome']}  hidden {event['hidden']}"
            )
        )
    return len(events) >= len(STEPS) * len(stage.visitors)
