"""`sluice approvals`: what waits for humans, and their answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sluice.faces.cli.api import Who, call, clock, reason_for
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output

Id = Annotated[str, typer.Argument(metavar="ID", help="The request's id, as its notice and `list` show it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded, and told to who asked.")]
_MOST_TEXT = 60


def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Also those that were answered or ended.")] = False,
    who: Who = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List the requests that wait for an answer: your own, and those you may answer.

    Examples:

      sluice approvals list --as olga
    """
    found = call(config, who, "GET", "/v1/requests" + ("" if every else "?state=open"))
    out = Output(json)
    out.data(found)
    headings = ("id", "state", "who", "source", "what", "rows", "wants", "until")
    out.table(headings, [_row(each) for each in found])
    if not found:
        out.say("no requests" if every else "no open requests", "note")


def show(request: Id, who: Who = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Show one request: the statement, what it would touch, who asks, why it was held, and what was answered."""
    found = call(config, who, "GET", f"/v1/requests/{request}")
    out = Output(json)
    out.data(found)
    _show(out, found)


def approve(
    request: Id, reason: Why = "", who: Who = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False
) -> None:
    """Approve a request. You have to be in a group that it asks, and it must not be your own.

    Examples:

      sluice approvals approve r-7k2m9xqe --reason "ticket 4711" --as olga
    """
    _answer("approve", request, reason_for("an approval", reason), who, config, json)


def deny(
    request: Id, reason: Why = "", who: Who = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False
) -> None:
    """Deny a request; whoever waits for it hears why. One denial is enough."""
    _answer("deny", request, reason_for("a denial", reason), who, config, json)


def withdraw(request: Id, who: Who = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Take back your own request, or an approval of yours that is not used up."""
    found = call(config, who, "POST", f"/v1/requests/{request}/withdraw", {})
    out = Output(json)
    out.data(found)
    out.say(f"{request} is withdrawn", "ok")


def _answer(verdict: str, request: str, reason: str, who: str, config: ConfigPath, json: bool) -> None:
    found = call(config, who, "POST", f"/v1/requests/{request}/{verdict}", {"reason": reason})
    out = Output(json)
    out.data(found)
    state = found["state"]
    more = " (others still have to approve)" if state == "open" else ""
    until = f", until {clock(found['valid_until'])}" if state == "approved" and found["valid_until"] else ""
    out.say(f"{request} is {state}{until}{more}", "ok")


def _row(found: dict[str, Any]) -> tuple[object, ...]:
    detail = found["detail"]
    rows = detail.get("estimated_rows")
    text = " ".join(str(detail.get("statement") or detail.get("why", "")).split())
    short = text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
    return (
        found["id"], found["state"], found["requester"], found["source"], short, "" if rows is None else rows,
        _wants(found), clock(found["closes_at"]),
    )  # fmt: skip


def _wants(found: dict[str, Any]) -> str:
    return ", ".join(f"{need['count']} of {need['group']}" for need in found["needs"])


def _show(out: Output, found: dict[str, Any]) -> None:
    detail = found["detail"]
    rows = [
        ("request", f"{found['id']} ({found['kind']})"),
        ("state", found["state"]),
        ("who", found["requester"]),
        ("source", f"{found['source']} ({found['environment']})"),
        ("purpose", found["purpose"] or "none"),
        ("why asked", found["reason"]),
        ("held because", detail.get("why", "")),
        ("statement", detail.get("statement", "")),
        ("parameters", ", ".join(detail.get("parameters", ()))),
        ("touches", ", ".join(f"{one['table']} ({one['access']})" for one in detail.get("tables", ()))),
        ("calls", ", ".join(detail.get("functions", ()))),
        ("labels", ", ".join(detail.get("labels", ()))),
        ("estimated rows", detail.get("estimated_rows")),
        ("wants", _wants(found)),
        ("answer until", clock(found["closes_at"])),
        ("used", f"{found['used']} of {found['uses']}" if found["valid_until"] else ""),
    ]
    for name, value in rows:
        if value not in ("", None):
            out.say(f"{name:>14}  {value}")
    for vote in found["votes"]:
        done = "approved" if vote["verdict"] == "approve" else "denied"
        out.say(f"{done:>14}  by {vote['voter']} at {clock(vote['at'])} ({vote['channel']}): {vote['reason']}")


app = typer.Typer(help="What waits for humans, and their answers.", no_args_is_help=True)
app.command("list")(reported(list_requests))
app.command("show")(reported(show))
app.command("approve")(reported(approve))
app.command("deny")(reported(deny))
app.command("withdraw")(reported(withdraw))
