"""Telling people: what the outbox holds is delivered by whichever process comes first, again and again until it arrives.

Deliveries run in threads, beside the loop; a channel that hangs or is down holds up nothing but its own messages.
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

_PRIVATE = ("digest", "parties")
log = structlog.get_logger("sluice.telling")


class Telling:
    """This process's part in emptying the outbox."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._busy = False

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
        """Delivers what is due; at most one round at a time."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._round()
        except StoreError as error:
            log.warning("the outbox could not be read", reason=str(error))
        finally:
            self._busy = False

    async def _round(self) -> None:
        channels, store = channels_of(self._gateway.config.approvals), self._gateway.store
        now = time.time()
        if not channels or not await done(store.read(lambda connection: outbox.due(connection, now))):
            return
        # No topic: a delivery is nobody else's news.
        claimed = await done(store.write(lambda connection: outbox.claim(connection, channels, now)))
        await asyncio.gather(*(self._deliver(channels[each.channel], each) for each in claimed))

    async def _deliver(self, channel: Channel, message: Message) -> None:
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
            return
        now = time.time()
        await done(store.write(lambda connection: outbox.delivered(connection, message.id, now)))
