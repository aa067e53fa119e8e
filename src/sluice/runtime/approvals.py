"""Sessions' questions to humans: put into the store, followed there, and answered to the session that still waits.

The path never waits for the store: a session that asked goes on with its other side, and hears by an event. An approval's use
is counted in the store before the session hears of it; if the session has gone meanwhile, the count is taken back.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import structlog
from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import RequestAsked, RequestClosed, RequestUsed, Touched, Wanted
from sluice.audit.template import caller as as_logged
from sluice.edges.approvals import desk, outbox
from sluice.edges.approvals.requests import DeskError, Request, standing
from sluice.edges.store import StoreError
from sluice.model.approval import Approval, Hold
from sluice.runtime.control import estimate
from sluice.session import effects as fx
from sluice.session.events import ApprovalAsked, ApprovalResolved

if TYPE_CHECKING:
    from sluice.runtime.driver import Driver
    from sluice.runtime.gateway import Gateway

ESTIMATE_SECONDS = 2.0
"""So long people are told later, for the database's estimate to be in the message."""
T = TypeVar("T")
log = structlog.get_logger("sluice.approvals")


@dataclass(slots=True, eq=False)
class _Watch:
    """One session's hold. `ended`: the session does not wait any more; `settling`: its answer is being fetched."""

    driver: Driver
    number: int
    waits: bool
    request: str = ""
    ended: bool = False
    withdraw: bool = False
    settling: bool = False


class Approvals:
    """What this process's sessions have asked humans."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._store = gateway.store
        self._watches: dict[tuple[Driver, int], _Watch] = {}

    @property
    def waiting(self) -> int:
        """How many statements of this process wait for a human."""
        return len(self._watches)

    def ask(self, driver: Driver, asked: fx.AskApproval) -> None:
        """Looks for an approval of a held statement, or asks for one."""
        watch = _Watch(driver, asked.number, asked.waits)
        self._watches[driver, asked.number] = watch
        self._gateway.spawn(self._ask(watch, asked.hold))

    def end(self, driver: Driver, number: int, withdraw: bool) -> None:
        """A session waits no longer; `withdraw`: and needs no answer."""
        watch = self._watches.pop((driver, number), None)
        if watch is None:
            return
        watch.ended, watch.withdraw = True, withdraw
        if withdraw and watch.request:
            self._gateway.spawn(self._leave(watch.request))

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "requests" in topics and any(watch.request for watch in self._watches.values()):
            self._gateway.spawn(self._look())

    async def expire(self) -> None:
        """Writes down what ran out. Raises StoreError."""
        now = time.time()
        if await done(self._store.read(lambda connection: desk.overdue(connection, now))):
            for request in await done(self._store.write(lambda connection: desk.expire(connection, now), "requests")):
                self.closed(request, "expired", "")

    def closed(self, request: Request, outcome: Literal["withdrawn", "expired"], by: str) -> None:
        """Writes that a request ended without an answer, or that an approval did."""
        self._gateway.try_note(RequestClosed(self._gateway.new_id(), stamp(time.time()), request.id, outcome, by))

    async def _ask(self, watch: _Watch, hold: Hold) -> None:
        caller, source = watch.driver.session.caller, self._gateway.source_of(watch.driver)
        settings = self._gateway.config.approvals
        given = self._gateway.config.sources[source]
        now = time.time()

        def work(connection: Connection) -> tuple[Request, Approval | None]:
            bounds = (now, settings.open, settings.open_per_identity)
            found, leave = desk.ask(connection, caller.identity, source, given.environment, hold, *bounds)
            if leave is None and found.created_at == now:
                wait = ESTIMATE_SECONDS if hold.probe else 0.0
                self._gateway.telling.post(connection, "request-asked", found, now, wait)
            return found, leave

        try:
            request, approval = await done(self._store.write(work, "requests", "outbox"))
        except (StoreError, DeskError) as error:
            log.error("humans could not be asked", source=source, reason=str(error))
            told = str(error) if isinstance(error, DeskError) else "humans cannot be asked now; try again later"
            self._resolve(watch, "failed", None, told)
            return
        watch.request = request.id
        if approval is not None:
            await self._used(watch, request, approval)
            return
        if request.created_at == now:
            self._note_asked(request, watch, hold)
            self._gateway.spawn(self._estimate(request.id, source, hold))
        if watch.ended:
            if watch.withdraw:
                await self._leave(request.id)
            return
        room = self._room(watch)
        watch.waits = watch.waits and room
        where = "" if settings.address is None else settings.address + request.id
        watch.driver.happened(ApprovalAsked(watch.number, request.id, where, room, time.time()))
        # It may have been answered before it was watched.
        await self._look()

    def _room(self, watch: _Watch) -> bool:
        """Whether one more client may wait: held statements must not use up the connections there are."""
        settings = self._gateway.config.approvals
        who = watch.driver.session.caller.identity.display
        waiting = [other for other in self._watches.values() if other.waits and other.request and other is not watch]
        own = sum(other.driver.session.caller.identity.display == who for other in waiting)
        return len(waiting) < settings.waiting and own < settings.waiting_per_identity

    async def _look(self) -> None:
        wanted = {watch.request for watch in self._watches.values() if watch.request and not watch.settling}
        if not wanted:
            return
        try:
            found = await done(
                self._store.read(lambda connection: {each: desk.show(connection, each) for each in wanted})
            )
        except (StoreError, DeskError) as error:
            log.warning("answers could not be read", reason=str(error))
            return
        for watch in list(self._watches.values()):
            request = found.get(watch.request)
            if request is not None and request.state != "open" and not watch.settling:
                watch.settling = True
                await self._settle(watch, request)

    async def _settle(self, watch: _Watch, request: Request) -> None:
        now = time.time()
        state = standing(request, now)
        if state == "approved":
            try:
                approval = await done(
                    self._store.write(lambda connection: desk.use(connection, request.id, now), "requests")
                )
            except StoreError as error:
                self._resolve(watch, "failed", None, f"its approval could not be counted: {error}")
                return
            if approval is not None:
                await self._used(watch, request, approval)
                return
            state = "used"
        against = next((vote for vote in request.votes if vote.verdict == "deny"), None)
        if state == "denied" and against is not None:
            self._resolve(watch, "denied", None, f"denied by {against.voter}: {against.reason}")
        elif state == "expired":
            self._resolve(watch, "expired", None, "nobody answered in time")
        else:
            told = "its approval was used by another connection" if state == "used" else "it was withdrawn"
            self._resolve(watch, "withdrawn", None, told)

    async def _used(self, watch: _Watch, request: Request, approval: Approval) -> None:
        if watch.ended:
            now = time.time()
            await done(self._store.write(lambda connection: desk.give_back(connection, request.id, now), "requests"))
            return
        caller = watch.driver.session.caller
        self._gateway.try_note(RequestUsed(self._gateway.new_id(), stamp(time.time()), request.id, caller.connection))
        self._resolve(watch, "approved", approval, "")

    def _resolve(
        self,
        watch: _Watch,
        outcome: Literal["approved", "denied", "withdrawn", "expired", "failed"],
        approval: Approval | None,
        why: str,
    ) -> None:
        self._watches.pop((watch.driver, watch.number), None)
        watch.driver.happened(ApprovalResolved(watch.number, outcome, approval, why, time.time()))

    async def _leave(self, request: str) -> None:
        if any(watch.request == request for watch in self._watches.values()):
            # Another connection of the same caller waits for the same answer.
            return
        now = time.time()
        if await done(self._store.write(lambda connection: desk.leave(connection, request, now), "requests")):
            found = await done(self._store.read(lambda connection: desk.show(connection, request)))
            self.closed(found, "withdrawn", found.requester)

    async def _estimate(self, request: str, source: str, hold: Hold) -> None:
        if not hold.probe:
            return
        rows = await estimate(source, self._gateway.config.sources[source], hold.search_path, hold.probe)
        now = time.time()

        def work(connection: Connection) -> None:
            if rows is not None:
                desk.estimate(connection, request, rows)
            outbox.complete(connection, request, {"estimated_rows": rows}, now)

        await done(self._store.write(work, "requests", "outbox"))

    def _note_asked(self, request: Request, watch: _Watch, hold: Hold) -> None:
        caller = watch.driver.session.caller
        self._gateway.try_note(
            RequestAsked(
                self._gateway.new_id(), stamp(time.time()), request.id, "statement", request.source, request.environment,
                as_logged(caller.identity), request.purpose, hold.event_id, hold.why,
                tuple(Touched(table, access) for table, access in hold.tables), hold.labels,
                tuple(Wanted(need.group, need.count) for need in request.needs), request.reason, stamp(request.closes_at),
            )
        )  # fmt: skip


async def done(future: Future[T]) -> T:
    """The store's answer, waited for without holding up the loop."""
    return await asyncio.wrap_future(future)
