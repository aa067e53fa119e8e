"""The log as the loop uses it: appended to in the loop, forced to the medium beside it.

An append is a copy into the operating system's hands (a mapped spool, emptied into the log every few milliseconds); forcing it
to the medium is not as cheap, so that happens in a thread, once for all who wait (group commit), and on a timer for those who
do not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sluice.audit.note import Checkpoint
from sluice.audit.tally import Tallied
from sluice.edges.evidence.notary import Notary
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.sinks.spool import Spool
from sluice.session.permit import Receipt

Synced = Callable[[Receipt], None]

SIGN_SECONDS = 0.5
"""Checkpoints are at least this far apart: while events come, there are one or two a second."""

DRAIN_SECONDS = 0.002


class Recorder:
    """One process's log. `append` is for sources that need no more than `flushed`; `append_synced` for those that do."""

    def __init__(self, log: JsonLog, notary: Notary, failed: Callable[[str], None]) -> None:
        """Raises OSError when there is no place for the spool, LogFailed when what it held cannot be put into the log."""
        self._log = log
        self._notary = notary
        self._spool = Spool(log.path, log, LogFailed)
        self._filled = False
        self._failed = failed
        self._signer = ThreadPoolExecutor(1, "log-notary")
        self._signing = False
        self._sign_timer: asyncio.TimerHandle | None = None
        self._synced_to = log.position
        self.unsigned = ""
        self.signed: Callable[[Checkpoint], None] = lambda _: None
        self._waiting: list[tuple[tuple[str, ...], Synced, Callable[[str], None]]] = []
        self._syncing = False
        self._dirty = False
        # By the loop's clock; 0: every line has a checkpoint.
        self._unsigned_since = 0.0
        self._executor = ThreadPoolExecutor(1, "log-sync")
        self._timer: asyncio.TimerHandle | None = None
        self.events = 0
        self.bytes = 0

    @property
    def folder(self) -> Path:
        """Where the log is."""
        return self._log.path

    def append(self, lines: bytes, event_ids: tuple[str, ...]) -> Receipt:
        """Appends whole lines; LogFailed when the log cannot take them."""
        receipt = self._spool.append(lines, event_ids)
        self.took(len(event_ids), len(lines))
        return receipt

    @property
    def ends(self) -> tuple[Spool, JsonLog]:
        """Where lines are put and what says whether they may be, for who appends by himself and tells `took`."""
        return self._spool, self._log

    def took(self, events: int, size: int) -> None:
        """So many events, and bytes of lines, have been appended."""
        self.events += events
        self.bytes += size
        if not self._filled:
            self._filled = True
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._empty)

    def append_synced(
        self, lines: bytes, event_ids: tuple[str, ...], done: Synced, failed: Callable[[str], None]
    ) -> None:
        """Appends whole lines and calls `done` once they are on the medium; LogFailed when they cannot even be written."""
        self._spool.drain()
        self._log.append(lines)
        self._spool.settle()
        self.bytes += len(lines)
        self._soil()
        self.events += len(event_ids)
        self._waiting.append((event_ids, done, failed))
        if not self._syncing:
            self._sync()

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest signed head of the log's tree."""
        return self._notary.signed

    @property
    def lag(self) -> float:
        """For how many seconds the oldest line without a checkpoint has been in the log."""
        return asyncio.get_running_loop().time() - self._unsigned_since if self._unsigned_since else 0.0

    def told(self) -> Iterable[Tallied]:
        """What the lines say that were signed since the last time, added up."""
        return self._notary.told()

    @property
    def closed(self) -> int:
        """How many segments of the log grow no more."""
        return self._notary.closed

    @property
    def healthy(self) -> bool:
        """Whether the log takes lines."""
        return self._log.failure is None

    def probe(self, line: bytes) -> bool:
        """Tries to bring a failed log back; whether it takes lines again."""
        try:
            self._log.probe(line)
            self._spool.drain()
            self._spool.settle()
        except LogFailed:
            return False
        return True

    def close(self) -> None:
        """Forces what is left to the medium and lets go; LogFailed when that did not work."""
        for timer in (self._timer, self._sign_timer):
            if timer is not None:
                timer.cancel()
        self._executor.shutdown(wait=True)
        self._signer.shutdown(wait=True)
        self._spool.close()
        position = self._log.position
        self._log.close()
        try:
            self._notary.advance(*position)
        except OSError as error:
            raise LogFailed(f"the last checkpoint could not be written: {error.strerror}") from error

    @property
    def spoilt(self) -> int:
        """Bytes of lines in the spool that a lost machine had spoilt."""
        return self._spool.lost

    def _empty(self) -> None:
        self._filled = False
        try:
            self._spool.drain()
        except LogFailed as failure:
            self._failed(str(failure))
            return
        self._soil()

    def _soil(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._unsigned_since = self._unsigned_since or asyncio.get_running_loop().time()
            self._timer = asyncio.get_running_loop().call_later(self._log.fsync_ms / 1000, self._sync)
            if self._sign_timer is None:
                self._sign_timer = asyncio.get_running_loop().call_later(SIGN_SECONDS, self._sign)

    def _sync(self) -> None:
        if self._syncing or not (self._dirty or self._waiting):
            return
        self._syncing, self._dirty = True, False
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = self._waiting, []
        try:
            descriptor = os.dup(self._log.fileno())
        except OSError as error:
            # The process has no descriptor left.
            self._unsynced(waiting, str(error))
            return
        position = self._log.position
        future = asyncio.get_running_loop().run_in_executor(self._executor, _force, descriptor)
        future.add_done_callback(lambda done: self._synced(waiting, position, done))

    def _synced(
        self,
        waiting: list[tuple[tuple[str, ...], Synced, Callable[[str], None]]],
        position: tuple[int, int],
        done: asyncio.Future[None],
    ) -> None:
        error = done.exception()
        if error is not None:
            self._unsynced(waiting, str(error))
            return
        self._syncing = False
        self._synced_to = position
        for event_ids, ready, _ in waiting:
            ready(Receipt(event_ids, True))
        if self._waiting:
            self._sync()

    def _unsynced(self, waiting: list[tuple[tuple[str, ...], Synced, Callable[[str], None]]], why: str) -> None:
        self._syncing = False
        reason = self._log.distrust(f"the log cannot be synced: {why}")
        self._failed(reason)
        for _, _, failed in waiting:
            failed(reason)

    def _sign(self) -> None:
        self._sign_timer = None
        if self._signing:
            return
        self._signing = True
        future = asyncio.get_running_loop().run_in_executor(self._signer, self._notary.advance, *self._synced_to)
        future.add_done_callback(self._has_signed)

    def _has_signed(self, done: asyncio.Future[Checkpoint | None]) -> None:
        self._signing = False
        error = done.exception()
        self.unsigned = "" if error is None else f"the log's checkpoint cannot be written: {error}"
        checkpoint = done.result() if error is None else None
        if checkpoint is not None:
            self.signed(checkpoint)
        if error is None:
            behind = self._synced_to != self._log.position
            self._unsigned_since = asyncio.get_running_loop().time() if behind else 0.0
        if (error is not None or self._synced_to != self._log.position) and self._sign_timer is None:
            self._sign_timer = asyncio.get_running_loop().call_later(SIGN_SECONDS, self._sign)


def _force(descriptor: int) -> None:
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
