"""Connections whose two ends are plain sockets, read past the loop's own transports: one call serves all that can be read.

What is in a fast lane goes from one end to the other within that call. Everything else, and everything that a session says, goes
the way of any other connection: to the driver, and out by the transports.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from sluice import _kernel
from sluice._kernel import Lane
from sluice.runtime.driver import Driver
from sluice.runtime.recorder import Recorder
from sluice.runtime.sides import Side
from sluice.runtime.stages import EVERY


class _Calls:
    """What one end asks of the runtime."""

    __slots__ = ("_side", "received", "waiting", "write")

    def __init__(self, side: Side, received: Callable[[bytes], None], write: Callable[[bytes], None]) -> None:
        self._side = side
        self.received = received
        self.write = write
        self.waiting = side.transport.get_write_buffer_size

    def gone(self, error: BaseException | None) -> None:
        """As the loop itself would do it: what is half-closed is closed, what is broken is cut off, a fault of ours is told."""
        transport = self._side.transport
        if error is None:
            self._side.eof_received()
            transport.close()
            return
        if not isinstance(error, OSError):
            told = {"message": "a connection could not be served", "exception": error, "transport": transport}
            asyncio.get_running_loop().call_exception_handler(told)
        transport.abort()


class Pump:
    """The plain connections of one process."""

    def __init__(self, recorder: Recorder) -> None:
        """Raises OSError when the process has no descriptor left for it."""
        self._recorder = recorder
        spool, log = recorder.ends
        self._native = _kernel.Pump(spool.tail, log, EVERY)
        self._door = socket.socket(fileno=self._native.door())
        asyncio.get_running_loop().add_reader(self._native.fileno(), self._turn)

    def join(self, driver: Driver, client: Side, upstream: Side) -> bool:
        """Reads this connection from here on; False where it cannot: inside TLS, durability `synced`, no descriptors left."""
        transports, rails = (client.transport, upstream.transport), driver.lane.rails
        if (
            driver.synced
            or not isinstance(rails, Lane)
            or any(one.get_extra_info("ssl_object") is not None for one in transports)
        ):
            return False
        sides = (client, driver.client_bytes, driver.to_client), (upstream, driver.upstream_bytes, driver.to_upstream)
        try:
            socket.send_fds(self._door, [b"."], [one.get_extra_info("socket").fileno() for one in transports])
            ends = self._native.join(rails, driver.lane, *(_Calls(*side) for side in sides))
        except OSError:
            return False
        for transport in transports:
            transport.pause_reading()
        driver.pumped(*ends)
        return True

    def close(self) -> None:
        """Reads nothing any more."""
        asyncio.get_running_loop().remove_reader(self._native.fileno())
        self._door.close()

    def _turn(self) -> None:
        events, size = self._native.turn()
        if size:
            self._recorder.took(events, size)
