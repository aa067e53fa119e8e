"""A port of this machine that leads to a gateway: for clients that speak no TLS, or want an address that stays the same.

Bytes are handed on as they are, so whoever connects proves themselves to the gateway. A client's request for encryption is
declined here, and the way to the gateway begins with TLS at once (ALPN `postgresql`, as PostgreSQL 17 has it).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import time
from collections.abc import Callable

import uvloop

_ASKS = {(8).to_bytes(4, "big") + code.to_bytes(4, "big") for code in (80877103, 80877104)}
_PART = 1 << 16
_SASL = (10).to_bytes(4, "big")
_PLUS = b"SCRAM-SHA-256-PLUS\0"


class RelayError(Exception):
    """The port cannot be opened, or the CA not be read."""


def relay(gateway: tuple[str, int], port: int, tls: bool, ca: str, until: float, opened: Callable[[int], None]) -> None:
    """Serves 127.0.0.1:`port` until SIGINT, SIGTERM or `until` (seconds since the epoch); `opened` is told the port in use.

    Raises RelayError.
    """
    try:
        context = _trust(ca) if tls else None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(gateway, port, context, until, opened))
    except (OSError, ssl.SSLError) as error:
        raise RelayError(f"the port cannot be opened: {error}") from error


def _trust(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.set_alpn_protocols(["postgresql"])
    return context


async def _serve(
    gateway: tuple[str, int], port: int, context: ssl.SSLContext | None, until: float, opened: Callable[[int], None]
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _carry(reader, writer, gateway, context)

    server = await asyncio.start_server(arrived, "127.0.0.1", port)
    opened(server.sockets[0].getsockname()[1])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until - time.time())):
            await stop.wait()
    server.close()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gateway: tuple[str, int], context: ssl.SSLContext | None
) -> None:
    up: asyncio.StreamWriter | None = None
    try:
        first = await reader.readexactly(8)
        while first in _ASKS:
            writer.write(b"N")
            first = await reader.readexactly(8)
        down, up = await asyncio.open_connection(*gateway, ssl=context)
        up.write(first)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, up))
            both.create_task(_back(down, writer, context is not None))
    except (OSError, asyncio.IncompleteReadError, ValueError, ssl.SSLError, ExceptionGroup):
        # Either side went away, or the gateway could not be reached: the client sees its connection end.
        pass
    finally:
        for one in (writer, up):
            if one is not None:
                one.close()


async def _back(down: asyncio.StreamReader, writer: asyncio.StreamWriter, encrypted: bool) -> None:
    if encrypted:
        await _begin(down, writer)
    await _pump(down, writer)


async def _begin(down: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hands on what the gateway says up to its request for a proof, without channel binding: the client's channel is this one.

    libpq takes an offer of it outside of TLS for an attack. Here TLS has proven the gateway already.
    """
    kind = b""
    while kind not in (b"R", b"E"):
        head = await down.readexactly(5)
        kind, body = head[:1], await down.readexactly(int.from_bytes(head[1:], "big") - 4)
        if kind == b"R" and body[:4] == _SASL:
            body = body.replace(_PLUS, b"", 1)
        writer.write(kind + (len(body) + 4).to_bytes(4, "big") + body)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(_PART):
        writer.write(part)
        await writer.drain()
    # The other side is told, so that both directions end.
    writer.close()
