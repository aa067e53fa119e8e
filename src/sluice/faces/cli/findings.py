"""What `sluice doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.faces.cli.output import Mark


@dataclass(frozen=True, slots=True)
class Finding:
    """What it is about, how bad it is, and what to do."""

    about: str
    mark: Mark
    text: str
