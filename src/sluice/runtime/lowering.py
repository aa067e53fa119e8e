"""Large texts are parsed in a child process: neither their depth nor their length can hurt the worker or hold up its loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from sluice.sql.bodies import Statement

SECONDS = 10.0


class LargeTexts:
    """A child process that parses; made when the first large text comes, made anew when one kills it."""

    def __init__(self, lower: Callable[[str], tuple[Statement, ...]]) -> None:
        self._lower = lower
        self._pool: ProcessPoolExecutor | None = None

    async def lower(self, text: str) -> tuple[Statement, ...]:
        """The statements of the text; a text that kills the parser or takes too long comes back as one that cannot be parsed."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        pool = self._pool
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(pool, self._lower, text), SECONDS)
        except (BrokenProcessPool, TimeoutError):
            if self._pool is pool:
                self._pool = None
            self._end(pool)
            return self._lower("\0too much for the parser")

    def close(self) -> None:
        """Ends the child process."""
        if self._pool is not None:
            self._end(self._pool)
            self._pool = None

    @staticmethod
    def _end(pool: ProcessPoolExecutor) -> None:
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
