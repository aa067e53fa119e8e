"""Telling people: what the outbox holds is delivered by whichever node comes first, again and again until it arrives.

Deliveries run in threads, beside the loop; a channel that hangs or is down holds up nothing but its own messages, and gets them
in their order when it is back.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import TellingFailed
from sluice.edges.approvals import outbox
from sluice.edges.approvals.channels import Channel, ChannelError, channels_of
from sluice.edges.approvals.grants import Grant
from sluice.edges.approvals.outbox import Message
from sluice.edges.approvals.requests import Request
from sluice.edges.store import StoreError
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

_ROUND_SECONDS = outbox.CLAIM_SECONDS / 2
"""Who delivers gives the rest back after so long: a claim must not run out under it."""
_PRIVATE = ("digest", "parties")
log = structlog.get_logger("sluice.telling")


class Telling:
    """This process's part in emptying the outbox."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._busy: set[str] = set()

    def post(self, connection: Connection, subject: str, what: Request | Grant, now: float, wait: float = 0.0) -> None:
        """Writes what is to be told, in the transaction that makes it true (with the topic `outbox`); see `outbox.post`."""
        about: dict[str, Any] = msgspec.to_builtins(what)
        payload = {name: value for name, value in about.items() if name not in _PRIVATE}
        outbox.post(connection, channels_of(self._gateway.config.approvals), subject, payload, now, wait)

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "outbox" in topics:
            self._gateway.spawn(self.keep())

    async def keep(self) -> None:
        """Delivers what is due, one after the other in each channel; at most one round of a channel at a time."""
        channels, store, now = channels_of(self._gateway.config.approvals), self._gateway.store, time.time()
        free = channels.keys() - self._busy
        if not free:
            return
        try:
            found = await done(store.read(lambda connection: outbox.due(connection, free, now)))
        except StoreError as error:
            log.warning("the outbox could not be read", reason=str(error))
            return
        mine = set(found) - self._busy
        self._busy |= mine
        await asyncio.gather(*(self._round(name, channels[name]) for name in mine))

    async def _round(self, name: str, channel: Channel) -> None:
        store, now, began = self._gateway.store, time.time(), time.monotonic()
        try:
            # No topic: a delivery is nobody else's news.
            claimed = await done(store.write(lambda connection: outbox.claim(connection, name, now)))
            tried = 0
            for tried, message in enumerate(claimed, 1):  # noqa: B007
                arrived = await self._deliver(channel, message)
                if time.monotonic() - began > _ROUND_SECONDS or not (arrived or message.attempts >= outbox.STUBBORN):
                    break
            rest = claimed[tried:]
            if rest:
                await done(store.write(lambda connection: outbox.release(connection, rest)))
        except StoreError as error:
            log.warning("the outbox could not be kept", reason=str(error))
        finally:
            self._busy.discard(name)

    async def _deliver(self, channel: Channel, message: Message) -> bool:
        """Whether it arrived."""
        store, address = self._gateway.store, self._gateway.config.approvals.address or ""
        try:
            await asyncio.to_thread(channel.tell, message, address)
        except ChannelError as error:
            now, why = time.time(), str(error)
            log.warning("not delivered, tried again later", channel=message.channel, message=message.id, reason=why)
            if not await done(store.write(lambda connection: outbox.failed(connection, message, why, now))):
                subject = str(message.payload.get("id", ""))
                self._gateway.try_note(
                    TellingFailed(self._gateway.new_id(), stamp(now), message.channel, message.subject, subject, why)
                )
            return False
        now = time.time()
        await done(store.write(lambda connection: outbox.delivered(connection, message.id, now)))
        return True
