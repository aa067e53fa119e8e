"""`sluice sessions`: who is connected now, and ending one of them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from sluice.edges.config import load
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.revoke import put
from sluice.faces.cli.statuses import Failure, Status
from sluice.runtime.roster import everybody
from sluice.runtime.standing import OpenSession

_KEPT_SECONDS = 86_400.0


def list_sessions(context: typer.Context, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List the sessions that are open on this machine's gateway, the oldest first.

    Run it as the gateway's own user: the socket it asks is in the log's folder.

    Examples:

      sluice sessions

      sluice sessions --json
    """
    if context.invoked_subcommand is not None:
        return
    found = _open(config)
    out = Output(json)
    out.data(found)
    now = time.time()
    rows = [
        (
            one.id,
            one.identity,
            one.source,
            one.purpose,
            one.address,
            _ago(now - one.since),
            "idle" if one.idle else "at work",
            ", ".join(one.seen),
        )
        for one in found
    ]
    out.table(("session", "who", "source", "purpose", "from", "for", "is", "has seen"), rows)
    if not rows:
        out.say("nobody is connected", "note")


def kill(
    session: Annotated[str, typer.Argument(metavar="ID", help="The session, as `sluice sessions` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; its client reads it.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """End a session within a second: what it runs is cut off, and its client is told.

    Who it was may connect again; `sluice revoke user` is what keeps them out.

    Examples:

      sluice sessions kill 5f0c2a9d31b7e84c --reason "left running over night"
    """
    if all(one.id != session for one in _open(config)):
        raise Failure(Status.FAILED, f"there is no open session `{session}`", "see `sluice sessions`")
    entry = put(config, "session", session, reason, time.time() + _KEPT_SECONDS)
    out = Output(json)
    out.data(entry)
    out.say(f"session `{session}` is being ended", "ok")


def _open(config: ConfigPath) -> list[OpenSession]:
    try:
        return everybody(load(config).audit.path)
    except OSError as error:
        raise Failure(
            Status.UNREACHABLE, f"the gateway cannot be asked: {error}", "is it running, and are you its user?"
        ) from error


def _ago(seconds: float) -> str:
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


app = typer.Typer(help="Who is connected now.", invoke_without_command=True)
app.callback()(reported(list_sessions))
app.command("kill")(reported(kill))
