"""What a worker has worked out already under one world: statements understood and rulings given. Bounded."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

STATEMENTS = 10_000
CALLERS = 2_000


class Bounded(dict[K, V], Generic[K, V]):
    """A dict that forgets its oldest entries; reads cost what a dict's reads cost."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: K, value: V) -> V:
        """Adds an entry, making room first when there is none."""
        if len(self) >= self._most and key not in self:
            del self[next(iter(self))]
        self[key] = value
        return value


class Memory:
    """One world's memory: per name-resolution context the understood statements, per caller the rulings."""

    __slots__ = ("callers", "contexts")

    def __init__(self) -> None:
        self.contexts: Bounded[Hashable, object] = Bounded(256)
        self.callers: Bounded[Hashable, Any] = Bounded(CALLERS)
