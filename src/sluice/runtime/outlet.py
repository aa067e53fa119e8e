"""The way out of one end of a connection, past the loop where that is possible."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

_SHORT = 1 << 14


class End(Protocol):
    """One end of a connection that the pump reads, and sends to."""

    def read(self, on: bool, /) -> None:
        """Whether it is read; OSError."""

    def behind(self) -> None:
        """Something waits to be sent: what follows must wait behind it."""

    def leave(self) -> None:
        """It is read no more, for good."""


class Outlet:
    """The way out of one end, for a driver.

    What is short goes to the socket at once where nothing waits before it: that spares the loop's bookkeeping and the wait for
    the end of its turn. The rest, and everything inside TLS, goes through the transport.
    """

    __slots__ = ("_fd", "_transport", "end")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.end: End | None = None
        """The pump's, which sends here too."""
        inside_tls = transport.get_extra_info("ssl_object") is not None
        self._fd = -1 if inside_tls else transport.get_extra_info("socket").fileno()

    def write(self, data: bytes) -> None:
        """Sends, in the order of the calls."""
        transport = self._transport
        if (
            self._fd >= 0
            and len(data) <= _SHORT
            and not transport.get_write_buffer_size()
            and not transport.is_closing()
        ):
            try:
                sent = os.write(self._fd, data)
            except OSError:
                # The transport meets the same obstacle, and knows what to do about it.
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        if self.end is not None:
            self.end.behind()
        transport.write(data)
