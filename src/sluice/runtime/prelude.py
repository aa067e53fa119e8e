"""The first bytes of a connection, before any protocol object exists: is it to be encrypted, and is it ours at all.

They are peeked at and taken off the raw socket to the byte, so that nothing a client (or somebody in between) sends behind
an SSLRequest can be mistaken for something said inside TLS: it stays in the socket and breaks the handshake.
Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
"""

from __future__ import annotations

import asyncio
import socket
from typing import Literal

_SSL = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
_GSS = (8).to_bytes(4, "big") + (80877104).to_bytes(4, "big")
_TLS_HANDSHAKE = 0x16

Opening = Literal["plain", "tls", "direct-tls", "gone"]


async def open_up(connection: socket.socket, tls: bool) -> Opening:
    """How the connection goes on; `tls`: Sluice has a certificate. Encryption requests are answered here.

    `direct-tls`: the client began TLS without asking, and must name `postgresql` by ALPN. `gone`: it closed or asked in circles.
    """
    loop = asyncio.get_running_loop()
    for _ in range(3):
        first = await _peek(connection, loop)
        if not first:
            return "gone"
        if first[0] == _TLS_HANDSHAKE:
            return "direct-tls" if tls else "gone"
        if first not in (_SSL, _GSS):
            return "plain"
        await loop.sock_recv(connection, 8)
        if first == _SSL and tls:
            await loop.sock_sendall(connection, b"S")
            return "tls"
        await loop.sock_sendall(connection, b"N")
    return "gone"


async def _peek(connection: socket.socket, loop: asyncio.AbstractEventLoop) -> bytes:
    """The first eight bytes, or the first alone when it already decides, left in the socket."""
    while True:
        await _readable(connection, loop)
        try:
            seen = connection.recv(8, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            continue
        except OSError:
            return b""
        if not seen or seen[0] == _TLS_HANDSHAKE or len(seen) == 8:
            return seen
        # Fewer than eight bytes: wait for more than these to arrive, which readability alone would not.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(seen) + 1)


async def _readable(connection: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
