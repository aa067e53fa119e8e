"""This process's part in the shared counts of values shown: it leases from them in blocks, and puts back what nobody used.

While the counts cannot be read, nothing more is leased: what is left is shown, and then no more.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import BudgetSpent
from sluice.edges import budgets
from sluice.edges.store import StoreError
from sluice.model.decision import Cost
from sluice.runtime.approvals import done
from sluice.session.events import Leased
from sluice.session.purse import Key, Purse, Want, key_of

if TYPE_CHECKING:
    from sluice.runtime.driver import Driver
    from sluice.runtime.gateway import Gateway

log = structlog.get_logger("sluice.budgets")
_AGAIN_SECONDS = 5.0
"""A spent budget is looked at again so often: time goes on, and others put back what they did not use."""
_IDLE_SECONDS = 3.0


class Budgets:
    """The purse of this process's sessions, and its keeper."""

    def __init__(self, gateway: Gateway) -> None:
        self.purse = Purse()
        self._gateway = gateway
        self._known_spent: dict[Key, float] = {}
        self._leasing: dict[Key, asyncio.Future[None]] = {}

    async def lease(self, driver: Driver, wants: tuple[Want, ...]) -> None:
        """Fills the purse with what is wanted, as far as it may be had, and tells the session. One lease of a kind at a time."""
        under_way = [self._leasing[key_of(want.cost)] for want in wants if key_of(want.cost) in self._leasing]
        mine = [want for want in wants if key_of(want.cost) not in self._leasing]
        if mine:
            future = asyncio.get_running_loop().create_future()
            self._leasing.update({key_of(want.cost): future for want in mine})
            try:
                await self._lease(mine)
            finally:
                for want in mine:
                    self._leasing.pop(key_of(want.cost), None)
                future.set_result(None)
        if under_way:
            await asyncio.wait(under_way)
        driver.happened(Leased(time.time()))

    async def keep(self) -> None:
        """Once in a while: puts back what nobody used. Raises StoreError."""
        now = time.time()
        await self._put_back(self.purse.idle(now - _IDLE_SECONDS, now))

    async def close(self) -> None:
        """Puts everything back; what cannot be, counts as shown."""
        try:
            await self._put_back(self.purse.idle(float("inf"), time.time()))
        except StoreError as error:
            log.warning("leases of budgets could not be put back", reason=str(error))

    async def _lease(self, wants: list[Want]) -> None:
        now = time.time()

        def work(connection: Connection) -> list[int]:
            return [budgets.lease(connection, key_of(want.cost), want.cost.most, want.values, now) for want in wants]

        granted = [0] * len(wants)
        try:
            granted = await done(self._gateway.store.write(work, "budgets"))
        except StoreError as error:
            log.error("budgets cannot be counted, so nothing more of them is shown", reason=str(error))
        finally:
            # Whatever happened, who waits is told that there is no more than this.
            for want, values in zip(wants, granted, strict=True):
                self._take(want, values, now)

    def _take(self, want: Want, values: int, now: float) -> None:
        key = key_of(want.cost)
        if values:
            self.purse.fill(key, values, budgets.slot_end(want.cost.seconds, now), time.time())
        if values < want.values:
            self.purse.run_dry(key, now + _AGAIN_SECONDS)
            self._is_spent(want.cost, now)

    def _is_spent(self, cost: Cost, now: float) -> None:
        """Makes it known, once a slot: who goes on asking learns nothing new."""
        key, slot = key_of(cost), budgets.slot_end(cost.seconds, now)
        if self._known_spent.get(key) == slot:
            return
        self._known_spent = {each: until for each, until in self._known_spent.items() if until > now} | {key: slot}
        gateway = self._gateway
        log.warning("a budget is spent", who=cost.who, label=cost.label, most=cost.most)
        gateway.metrics.budgets_spent.labels(cost.label).inc()
        gateway.try_note(BudgetSpent(gateway.new_id(), stamp(now), cost.who, cost.label, cost.most, cost.seconds))

    async def _put_back(self, left: list[tuple[Key, int, float]]) -> None:
        def work(connection: Connection) -> None:
            for key, values, until in left:
                budgets.put_back(connection, key, values, until)

        if left:
            await done(self._gateway.store.write(work, "budgets"))
