"""Durations as people type them."""

from __future__ import annotations

import re

from sluice.faces.cli.statuses import Failure, Status

_UNITS = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smh])")


def seconds_of(text: str) -> int:
    """Seconds in `30m` or `2h`. Raises Failure for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Failure(Status.USAGE, f"`{text}` is no duration", "expected one such as `30m` or `2h`")
    return int(found[1]) * _UNITS[found[2]]
