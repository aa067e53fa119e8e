"""Issuers' keys, fetched beside the loop: when a login needs one that nobody knows, and every few minutes."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from sluice.edges.identity import FetchedKeys, TokenVerifier

_THREADS = 2
log = structlog.get_logger("sluice.keys")


class Keyrings:
    """Fetches key sets in threads of its own, each set once at a time."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, "issuer-keys")
        self._under_way: dict[FetchedKeys, asyncio.Future[bool]] = {}

    async def before(self, tokens: TokenVerifier, token: str) -> None:
        """Whatever has to be fetched before this token can be judged. Never raises; what failed says the judgement."""
        now = time.time()
        keys = tokens.wanted(token, now)
        if keys is not None and (keys in self._under_way or keys.may_fetch(now)):
            await self.fetch(keys)

    async def refresh(self, tokens: TokenVerifier) -> None:
        """Fetches what was not fetched for a while."""
        now = time.time()
        await asyncio.gather(*(self.fetch(keys) for keys in tokens.fetched() if keys.due(now)))

    async def fetch(self, keys: FetchedKeys) -> None:
        """Fetches one set, or waits for whoever does."""
        future = self._under_way.get(keys)
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(self._executor, keys.fetch, time.time())
            self._under_way[keys] = future
            future.add_done_callback(lambda _: self._under_way.pop(keys, None))
        # A login that goes away meanwhile must not take the answer from the others.
        if not await asyncio.shield(future):
            log.warning("an issuer's keys could not be fetched", issuer=keys.place[0], reason=keys.trouble)

    def close(self) -> None:
        """Lets go, without waiting for an issuer that does not answer."""
        self._executor.shutdown(wait=False, cancel_futures=True)
