"""What lines of the log say, added up: for monitoring, which wants no more of them."""

from __future__ import annotations

from collections.abc import Iterable

from sluice._kernel import tally

ASKED = "statement-asked"
DONE = "statement-done"
REQUEST = "request-"
"""What the kinds of events about requests begin with."""

Tallied = tuple[str, str, str, int, int, int]
"""Kind, source (of statements asked), outcome (of statements); events, rows, hidden values."""


class Tally:
    """Adds up runs of lines until it is taken."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, str], list[int]] = {}

    def add(self, lines: bytes) -> None:
        """Adds whole lines."""
        for kind, source, outcome, *figures in tally(lines):
            held = self._held.setdefault((kind, source, outcome), [0, 0, 0])
            for place, figure in enumerate(figures):
                held[place] += figure

    def take(self) -> Iterable[Tallied]:
        """What was added since the last time."""
        held, self._held = self._held, {}
        return [(*key, *figures) for key, figures in held.items()]  # type: ignore[misc]
