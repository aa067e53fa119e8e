"""Every command by its name, imported when somebody calls it or asks about it: most need a part of Sluice alone."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

COMMANDS = {
    "init": (
        "init:command",
        "Write a commented configuration, a label file, the starter policies, a users file and a masking key.",
    ),
    "check": (
        "check:command",
        "Check the configuration, users, labels, policies and secrets, without connecting to anything.",
    ),
    "serve": (
        "serve:command",
        "Run the gateway until SIGTERM or SIGINT; its own log goes to standard error, a JSON object a line.",
    ),
    "sources": (
        "sources:command",
        "List the sources, whether each can be reached with its upstream role, and its version.",
    ),
    "doctor": (
        "doctor:command",
        "Look for what would let somebody around or through the gateway: at the files, the databases, and the settings.",
    ),
    "login": (
        "login:login",
        "Sign in at the gateway's identity provider. Then `sluice psql`, `sluice connect` and `sluice env` need no password.",
    ),
    "logout": (
        "login:logout",
        "Sign out: your database credentials end, their sessions with them, and nothing of the sign-in is kept here.",
    ),
    "whoami": (
        "login:whoami",
        "Show who you are to the gateway, in which groups, for which purposes, and which sources you may connect to.",
    ),
    "psql": ("connecting:psql", "Open psql on a source, with a fresh credential."),
    "connect": ("connecting:connect", "Print a connection string with a fresh credential in it, for any driver."),
    "env": (
        "connecting:env",
        "Print the environment by which drivers connect to a source, with a fresh credential: for `eval` in a shell.",
    ),
    "request": (
        "access:request",
        "Ask for membership of a group on one source for a while. It begins when enough people have approved.",
    ),
    "break-glass": (
        "access:break_glass",
        "Be a member of a group on one source at once, in an emergency; policy has to permit it. Somebody else reviews it.",
    ),
    "paths": (
        "data_paths:paths_command",
        "Show where data went: from column to column by what was written, and to the people who read it, masked or in clear.",
    ),
    "report": (
        "report:report_command",
        "Write a report of who had access to what: access, privileged activity, approvals, denials, regulated data in clear.",
    ),
    "who-saw": (
        "who_saw:who_saw_command",
        "Show who received a label, a column, a table or a person's data: when, how many rows, in clear or masked, why, and who approved it.",
    ),
    "scan": ("scan:command", "Look for sensitive columns in a database, and propose labels for them."),
    "scan-file": (
        "scrub:scan_file",
        "Say what sensitive data files hold: how much, of what kind, where. Never the values.",
    ),
    "scrub": ("scrub:scrub", "Write a copy of files in which sensitive values are replaced by their kind and a mark."),
    "version": ("version:command", "Show the version of Sluice and of what it is built on."),
    "credentials": ("connecting:credentials", "Your database credentials."),
    "users": ("users:app", "Who may log in by password or certificate."),
    "sessions": ("sessions:app", "Who is connected now."),
    "budgets": (
        "budgets:command",
        "List what is spent of each budget (`@budget` in a policy), by identity and label, the most first.",
    ),
    "revoke": ("revoke:app", "Shut out a user, a token or a session."),
    "policy": ("policy:app", "Check the policies, ask what they would decide, and try others on the log."),
    "approvals": ("approvals:app", "What waits for humans, and their answers."),
    "grants": ("access:grants", "Access that is lent for a while."),
    "reviews": ("access:reviews", "Break-glass, looked over afterwards."),
    "audit": ("audit:app", "Read the log of who asked what and what they saw, and prove it."),
    "labels": ("labels:app", "See the labels that were proposed, and confirm or reject them."),
}
"""Module and what in it is the command, a function or a group of further commands, and the first paragraph of its help; in
the order in which help lists them."""


class Commands(MutableMapping[str, Any]):
    """The commands as Typer wants them, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]


class Group(TyperGroup):
    """The command `sluice` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()
        self._listing = False

    def list_commands(self, _: Any) -> list[str]:
        """All names; nothing is imported for them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command; while the list of all is written, only what it shows of each. None: there is none of that name."""
        if self._listing and cmd_name in COMMANDS:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help, for which no command is imported."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def _made(name: str) -> Any:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(f"sluice.faces.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        made: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(import_module("sluice.faces.cli.failures").reported(found))
        made = get_command(alone)
    made.name = name
    return made
