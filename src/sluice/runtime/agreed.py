"""Labels learned by writes, agreed upon with the other nodes of the same store: what one of them learned holds in all within a moment.

Within a node it holds before the session that wrote goes on (`peers.py`), whatever becomes of the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sluice.edges.learned import add, known, lacking
from sluice.edges.store import StoreError
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

log = structlog.get_logger("sluice.labels")


class Agreed:
    """This process's part: it takes on what the store has, and one process of a node gives what the store lacks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stale = False
        gateway.worlds.remembered = lambda: gateway.spawn(self.agree())

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "labels" in topics:
            self._gateway.spawn(self.agree())

    async def agree(self) -> None:
        """Takes and gives. What cannot be read or written now is tried again."""
        worlds, store = self._gateway.worlds, self._gateway.store
        try:
            stored = await done(store.read(known))
            for source, places in lacking(worlds.learned, stored).items():
                worlds.learn(source, places)
            missing = lacking(stored, worlds.learned)
            if missing and self._gateway.peers.number == 0:
                await done(store.write(lambda connection: add(connection, missing), "labels"))
            self._stale = False
        except StoreError as error:
            self._stale = True
            log.error("learned labels could not be shared", reason=str(error))

    async def keep(self) -> None:
        """Once in a while: tries again what did not work."""
        if self._stale and not self._gateway.store.trouble:
            await self.agree()
