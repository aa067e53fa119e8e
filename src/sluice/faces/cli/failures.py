"""Turns what can go wrong in any command into a message and an exit status."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from sluice.edges.config import ConfigError
from sluice.edges.secrets import SecretError
from sluice.edges.sinks.jsonl import LogFailed
from sluice.faces.cli.output import clean, encoded
from sluice.faces.cli.statuses import Failure, Status
from sluice.policy.labels import LabelError
from sluice.policy.load import PolicyError

P = ParamSpec("P")
Problem = tuple[str, int, str]
"""File, line (0: none) and what is wrong."""


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """The command with its errors as messages and statuses; with its option `json`, as JSON on standard output."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (ConfigError, LabelError, PolicyError, SecretError, LogFailed, Failure) as error:
            status, problems = judged(error)
            _report(status, problems, bool(kwargs.get("json")))
            raise typer.Exit(int(status)) from error

    return run


def judged(error: Exception) -> tuple[Status, list[Problem]]:
    """The status that an error ends a command with, and its problems by place."""
    match error:
        case ConfigError():
            return Status.USAGE, [(each.file, each.line, joined(each.problem, each.expected)) for each in error.every()]
        case LabelError() | PolicyError():
            return Status.USAGE, [(error.file, error.line, error.reason)]
        case Failure():
            return error.status, [("", 0, str(error))]
        case _:
            return Status.UNREACHABLE, [("", 0, str(error))]


def joined(problem: str, advice: str) -> str:
    """A problem and what to do about it."""
    return f"{problem}; {advice}" if advice else problem


def placed(problem: Problem) -> str:
    """A problem as one line."""
    file, line, text = problem
    place = f"{file}:{line}: " if line else f"{file}: " if file else ""
    return place + text


def _report(status: Status, problems: list[Problem], json: bool) -> None:
    if json:
        listed = [{"file": file, "line": line, "problem": text} for file, line, text in problems]
        typer.echo(encoded({"errors": listed, "status": int(status)}).decode())
        return
    for problem in problems:
        typer.echo(f"error: {clean(placed(problem))}", err=True)
