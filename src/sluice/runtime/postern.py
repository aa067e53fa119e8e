"""The admin port: `/healthz`, `/readyz` and `/metrics`, for this machine's own monitoring. No TLS, no login, nothing secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

_LONGEST = 8192
_SECONDS = 5.0


class Postern:
    """Serves the three pages. `healthy` and `ready` say so with a reason (empty: yes)."""

    def __init__(self, registry: CollectorRegistry, healthy: Callable[[], str], ready: Callable[[], str]) -> None:
        self._registry = registry
        self._pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/healthz": lambda: _verdict(healthy()),
            "/readyz": lambda: _verdict(ready()),
            "/metrics": lambda: (200, "text/plain; version=0.0.4", generate_latest(self._registry)),
        }
        self._server: asyncio.Server | None = None

    async def open(self, address: str, port: int) -> int:
        """Begins to listen; the port in use. Raises OSError when the address cannot be had."""
        self._server = await asyncio.start_server(self._serve, address, port, limit=_LONGEST)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            method, path, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            page = self._pages.get(path.split("?")[0]) if method == "GET" else None
            status, kind, body = page() if page else (404, "text/plain", b"not found\n")
            writer.write(
                f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\ncontent-type: {kind}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, ConnectionError):
            pass
        finally:
            writer.close()


def _verdict(reason: str) -> tuple[int, str, bytes]:
    return (503, "text/plain", f"{reason}\n".encode()) if reason else (200, "text/plain", b"ok\n")
