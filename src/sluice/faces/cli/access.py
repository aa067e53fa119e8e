"""`sluice request`, `sluice grants`, `sluice break-glass`, `sluice reviews`: access for a while."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from sluice.faces.cli.api import Who, call, clock, reason_for
from sluice.faces.cli.durations import seconds_of
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output

Source = Annotated[str, typer.Option(help="The source.")]
Role = Annotated[str, typer.Option(help="The group to be a member of.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded, and shown to who answers or reviews.")]
Purpose = Annotated[str, typer.Option(help="What for; without it, your default purpose.")]
Grant = Annotated[str, typer.Argument(metavar="ID", help="The grant's id.")]


def request(
    source: Source,
    role: Role,
    duration: Annotated[str, typer.Option("--for", help="How long, once it is approved: `30m`, `2h`.")],
    reason: Why = "",
    purpose: Purpose = "",
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Ask for membership of a group on one source for a while. It begins when enough people have approved.

    Examples:

      sluice request --source shop --role dba --for 2h --reason "ticket 4711: move the orders of May"
    """
    found = call(config, who, "POST", "/v1/requests", _wish(source, role, duration, reason, purpose, "a request"))
    out = Output(json)
    out.data(found)
    if found["state"] == "used":
        out.say(f"{found['id']}: `{role}` on `{source}` is yours until {clock(found['valid_until'])}", "ok")
        return
    wanted = " and ".join(f"{need['count']} of `{need['group']}`" for need in found["needs"])
    out.say(f"{found['id']} waits for {wanted}, until {clock(found['closes_at'])}", "ok")


def break_glass(
    source: Source,
    role: Role,
    duration: Annotated[str, typer.Option("--for", help="How long: `30m`, `1h`.")] = "30m",
    reason: Why = "",
    purpose: Purpose = "",
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Be a member of a group on one source at once, in an emergency; policy has to permit it. Somebody else reviews it.

    Examples:

      sluice break-glass --source shop --role dba --reason "checkout is down, incident 12"
    """
    found = call(config, who, "POST", "/v1/break-glass", _wish(source, role, duration, reason, purpose, "break-glass"))
    out = Output(json)
    out.data(found)
    out.say(
        f"{found['id']}: `{role}` on `{source}` is yours until {clock(found['ends_at'])}; it will be reviewed", "warn"
    )


def list_grants(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List what is lent: to you, by you, and for reviewers to anybody."""
    found = call(config, who, "GET", "/v1/grants" + ("?all=1" if every else ""))
    out = Output(json)
    out.data(found)
    out.table(_COLUMNS, [_row(each) for each in found])
    if not found:
        out.say("no grants", "note")


def end(grant: Grant, who: Who = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """End a grant early: one of yours, or one that you gave. Open sessions follow within a second."""
    found = call(config, who, "POST", f"/v1/grants/{grant}/end", {})
    out = Output(json)
    out.data(found)
    out.say(f"{grant} has ended", "ok")


def list_reviews(
    every: Annotated[bool, typer.Option("--all", help="Also those that were reviewed.")] = False,
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List break-glass that somebody has to look over."""
    found = call(config, who, "GET", "/v1/reviews" + ("?all=1" if every else ""))
    out = Output(json)
    out.data(found)
    rows = [(*_row(each["grant"]), clock(each["due_at"]), each["verdict"] or "to do") for each in found]
    out.table((*_COLUMNS, "due", "review"), rows)
    if not found:
        out.say("nothing to review", "note")


def review(
    grant: Grant,
    verdict: Annotated[Literal["justified", "abuse"], typer.Option(help="What you found.")],
    note: Annotated[str, typer.Option(help="Why you think so.")],
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Say what you found about somebody else's break-glass; `sluice audit tail --as NAME` shows what they did.

    Examples:

      sluice reviews done g-7k2m9xqe --verdict justified --note "incident 12, only the orders were read"
    """
    found = call(config, who, "POST", f"/v1/reviews/{grant}", {"verdict": verdict, "note": note})
    out = Output(json)
    out.data(found)
    out.say(f"{grant} is reviewed: {verdict}", "ok")


def _wish(source: str, role: str, duration: str, reason: str, purpose: str, what: str) -> dict[str, object]:
    seconds = seconds_of(duration)
    given = {"source": source, "role": role, "seconds": seconds, "reason": reason_for(what, reason)}
    return {**given, "purpose": purpose}


_COLUMNS = ("id", "kind", "who", "source", "role", "until", "by", "reason")


def _row(grant: dict[str, Any]) -> tuple[object, ...]:
    until = clock(grant["ended_at"] or grant["ends_at"])
    by = ", ".join(grant["given_by"]) or "nobody"
    return grant["id"], grant["kind"], grant["identity"], grant["source"], grant["role"], until, by, grant["reason"]


grants = typer.Typer(help="Access that is lent for a while.", no_args_is_help=True)
grants.command("list")(reported(list_grants))
grants.command("end")(reported(end))
reviews = typer.Typer(help="Break-glass, looked over afterwards.", no_args_is_help=True)
reviews.command("list")(reported(list_reviews))
reviews.command("done")(reported(review))
