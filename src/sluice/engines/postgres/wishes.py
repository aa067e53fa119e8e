"""What a client wishes in its start-up packet besides a user and a database, by settings and by `options`, sans-io."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sluice.engines.postgres import startup
from sluice.model.decision import Refusal

PURPOSE: Final = "sluice.purpose"
APPROVAL: Final = "sluice.approval"
REASON: Final = "sluice.reason"
"""Why the client does what it does, for whoever is asked to approve it."""
_LONGEST_REASON: Final = 500
SOURCE: Final = "sluice.source"
"""Names the source of a physical replication connection, which names no database."""
_OWN: Final = frozenset({PURPOSE, APPROVAL, REASON, SOURCE})
Replication = Literal["", "physical", "logical"]
_RISKY: Final = frozenset({"role", "session_authorization", "session_replication_role"})
_MODES: Final[Mapping[str, Replication]] = {
    "database": "logical",
    **dict.fromkeys(("1", "on", "true", "tru", "tr", "t", "yes", "ye", "y"), "physical"),
    **dict.fromkeys(("0", "off", "of", "false", "fals", "fal", "fa", "f", "no", "n"), ""),
}
"""What the server reads in the start-up parameter `replication`."""
_RESERVED: Final = frozenset({"user", "database", "options"})
"""No settings: in another spelling, or out of `options`, they must not pass for the real parameters."""


@dataclass(slots=True)
class Wishes:
    """What was wished for; `plain` settings go on to the database, `risky` ones would change who the session is."""

    plain: list[tuple[str, str]] = field(default_factory=list)
    purpose: str = ""
    approval: Literal["", "wait", "error"] = ""
    reason: str = ""
    application: str = ""
    replication: Replication = ""
    source: str = ""
    risky: list[str] = field(default_factory=list)


def settle(parameters: Mapping[str, str]) -> Wishes | Refusal:
    """What a start-up packet sets besides user and database; or why that is not to be had."""
    settled = Wishes()
    for name, value in parameters.items():
        if name in ("user", "database") or name.startswith("_pq_."):
            continue
        found = startup.options(value) if name == "options" else [(name.lower(), value)]
        if found is None:
            # What cannot be read could be anything, so it counts as a change of who the session is.
            settled.risky.append("options")
            continue
        for setting, text in found:
            if setting in _RESERVED or (setting.startswith("sluice.") and setting not in _OWN):
                return _unrecognized(setting)
            if setting == "replication" and (name == "options" or text.lower() not in _MODES):
                return _unrecognized(setting) if name == "options" else _NO_MODE
            if setting == APPROVAL and text not in ("wait", "error"):
                return _unrecognized(setting)
            _set(settled, setting, text)
    return _unrecognized(SOURCE) if settled.source and settled.replication != "physical" else settled


def _unrecognized(setting: str) -> Refusal:
    return Refusal(f"unrecognized configuration parameter `{setting}`", code="42704")


_NO_MODE = Refusal(
    "invalid value for parameter `replication`", hint="`true` for the whole server, or `database`", code="22023"
)


def _set(settled: Wishes, name: str, value: str) -> None:
    if name == PURPOSE:
        settled.purpose = value
    elif name == APPROVAL:
        settled.approval = "wait" if value == "wait" else "error"
    elif name == REASON:
        settled.reason = value[:_LONGEST_REASON]
    elif name == SOURCE:
        settled.source = value
    elif name == "replication":
        settled.replication = _MODES[value.lower()]
    elif name in _RISKY:
        settled.risky.append(name)
    else:
        settled.plain.append((name, value))
        settled.application = value if name == "application_name" else settled.application
