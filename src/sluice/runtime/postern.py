"""The admin port: `/healthz`, `/readyz` and `/metrics` for this machine's own monitoring, without a login; and the API, with one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, generate_latest

from sluice.runtime.api.http import HEAD_BYTES, SECONDS, Answer, BadRequest, HttpRequest, problem, read

Api = Callable[[HttpRequest], Awaitable[Answer]]


class Postern:
    """Serves the three pages and hands the rest to `api`. `healthy` and `ready` say so with a reason (empty: yes)."""

    def __init__(
        self, registry: CollectorRegistry, healthy: Callable[[], str], ready: Callable[[], str], api: Api
    ) -> None:
        self._api = api
        self._registry = registry
        self._pages: dict[str, Callable[[], Answer]] = {
            "/healthz": lambda: _verdict(healthy()),
            "/readyz": lambda: _verdict(ready()),
            "/metrics": lambda: Answer(200, generate_latest(self._registry), "text/plain; version=0.0.4"),
        }
        self._server: asyncio.Server | None = None

    async def open(self, address: str, port: int) -> int:
        """Begins to listen; the port in use. Raises OSError when the address cannot be had."""
        self._server = await asyncio.start_server(self._serve, address, port, limit=HEAD_BYTES)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                try:
                    request = await read(reader, str(writer.get_extra_info("peername")[0]))
                    answer = await self._answer(request)
                except BadRequest as error:
                    answer = problem(error.status, str(error))
            writer.write(answer.encoded())
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: HttpRequest) -> Answer:
        page = self._pages.get(request.path) if request.method == "GET" else None
        if page is not None:
            return page()
        return await self._api(request)


def _verdict(reason: str) -> Answer:
    return Answer(503, f"{reason}\n".encode(), "text/plain") if reason else Answer(200, b"ok\n", "text/plain")
