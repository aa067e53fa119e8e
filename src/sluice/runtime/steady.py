"""Work that goes on for as long as the gateway does: begun anew when a fault ends it, and the fault is in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog

AGAIN_SECONDS = 1.0
log = structlog.get_logger("sluice")


class Steady:
    """Keeps `work` going until `stop`. `what` names it in the log."""

    def __init__(self, what: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._what, self._work = what, work
        self._stopped = False
        self._task: asyncio.Task[None]
        self._begin()

    def stop(self) -> None:
        """Ends it."""
        self._stopped = True
        self._task.cancel()

    def _begin(self) -> None:
        if not self._stopped:
            self._task = asyncio.get_running_loop().create_task(self._work())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._stopped:
            return
        log.error("work of the gateway's own failed and is begun anew", what=self._what, error=repr(task.exception()))
        asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._begin)
