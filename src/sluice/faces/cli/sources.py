"""`sluice sources`: can each database be reached, and what is it."""

from __future__ import annotations

import typer

from sluice.edges.config import Source, load
from sluice.faces.cli.database import look
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status


def command(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List the sources, whether each can be reached with its upstream role, and its version.

    Ends with status 3 when one cannot be reached.
    """
    found = {name: _tried(name, source) for name, source in load(config).sources.items()}
    out = Output(json)
    out.data([{"name": name, **each} for name, each in found.items()])
    headings = ("name", "environment", "address", "role", "reachable", "version", "tls")
    out.table(headings, [(name, *_row(each)) for name, each in found.items()])
    for each in found.values():
        if each["error"]:
            out.say(str(each["error"]), "fail")
    if any(each["error"] for each in found.values()):
        raise typer.Exit(Status.UNREACHABLE)


def address(source: Source) -> str:
    """Where a source is, in one word."""
    return f"{source.socket}:{source.port}" if source.socket else f"{source.host}:{source.port}"


def _tried(name: str, source: Source) -> dict[str, object]:
    shown: dict[str, object] = {
        "environment": source.environment,
        "address": address(source),
        "database": source.database or name,
        "role": source.user,
        "reachable": False,
        "version": "",
        "tls": False,
        "connect_ms": None,
        "error": "",
    }
    try:
        with look(name, source) as found:
            found.one("select 1")
            shown |= {"reachable": True, "version": found.version_text, "tls": found.tls}
            shown["connect_ms"] = round(found.connected_ms, 1)
    except Failure as failure:
        shown["error"] = str(failure)
    return shown


def _row(each: dict[str, object]) -> tuple[object, ...]:
    reachable = f"yes, {each['connect_ms']} ms" if each["reachable"] else "no"
    return (
        each["environment"],
        each["address"],
        each["role"],
        reachable,
        each["version"],
        "yes" if each["tls"] else "no",
    )
