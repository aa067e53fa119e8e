"""Hands checkpoints to witnesses beside the loop, one round at a time, so that a slow witness delays nobody."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from sluice.audit.note import Checkpoint, Verifier
from sluice.edges.config import Witness
from sluice.edges.evidence.witness import WitnessFailed, hand_on


class Witnessing:
    """The witnesses of one log. `seconds` apart, each gets the newest checkpoint there is then."""

    def __init__(self, folder: Path, log: Verifier, witnesses: tuple[Witness, ...], seconds: float) -> None:
        self._folder, self._log, self._witnesses, self._seconds = folder, log, witnesses, seconds
        self._executor = ThreadPoolExecutor(1, "log-witness")
        self._waiting = self._missed = False
        self.failures = 0

    def signed(self, _: Checkpoint | None = None) -> None:
        """There is a new checkpoint."""
        self._missed = self._waiting
        if self._witnesses and not self._waiting:
            self._waiting = True
            loop = asyncio.get_running_loop()
            loop.run_in_executor(self._executor, self._round).add_done_callback(
                lambda _: loop.call_later(self._seconds, self._free)
            )

    def close(self) -> None:
        """Hands on the last checkpoint, and ends."""
        if self._witnesses:
            self._executor.submit(self._round)
        self._executor.shutdown(wait=True)

    def _free(self) -> None:
        self._waiting = False
        if self._missed:
            self.signed()

    def _round(self) -> None:
        for witness in self._witnesses:
            try:
                hand_on(self._folder, self._log, witness)
            except WitnessFailed as failure:
                self.failures += 1
                structlog.get_logger("sluice").warning("checkpoint not witnessed", reason=str(failure))
