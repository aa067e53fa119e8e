"""`sluice psql`, `sluice connect`, `sluice env`, `sluice credentials`: databases for who signed in."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from sluice.faces.cli.api import clock
from sluice.faces.cli.durations import seconds_of
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import AsJson
from sluice.faces.cli.output import Output
from sluice.faces.cli.signed_in import Gateway, ask
from sluice.faces.cli.statuses import Failure, Status
from sluice.runtime.relay import RelayError, relay

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as `sluice whoami` lists them.")]
Purpose = Annotated[
    str, typer.Option(help="What for; without it, your default purpose. The credential is good for it alone.")
]
Long = Annotated[
    str, typer.Option("--for", help="How long, at most: `30m`, `2h`. Without it, as long as the gateway gives.")
]
_MISLEADING = ("PGSERVICE", "PGHOSTADDR", "PGPASSFILE", "PGREQUIREAUTH")
"""What would send a client elsewhere, or have it prove itself in another way."""


def psql(
    source: Source,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="Handed to psql.")] = None,
    purpose: Purpose = "",
    duration: Long = "",
    gateway: Gateway = "",
) -> None:
    """Open psql on a source, with a fresh credential.

    Examples:

      sluice psql shop

      sluice psql shop --purpose ticket -- -c "select count(*) from customers"
    """
    program = shutil.which("psql")
    if program is None:
        raise Failure(Status.UNREACHABLE, "psql is not installed here", "`sluice connect` works with any client")
    minted = _mint(gateway, source, purpose, duration)
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    os.execve(program, ["psql", *(arguments or [])], environment | _settings(minted))  # noqa: S606


def connect(
    source: Source,
    purpose: Purpose = "",
    duration: Long = "",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Open a port of this machine for clients without TLS; 0 is any."),
    ] = None,
    ca: Annotated[str, typer.Option(help="With `--port`: CA in PEM that proves the gateway; else the system's.")] = "",
    gateway: Gateway = "",
    json: AsJson = False,
) -> None:
    """Print a connection string with a fresh credential in it, for any driver.

    With `--port` it also opens a port of this machine that leads to the gateway, encrypted, until it is interrupted or the
    credential ends. The password stays what lets anybody in.

    Examples:

      sluice connect shop --purpose ticket

      sluice connect shop --port 6432
    """
    minted = _mint(gateway, source, purpose, duration)
    if port is None:
        _print(Output(json), minted, _string(minted, minted["host"], minted["port"], minted["tls"]))
        return

    def opened(number: int) -> None:
        _print(
            Output(json),
            {**minted, "host": "127.0.0.1", "port": number, "tls": False},
            _string(minted, "127.0.0.1", number, False),
        )

    try:
        relay((minted["host"], minted["port"]), port, minted["tls"], ca, minted["expires_at"], opened)
    except RelayError as error:
        raise Failure(Status.UNREACHABLE, str(error)) from error


def env(
    source: Source, purpose: Purpose = "", duration: Long = "", gateway: Gateway = "", json: AsJson = False
) -> None:
    """Print the environment by which drivers connect to a source, with a fresh credential: for `eval` in a shell.

    Examples:

      eval "$(sluice env shop --purpose ticket)"
    """
    settings = _settings(_mint(gateway, source, purpose, duration))
    out = Output(json)
    out.data(settings)
    if not json:
        typer.echo(f"unset {' '.join(_MISLEADING)}")
        for name, value in settings.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


def list_credentials(context: typer.Context, gateway: Gateway = "", json: AsJson = False) -> None:
    """List your database credentials that are still good. What they are is nowhere kept, only what checks them.

    Examples:

      sluice credentials
    """
    if context.invoked_subcommand is not None:
        return
    found = ask(gateway, "GET", "/v1/credentials")
    out = Output(json)
    out.data(found)
    rows = [
        (one["id"], one["source"], one["purpose"], clock(one["created_at"]), clock(one["expires_at"])) for one in found
    ]
    out.table(("id", "source", "purpose", "since", "until"), rows)
    if not rows:
        out.say("no credentials", "note")


def end_credential(
    credential: Annotated[str, typer.Argument(metavar="ID", help="The credential, or `all`.")],
    gateway: Gateway = "",
    json: AsJson = False,
) -> None:
    """End a database credential of yours, or all of them, and the sessions that began with it.

    Examples:

      sluice credentials end all
    """
    which = "" if credential == "all" else f"/{quote(credential, safe='')}"
    found = ask(gateway, "POST", f"/v1/credentials{which}/end", {})
    out = Output(json)
    out.data(found)
    out.say(f"ended {len(found)} credentials", "ok")


def _mint(gateway: str, source: str, purpose: str, duration: str) -> dict[str, Any]:
    wish = {"source": source, "purpose": purpose, "seconds": seconds_of(duration) if duration else 0}
    found: dict[str, Any] = ask(gateway, "POST", "/v1/credentials", wish)
    return found


def _settings(minted: dict[str, Any]) -> dict[str, str]:
    """The environment for libpq and for the drivers that read the same names."""
    found = {
        "PGHOST": str(minted["host"]), "PGPORT": str(minted["port"]), "PGUSER": str(minted["user"]),
        "PGPASSWORD": str(minted["password"]), "PGDATABASE": str(minted["database"]),
    }  # fmt: skip
    return found | ({"PGSSLMODE": _mode(), "PGCHANNELBINDING": "require"} if minted["tls"] else {})


def _mode() -> str:
    """Encrypted, and more where that is asked for. Channel binding proves the gateway without its CA."""
    given = os.environ.get("PGSSLMODE", "")
    return given if given in ("verify-ca", "verify-full") else "require"


def _string(minted: dict[str, Any], host: str, port: int, tls: bool) -> str:
    more = {"sslmode": _mode(), "channel_binding": "require"} if tls else {}
    who = f"{quote(minted['user'], safe='')}:{quote(minted['password'], safe='')}"
    where = f"[{host}]" if ":" in host else host
    query = f"?{urlencode(more)}" if more else ""
    return f"postgresql://{who}@{where}:{port}/{quote(minted['database'], safe='')}{query}"


def _print(out: Output, minted: dict[str, Any], string: str) -> None:
    out.data({**minted, "connection_string": string})
    if not out.json:
        typer.echo(string)
    typer.echo(f"good until {clock(minted['expires_at'])}, for purpose `{minted['purpose']}`", err=True)


credentials = typer.Typer(help="Your database credentials.", invoke_without_command=True)
credentials.callback()(reported(list_credentials))
credentials.command("end")(reported(end_credential))
