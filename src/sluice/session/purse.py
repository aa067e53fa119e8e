"""Values that may still be shown: leased from the counts that all share, in blocks, for the sessions of one process.

A session spends from here by a comparison and a subtraction; it never waits for a count that it does not need. What was leased
is good until its time only, so that the shared counts stay true for every stretch of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sluice.model.decision import Cost

Key = tuple[str, str, int]
"""Whose budget of what: (principal, label, seconds)."""

BLOCKS: Final = 20
"""A lease is this part of a budget, or what is needed at once."""


def key_of(cost: Cost) -> Key:
    """The count that a cost goes to."""
    return cost.who, cost.label, cost.seconds


class Want(NamedTuple):
    """Values to be leased for a cost."""

    cost: Cost
    values: int


class Purse:
    """The leases of one process. Times are seconds since the epoch."""

    __slots__ = ("_dry", "_left")

    def __init__(self) -> None:
        self._left: dict[Key, tuple[int, float, float]] = {}
        self._dry: dict[Key, float] = {}

    def fill(self, key: Key, values: int, until: float, now: float) -> None:
        """A lease came, good until then. What is left of one that ran out is not added to."""
        self._left[key] = (self._values(key, now) + values, until, now)

    def run_dry(self, key: Key, until: float) -> None:
        """Nothing more can be leased before that time."""
        self._dry[key] = until

    def spend(self, costs: Iterable[Cost], rows: int, now: float) -> None:
        """Takes what so many rows cost; the caller made sure that it is there."""
        for cost in costs:
            values, until, _ = self._left.get(key_of(cost), (0, 0.0, 0.0))
            self._left[key_of(cost)] = (values - cost.values * rows, until, now)

    def affordable(self, costs: Iterable[Cost], now: float) -> int:
        """For how many rows there is enough of everything."""
        return min(self._values(key_of(cost), now) // cost.values for cost in costs)

    def short(self, costs: Iterable[Cost], rows: int, now: float) -> tuple[Want, ...]:
        """What is lacking for so many rows, with a block beside it."""
        lacking = [(cost, cost.values * rows - self._values(key_of(cost), now)) for cost in costs]
        return tuple(Want(cost, values + _block(cost)) for cost, values in lacking if values > 0)

    def low(self, costs: Iterable[Cost], now: float) -> tuple[Want, ...]:
        """What is worth leasing ahead: less than half a block is left, and more may be had."""
        return tuple(
            Want(cost, _block(cost))
            for cost in costs
            if self._values(key_of(cost), now) * 2 < _block(cost) and not self.is_dry(cost, now)
        )

    def is_dry(self, cost: Cost, now: float) -> bool:
        """Whether nothing more can be leased for now."""
        return self._dry.get(key_of(cost), 0.0) > now

    def spent(self, now: float) -> frozenset[tuple[str, str]]:
        """The (principal, label) of which nothing more can be shown for now."""
        if not self._dry:
            return frozenset()
        self._dry = {key: until for key, until in self._dry.items() if until > now}
        return frozenset((who, label) for who, label, _ in self._dry if not self._values((who, label, _), now))

    def idle(self, before: float, now: float) -> list[tuple[Key, int, float]]:
        """Takes out the leases that nobody has touched since `before`, and those that ran out: (count, unspent, good until)."""
        found = [key for key, (_, until, touched) in self._left.items() if touched < before or until <= now]
        taken = [(key, *self._left.pop(key)[:2]) for key in found]
        return [each for each in taken if each[1]]

    def _values(self, key: Key, now: float) -> int:
        values, until, _ = self._left.get(key, (0, 0.0, 0.0))
        return values if until > now else 0


def _block(cost: Cost) -> int:
    return max(1, cost.most // BLOCKS)
