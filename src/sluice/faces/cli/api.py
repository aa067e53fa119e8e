"""The gateway's API as commands use it: who asks, and what a failure means."""

from __future__ import annotations

import base64
import getpass
import http.client
import json as json_text
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sluice.edges.config import load
from sluice.faces.cli.statuses import Failure, Status

Who = Annotated[
    str,
    typer.Option(
        "--as",
        envvar="SLUICE_USER",
        help="Who you are, as at a login; the password is `$SLUICE_PASSWORD` or asked for. With `$SLUICE_TOKEN` not needed.",
    ),
]
_SECONDS = 30


def call(config: Path, who: str, method: str, path: str, body: object = None) -> Any:
    """One request to the gateway of this configuration; what it answered. Raises Failure."""
    admin = load(config).admin
    headers = {"authorization": _credentials(who), "content-type": "application/json"}
    connection = http.client.HTTPConnection(admin.address, admin.port, timeout=_SECONDS)
    try:
        connection.request(method, path, None if body is None else json_text.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Failure(
            Status.UNREACHABLE,
            f"the gateway's admin port {admin.address}:{admin.port} cannot be reached: {error}",
            "is `sluice serve` running with this configuration",
        ) from error
    finally:
        connection.close()
    if answer.status < 400:
        return json_text.loads(text)
    status = Status.UNREACHABLE if answer.status in (429, 503) else Status.FAILED
    raise Failure(status, _problem(text) or f"the gateway answered with status {answer.status}")


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


def _problem(text: bytes) -> str:
    try:
        found = json_text.loads(text)
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""
