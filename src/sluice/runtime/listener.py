"""Listening sockets and the loop that accepts from them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

import structlog

from sluice.edges.config import Listener
from sluice.runtime.entrance import turn_away
from sluice.runtime.tls import listener_context, own_end_point

BACKLOG = 512
AGAIN_SECONDS = 0.5
log = structlog.get_logger("sluice")

Admit = Callable[["Listening", socket.socket, str], Coroutine[None, None, None]]


@dataclass(slots=True, eq=False)
class Listening:
    """One address that is listened on, with its certificate's TLS context and channel binding."""

    config: Listener
    socket: socket.socket
    context: ssl.SSLContext | None
    end_point: bytes | None

    @property
    def port(self) -> int:
        """The port in use."""
        found: int = self.socket.getsockname()[1]
        return found


def bind(config: Listener, shared: bool = False) -> socket.socket:
    """A listening socket; `shared`: one of several on the same address. Raises OSError when the address is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        config.address, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def listen(config: Listener, opened: socket.socket | None = None) -> Listening:
    """Opens a listener, on a socket that listens already if there is one.

    Raises OSError when the address is taken or the certificate cannot be read.
    """
    opened = opened or bind(config)
    try:
        opened.setblocking(False)
        context = None if config.tls is None else listener_context(config.tls)
        return Listening(config, opened, context, None if config.tls is None else own_end_point(config.tls))
    except (OSError, ValueError):
        opened.close()
        raise


async def accept(listening: Listening, admit: Admit, most: int) -> None:
    """Forever: takes connections, at most so many on their way in or open at once. Ends when cancelled."""
    loop = asyncio.get_running_loop()
    arriving: set[asyncio.Task[None]] = set()
    while True:
        try:
            connection, address = await loop.sock_accept(listening.socket)
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            # Most often there are no descriptors left: those who wait are taken in when some are free again.
            log.error("connections cannot be accepted", port=listening.port, reason=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        if len(arriving) >= most:
            turn_away(connection, False)
            continue
        task = loop.create_task(admit(listening, connection, str(address[0])))
        arriving.add(task)
        task.add_done_callback(arriving.discard)
        task.add_done_callback(partial(_admitted, connection))


def _admitted(connection: socket.socket, task: asyncio.Task[None]) -> None:
    if task.cancelled() or task.exception() is None:
        return
    # Our own fault: whoever waits is not left waiting.
    log.error("a connection could not be admitted", error=repr(task.exception()))
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
