"""How long a session took for its two long stages, by a clock that it is given: it has none of its own."""

from __future__ import annotations

from collections.abc import Callable


def _none() -> float:
    return 0.0


class Stopwatch:
    """Seconds spent since they were taken last."""

    __slots__ = ("analysing", "clock", "deciding")

    def __init__(self) -> None:
        self.clock: Callable[[], float] = _none
        self.analysing = 0.0
        self.deciding = 0.0

    def take(self) -> tuple[float, float]:
        """What was spent on analysing and on deciding; both begin anew."""
        found = self.analysing, self.deciding
        self.analysing = self.deciding = 0.0
        return found
