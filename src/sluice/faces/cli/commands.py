"""Every command by its name, imported when somebody calls it or asks about it: most need a part of Sluice alone."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from sluice.faces.cli.failures import reported

COMMANDS = {
    "init": "init:command",
    "check": "check:command",
    "serve": "serve:command",
    "sources": "sources:command",
    "doctor": "doctor:command",
    "login": "login:login",
    "logout": "login:logout",
    "whoami": "login:whoami",
    "psql": "connecting:psql",
    "connect": "connecting:connect",
    "env": "connecting:env",
    "request": "access:request",
    "break-glass": "access:break_glass",
    "paths": "data_paths:paths_command",
    "report": "report:report_command",
    "who-saw": "answers:who_saw_command",
    "scan": "scan:command",
    "scan-file": "scrub:scan_file",
    "scrub": "scrub:scrub",
    "version": "version:command",
    "credentials": "connecting:credentials",
    "users": "users:app",
    "sessions": "sessions:app",
    "revoke": "revoke:app",
    "policy": "policy:app",
    "approvals": "approvals:app",
    "grants": "access:grants",
    "reviews": "access:reviews",
    "audit": "audit:app",
    "labels": "labels:app",
}
"""Module and what in it is the command, a function or a group of further commands; in the order in which help lists them."""


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


def _made(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(f"sluice.faces.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        made: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(reported(found))
        made = get_command(alone)
    made.name = name
    return made
