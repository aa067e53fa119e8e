"""The two ends of a connection as the loop's protocol objects: pulled while logging in, pushed to the driver afterwards."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.runtime.driver import Driver

_HELD = 1 << 16


class Side(asyncio.Protocol):
    """One end. `read` waits for bytes until `attach` hands the connection to a driver; then bytes go straight to it."""

    __slots__ = ("_driver", "_gone", "_held", "_name", "_waiter", "data_received", "transport")

    data_received: Callable[[bytes], None]  # type: ignore[assignment]
    """The loop's word that bytes came from the socket; an attribute, so that no call stands between the loop and the driver."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._driver: Driver | None = None
        self._held: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._gone = False
        self.data_received = self._hold
        self.transport: asyncio.Transport

    def attach(self, driver: Driver) -> None:
        """From here on every event goes to the driver."""
        self._driver = driver
        self.data_received = driver.client_bytes if self._name == "client" else driver.upstream_bytes
        if self._gone:
            driver.lost(self._name)
        else:
            # The loop keeps the method it was given: it is given the new one.
            self.transport.set_protocol(self)

    def leftover(self) -> bytes:
        """Bytes that came behind those of the login."""
        held = b"".join(self._held)
        self._held.clear()
        return held

    async def read(self) -> bytes:
        """The next bytes; empty when the other side is gone."""
        while not self._held and not self._gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._held.popleft() if self._held else b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's word that the connection stands."""
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, for whatever reason."""
        self._gone = True
        self._wake()
        if self._driver is not None:
            self._driver.lost(self._name)

    def eof_received(self) -> bool:
        """A half-closed client is a closed one: what it asked cannot be cancelled, nor its silence told from its end."""
        if self._driver is not None and self._name == "client":
            self._driver.half_closed()
        return False

    def pause_writing(self) -> None:
        """The other side reads too slowly."""
        self._slow(True)

    def resume_writing(self) -> None:
        """The other side has caught up."""
        self._slow(False)

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._wake()
        if sum(map(len, self._held)) > _HELD:
            self.transport.abort()

    def _slow(self, slow: bool) -> None:
        if self._driver is not None:
            if self._name == "client":
                self._driver.client_slow(slow)
            else:
                self._driver.upstream_slow(slow)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
