"""Groups lent for a while: what the store says is in force is in every world, and nothing that cannot be heard of any more.

While changes of the store cannot be heard, nothing is lent: an end could not be heard of either.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from sluice.audit.encode import stamp
from sluice.audit.events import GrantBegan, GrantEnded
from sluice.edges.approvals import grants
from sluice.edges.approvals.grants import Grant
from sluice.edges.approvals.requests import Request
from sluice.edges.store import StoreError
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

log = structlog.get_logger("sluice.access")


class Access:
    """This process's view of what is lent."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._store = gateway.store
        self._timer: asyncio.TimerHandle | None = None
        self._deaf = False

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "grants" in topics:
            self._gateway.spawn(self.load())

    async def load(self) -> None:
        """Puts in force what is lent now, and comes again when the first of it ends."""
        now = time.time()
        try:
            lent = await done(self._store.read(lambda connection: grants.lent(connection, now)))
        except StoreError as error:
            log.warning("what is lent could not be read, so nothing is", reason=str(error))
            lent, self._deaf = {}, True
        self._gateway.worlds.lend(lent)
        ends = [until for there in lent.values() for groups in there.values() for _, until in groups]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if ends:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, min(ends) - now), lambda: self._gateway.spawn(self.load()))

    async def keep(self, leads: bool = True) -> None:
        """Once a second: lends nothing while the store is not heard, and who leads writes down what ran out. Raises StoreError."""
        if self._store.trouble:
            if not self._deaf:
                log.warning("nothing is lent until the store is heard again", reason=self._store.trouble)
            self._deaf = True
            self._gateway.worlds.lend({})
            return
        if self._deaf:
            self._deaf = False
            await self.load()
        now = time.time()
        if not leads:
            return
        if await done(self._store.read(lambda connection: grants.overdue(connection, now))):
            for grant in await done(self._store.write(lambda connection: grants.lapse(connection, now), "grants")):
                self.ended(grant)

    async def given(self, request: Request) -> None:
        """Puts in force, and writes down, what an approved request lends."""
        found = await done(self._store.read(lambda connection: grants.of_request(connection, request.id)))
        if found is not None:
            self.began(found)
            await self.load()

    def began(self, grant: Grant) -> None:
        """Writes that a group is lent."""
        self._gateway.try_note(
            GrantBegan(
                self._gateway.new_id(), stamp(time.time()), grant.id, grant.kind, grant.identity, grant.source, grant.role,
                grant.reason, grant.request or "", grant.given_by, stamp(grant.ends_at),
            )
        )  # fmt: skip
        if grant.kind == "break-glass":
            log.warning("break-glass", grant=grant.id, who=grant.identity, source=grant.source, role=grant.role)

    def ended(self, grant: Grant) -> None:
        """Writes that it is not any more."""
        self._gateway.try_note(
            GrantEnded(
                self._gateway.new_id(),
                stamp(time.time()),
                grant.id,
                grant.identity,
                grant.source,
                grant.role,
                grant.ended_by,
            )
        )
