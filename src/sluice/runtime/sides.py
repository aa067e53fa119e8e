"""The two ends of a connection as the loop's protocol objects: pulled while logging in, pushed to the driver afterwards."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.runtime.driver import Driver

_HELD = 1 << 16


class Side(asyncio.Protocol):
    """One end. `read` waits for bytes until `attach` hands the connection to a driver; then bytes go straight to it."""

    __slots__ = ("_driver", "_gone", "_held", "_name", "_waiter", "transport")

    def __init__(self, name: str) -> None:
        self._name = name
        self._driver: Driver | None = None
        self._held: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._gone = False
        self.transport: asyncio.Transport

    def attach(self, driver: Driver) -> None:
        """From here on every event goes to the driver."""
        self._driver = driver
        if self._gone:
            driver.lost(self._name)

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

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket."""
        driver = self._driver
        if driver is None:
            self._held.append(data)
            self._wake()
            if sum(map(len, self._held)) > _HELD:
                self.transport.abort()
        elif self._name == "client":
            driver.client_bytes(data)
        else:
            driver.upstream_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, for whatever reason."""
        self._gone = True
        self._wake()
        if self._driver is not None:
            self._driver.lost(self._name)

    def eof_received(self) -> bool:
        """A half-closed client is a closed one: nobody would read the answers to what it asked."""
        return False

    def pause_writing(self) -> None:
        """The other side reads too slowly."""
        self._slow(True)

    def resume_writing(self) -> None:
        """The other side has caught up."""
        self._slow(False)

    def _slow(self, slow: bool) -> None:
        if self._driver is not None:
            if self._name == "client":
                self._driver.client_slow(slow)
            else:
                self._driver.upstream_slow(slow)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
