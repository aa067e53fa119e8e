"""`sluice revoke`: shuts out a user, a token or a session, on every worker within a second."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sluice.edges.config import load
from sluice.edges.revocations import Revocation, lift, listed, revoke
from sluice.edges.revocations.ledger import Kind
from sluice.edges.store import Store, StoreError, place_of
from sluice.edges.store.store import Work
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status

T = TypeVar("T")
Why = Annotated[str, typer.Option(help="Why; whoever is ended by it reads it.")]
Long = Annotated[float, typer.Option("--hours", min=0, help="For how long; without it, until it is lifted.")]


def user(
    name: Annotated[str, typer.Argument(help="The name of a user, service or agent.")],
    reason: Why = "",
    hours: Long = 0,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Shut an identity out: its sessions end, and it cannot log in; nor can an agent that acts for it.

    Examples:

      sluice revoke user dana --reason "left the company"

      sluice revoke user trainer --hours 24
    """
    _revoke(config, "user", name, reason, hours, json)


def token(
    jti: Annotated[str, typer.Argument(metavar="JTI", help="The token's `jti` claim.")],
    reason: Why = "",
    hours: Long = 0,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Refuse a token from now on, and end the sessions that began with it.

    Examples:

      sluice revoke token 9f86d081-884c --reason "found in a chat"
    """
    _revoke(config, "token", jti, reason, hours, json)


def session(
    connection: Annotated[
        str, typer.Argument(metavar="ID", help="The session, as the log or `sluice sessions` shows it.")
    ],
    reason: Why = "",
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """End a session wherever it is, on any machine that shares the store.

    Examples:

      sluice revoke session 5f0c2a9d31b7e84c
    """
    _revoke(config, "session", connection, reason, 24, json)


def list_revocations(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List what is revoked now: users, tokens and sessions, with who did it and why.

    Examples:

      sluice revoke list
    """
    now = time.time()
    found = in_store(config, lambda connection: listed(connection, now))
    out = Output(json)
    out.data(found)
    rows = [(one.id, one.kind, one.subject, one.reason, one.given_by, _when(one.at), _when(one.until)) for one in found]
    out.table(("id", "what", "which", "reason", "by", "since", "until"), rows)
    if not rows:
        out.say("nothing is revoked", "note")


def lift_one(
    entry: Annotated[str, typer.Argument(metavar="ID", help="The entry, as `sluice revoke list` shows it.")],
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Take a revocation back: whoever it shut out may log in again.

    Examples:

      sluice revoke lift v-1f2e3d4c5b6a
    """
    if not in_store(config, lambda connection: lift(connection, entry), "revocations"):
        raise Failure(Status.FAILED, f"there is no revocation `{entry}`", "see `sluice revoke list`")
    out = Output(json)
    out.data({"lifted": entry})
    out.say(f"lifted `{entry}`", "ok")


def put(config: Path, kind: Kind, subject: str, reason: str, until: float | None) -> Revocation:
    """Adds a revocation to the configured store. Raises Failure."""
    now, by = time.time(), getpass.getuser()
    return in_store(config, lambda connection: revoke(connection, kind, subject, reason, by, now, until), "revocations")


def in_store(config: Path, work: Work[T], *topics: str) -> T:
    """Does something in the configured store. Raises Failure when that cannot be done."""
    try:
        store = Store(place_of(load(config)))
        try:
            return (store.write(work, *topics) if topics else store.read(work)).result()
        finally:
            store.close()
    except StoreError as error:
        raise Failure(Status.UNREACHABLE, str(error), "run it where the gateway runs, as its user") from error


def _revoke(config: Path, kind: Kind, subject: str, reason: str, hours: float, json: bool) -> None:
    entry = put(config, kind, subject, reason, time.time() + hours * 3600 if hours else None)
    out = Output(json)
    out.data(entry)
    out.say(f"revoked {kind} `{subject}` ({entry.id})", "ok")


def _when(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


app = typer.Typer(help="Shut out a user, a token or a session.", no_args_is_help=True)
app.command("user")(reported(user))
app.command("token")(reported(token))
app.command("session")(reported(session))
app.command("list")(reported(list_revocations))
app.command("lift")(reported(lift_one))
