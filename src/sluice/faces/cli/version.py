"""`sluice version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from sluice.faces.cli.options import AsJson
from sluice.faces.cli.output import Output

_PARTS = ("cedarpy", "pgparse", "psycopg", "uvloop")


def command(json: AsJson = False) -> None:
    """Show the version of Sluice and of what it is built on."""
    out = Output(json)
    found = {"sluice": _version("sluice"), "python": platform.python_version()}
    found |= {part: _version(part) for part in _PARTS}
    out.data(found)
    for name, number in found.items():
        out.say(f"{name} {number}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed as a package"
