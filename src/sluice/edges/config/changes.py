"""What differs between two configurations, and what of it needs a restart."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.edges.config.config import Config

RESTART = ("admin", "audit", "listeners", "store")
"""Parts bound to open sockets, to the open, locked log and to the open store."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of the parts that differ, sorted: those that can be taken over while running and those that cannot."""

    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.live or self.restart)


def changed(old: Config, new: Config) -> Changes:
    """Compares two configurations by value; secrets by where they are, since what they are is read anew each time."""
    differing = [name for name in Config.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    return Changes(
        tuple(sorted(name for name in differing if name not in RESTART)),
        tuple(sorted(name for name in differing if name in RESTART)),
    )
