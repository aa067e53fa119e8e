"""The other processes of the same gateway, as one worker sees them. A gateway of one process has none.

Cancel requests find their session's worker by its number, which stands in the key; failed logins count in all; labels taken on
by a write are in force everywhere before the session that wrote goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sluice.runtime.keys import owner_of
from sluice.runtime.reins import (
    Applied,
    Beat,
    Cancel,
    CatalogChanged,
    FailedLogin,
    Learned,
    Message,
    Ready,
    Reins,
    Reloaded,
    places,
)

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

Labels = Mapping[tuple[int, int], frozenset[str]]


class Peers:
    """One process's words to the others. `number`: which worker it is (0: none, or the control process), of `workers`."""

    def __init__(self, gateway: Gateway, number: int, workers: int) -> None:
        self.number, self.workers = number, workers
        self.tell: Callable[[Message], None] = lambda _: None
        self._gateway = gateway
        self._waiting: dict[int, Callable[[], None]] = {}
        self._learned = 0

    def attach(self, reins: Reins) -> None:
        """From here on there are others."""
        self.tell = reins.tell
        self._gateway.worlds.drifted = lambda name, learned: self.tell(Learned(name, places(list(learned.items())), 0))

    def share(self, whole: int) -> int:
        """This process's part of a bound on all."""
        return -(-whole // self.workers) if self.number else whole

    def failed(self, address: str, person: str) -> None:
        """A login failed here."""
        self._gateway.rate.failed(address, person, time.time())
        self.tell(FailedLogin(address, person))

    def cancel(self, pid: int, secret: bytes) -> None:
        """Somebody wants to cancel the session of this key, wherever it is."""
        if owner_of(pid) == self.number or not self.number:
            self._gateway.keys.use(pid, secret)
        else:
            self.tell(Cancel(pid, secret))

    def learned(self, source: str, labels: Labels) -> None:
        """Columns took on labels here: the others know first, then it is in force here and the session goes on."""
        if not self.number:
            self._gateway.worlds.learn(source, labels)
            return
        self._learned += 1
        self._waiting[self._learned] = lambda: self._gateway.worlds.learn(source, labels)
        self.tell(Learned(source, places(list(labels.items())), self._learned))

    def catalog_changed(self, source: str) -> None:
        """A catalog changed by what passed through here."""
        self.tell(CatalogChanged(source))

    def heard(self, message: Message) -> None:
        """The control process told something."""
        gateway = self._gateway
        match message:
            case Cancel(pid, secret):
                gateway.keys.use(pid, secret)
            case FailedLogin(address, person):
                gateway.rate.failed(address, person, time.time())
            case Learned(source, found, number):
                gateway.worlds.learn(source, {(oid, attnum): frozenset(held) for oid, attnum, held in found})
                self.tell(Applied(number))
            case Applied(number):
                self._waiting.pop(number, lambda: None)()
            case CatalogChanged(source):
                gateway.spawn(gateway.worlds.look(source))
            case Ready() | Beat() | Reloaded():
                # Only workers say these.
                return
