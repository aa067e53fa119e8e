"""`sluice users`: who may log in by password or certificate."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sluice.edges.config import ConfigError, User, Verifier, load
from sluice.engines.postgres import scram
from sluice.faces.cli import users_file
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status

Kind = Literal["user", "service", "agent"]
Name = Annotated[str, typer.Argument(help="The name to log in with.")]
_MOST = 1024
_SALT_BYTES = 16


def add(
    name: Name,
    kind: Annotated[Kind, typer.Option(help="A person, a program, or an AI agent.")] = "user",
    group: Annotated[list[str] | None, typer.Option(help="A group that policies refer to; may be repeated.")] = None,
    purpose: Annotated[
        list[str] | None,
        typer.Option(help="A purpose that may be stated; may be repeated. Without any, every purpose may be stated."),
    ] = None,
    default_purpose: Annotated[str, typer.Option(help="The purpose where none is stated.")] = "",
    certificate: Annotated[
        list[str] | None, typer.Option(help="A client certificate: its common name or SPIFFE URI; may be repeated.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Do not let this user log in by password.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Add a user to the users file. The password is asked for twice; only its verifier is kept.

    Examples:

      sluice users add alice --group support --purpose ticket --default-purpose ticket

      sluice users add reporter --kind service --group reports --certificate reporter.shop.example --no-password

      pass show trainer | sluice users add trainer --kind agent --group training --password-stdin
    """
    if password_stdin and no_password:
        raise Failure(Status.USAGE, "`--password-stdin` and `--no-password` exclude each other")
    path = _file(config, name)
    user = User(
        kind=kind,
        groups=tuple(group or ()),
        purposes=tuple(purpose) if purpose else None,
        default_purpose=default_purpose,
        certificates=tuple(certificate or ()),
        scram=None if no_password else _verifier(_password(password_stdin)),
    )
    users_file.add(path, name, user)
    out = Output(json)
    out.data({"added": name, "file": path})
    out.say(f"added `{name}` to {path}", "ok")


def remove(name: Name, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Remove a user from the users file. New logins end within a second or two; their open sessions end too."""
    path = _file(config, None)
    users_file.remove(path, name)
    out = Output(json)
    out.data({"removed": name, "file": path})
    out.say(f"removed `{name}` from {path}", "ok")


def list_users(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List who may log in, from the configuration and the users file. Verifiers are not shown."""
    users = load(config).users
    out = Output(json)
    out.data([{"name": name, **_shown(user)} for name, user in sorted(users.items())])
    rows = [(name, *_row(user)) for name, user in sorted(users.items())]
    out.table(("name", "kind", "groups", "purposes", "proof"), rows)
    if not rows:
        out.say("no users; add one with `sluice users add NAME`", "note")


def _file(config: Path, name: str | None) -> Path:
    loaded = load(config, others=False)
    if loaded.users_file is None:
        raise ConfigError(str(config), 0, "names no `users_file`", "add `users_file: users.yaml` to it")
    if name is not None and name in loaded.users:
        raise Failure(Status.FAILED, f"the user `{name}` exists already", "remove it first to make it anew")
    return loaded.users_file


def _password(from_stdin: bool) -> str:
    if from_stdin:
        text = sys.stdin.readline(_MOST + 2).rstrip("\r\n")
    else:
        if not sys.stdin.isatty():
            raise Failure(Status.USAGE, "there is no terminal to ask for the password on", "use `--password-stdin`")
        text = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not text or len(text) > _MOST:
        raise Failure(Status.USAGE, f"the password is empty or longer than {_MOST} characters")
    return text


def _verifier(password: str) -> Verifier:
    return Verifier(str(scram.Verifier.make(password, secrets.token_bytes(_SALT_BYTES))))


def _shown(user: User) -> dict[str, object]:
    return {
        "kind": user.kind,
        "groups": user.groups,
        "purposes": user.purposes,
        "default_purpose": user.default_purpose,
        "proof": _proof(user),
        "disabled": user.disabled,
    }


def _row(user: User) -> tuple[str, ...]:
    proof = ", ".join(_proof(user)) or "none: tokens only"
    purposes = "any" if user.purposes is None else ", ".join(user.purposes)
    return user.kind, ", ".join(user.groups), purposes, "disabled" if user.disabled else proof


def _proof(user: User) -> list[str]:
    return [name for name, given in (("password", user.scram), ("certificate", user.certificates)) if given]


app = typer.Typer(help="Who may log in by password or certificate.", no_args_is_help=True)
app.command("add")(reported(add))
app.command("list")(reported(list_users))
app.command("remove")(reported(remove))
