"""Has closed segments of the log sealed, in a child process of low priority, so that no statement waits for it."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import structlog

from sluice.edges.evidence.sealing import Made, seal_closed
from sluice.edges.sinks.failed import LogFailed

AGAIN_SECONDS = 60.0
_NICE = 10
"""Low, but with a share that keeps up with a busy log on a busy machine: the lowest would starve for minutes."""


class Sealing:
    """Seals what is closed of one log; what fails is tried again after a minute."""

    def __init__(self, folder: Path, key_file: Path | None) -> None:
        self._folder, self._key_file = folder, key_file
        self._done = 0
        self._pool: ProcessPoolExecutor | None = None
        self._not_before = 0.0
        self.failures = 0

    async def keep(self, closed: int) -> None:
        """Seals, if there are more closed segments than the last time; returns when that is done."""
        now = asyncio.get_running_loop().time()
        if closed == self._done or self._pool is not None or now < self._not_before:
            return
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=os.nice, initargs=(_NICE,))
        log = structlog.get_logger("sluice")
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._pool, _seal, self._folder, self._key_file)
            self._done = closed
            for one in made:
                log.info("segment sealed", segment=one.segment, before=one.before, after=one.after)
        except (LogFailed, OSError, BrokenProcessPool) as error:
            self.failures += 1
            self._not_before = now + AGAIN_SECONDS
            log.warning("segments not sealed", reason=str(error))
        finally:
            # Its memory goes with it; the next segment comes in minutes or hours.
            self.close()

    def close(self) -> None:
        """Ends the child process; what it was at is done again by the next."""
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


def _seal(folder: Path, key_file: Path | None) -> list[Made]:
    return list(seal_closed(folder, key_file))
