"""The gateway's API as commands use it: who asks, and what a failure means."""

from __future__ import annotations

import base64
import getpass
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sluice.edges.config import load
from sluice.faces.cli.gateways import ask, local
from sluice.faces.cli.signed_in import fresh, told
from sluice.faces.cli.statuses import Failure, Status

Who = Annotated[
    str,
    typer.Option(
        "--as",
        envvar="SLUICE_USER",
        help="Who you are, as at a login; the password is `$SLUICE_PASSWORD` or asked for. Not needed with `$SLUICE_TOKEN`, or "
        "after `sluice login`.",
    ),
]


def call(config: Path, who: str, method: str, path: str, body: object = None) -> Any:
    """One request to the gateway of this configuration; what it answered. Raises Failure.

    Who signed in there, and names nobody else, is asked for no password; and needs no configuration.
    """
    if not who and not any(os.environ.get(name) for name in ("SLUICE_TOKEN", "SLUICE_PASSWORD")):
        with told():
            kept = fresh()
        if kept is not None and (not config.exists() or local(load(config).admin) == kept.gateway):
            return ask(kept.gateway, f"Bearer {kept.token}", method, path, body, kept.ca)
    return ask(local(load(config).admin), _credentials(who), method, path, body)


def reason_for(what: str, given: str) -> str:
    """The reason given, or asked for on a terminal. Raises Failure when there is none."""
    if given.strip():
        return given
    if not sys.stdin.isatty():
        raise Failure(Status.USAGE, f"{what} needs a reason", "give it with `--reason`")
    return str(typer.prompt("Reason"))


def clock(at: float) -> str:
    """A time for people here."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _credentials(who: str) -> str:
    token = os.environ.get("SLUICE_TOKEN", "")
    if token:
        return f"Bearer {token}"
    user = who or getpass.getuser()
    password = os.environ.get("SLUICE_PASSWORD", "")
    if not password:
        if not sys.stdin.isatty():
            raise Failure(Status.USAGE, "there is no terminal to ask for the password on", "set `SLUICE_PASSWORD`")
        password = typer.prompt(f"Password of {user}", hide_input=True)
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
