"""The control process of several workers: it starts them, hears them, passes on what they tell, and starts anew what ends.

Each worker listens on a socket of its own on the same address (SO_REUSEPORT). The sockets are opened here and outlive the workers:
who connects while one is being started anew waits in its queue, and is not turned away.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from sluice.edges.evidence.heads import publish
from sluice.edges.evidence.keys import load_or_create_key
from sluice.edges.evidence.opening import begun_as
from sluice.edges.sinks.jsonl import LogFailed
from sluice.runtime.keys import owner_of
from sluice.runtime.listener import bind
from sluice.runtime.merged import Merged
from sluice.runtime.reins import (
    Applied,
    Beat,
    Cancel,
    CatalogChanged,
    FailedLogin,
    Learned,
    Message,
    Ready,
    Reins,
    Reloaded,
)

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

log = structlog.get_logger("sluice.workers")
DRAIN_SECONDS = 35.0
"""A worker that was told to end gives its sessions half a minute; then it is killed."""
SILENT_SECONDS = 60.0
"""A worker that says nothing for so long hangs, and is killed."""
_HEADS_SECONDS = 2.0
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0


class Given(msgspec.Struct, frozen=True):
    """What a worker is started with: its number, of how many, and the descriptors it inherits."""

    config: str
    number: int
    workers: int
    reins: int
    sockets: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Worker:
    """One worker, over all the processes that it has been."""

    number: int
    sockets: list[socket.socket]
    process: asyncio.subprocess.Process | None = None
    reins: Reins | None = None
    ready: bool = False
    beat: Beat | None = None
    heard_at: float = 0.0
    reloaded: asyncio.Future[bool] | None = None
    applying: dict[int, tuple[Worker | None, int]] = field(default_factory=dict)
    """What it is to put in force: for whom, and under which number that one waits."""


class Fleet:
    """The workers of one gateway. Raises OSError when an address cannot be had, ValueError for a number of workers."""

    def __init__(self, gateway: Gateway, path: Path, count: int) -> None:
        self._gateway, self._path = gateway, path
        self._workers: list[Worker] = []
        try:
            for number in range(1, count + 1):
                self._workers.append(Worker(number, []))
                for listener in gateway.config.listeners:
                    self._workers[-1].sockets.append(bind(listener, shared=True))
        except OSError:
            self._shut()
            raise
        self.metrics = Merged(gateway.metrics.registry)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._learned = 0
        self._owed: dict[tuple[Worker, int], int] = {}
        self._published = 0.0
        gateway.worlds.reread = lambda source: self._all(CatalogChanged(source))

    def start(self) -> None:
        """Starts every worker, and keeps each running."""
        self._tasks = [asyncio.create_task(self._run(worker)) for worker in self._workers]

    async def stop(self) -> None:
        """Ends every worker in good order: what runs may finish, for a while."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        if late:
            log.error("workers did not end in time and are killed", count=len(late))
            self._signal(signal.SIGKILL)
            await asyncio.wait(late)
        self._shut()

    async def reload(self) -> bool:
        """Has every worker read its files again; whether all could."""
        loop = asyncio.get_running_loop()
        waited = [worker for worker in self._workers if worker.ready]
        for worker in waited:
            worker.reloaded = loop.create_future()
        self._signal(signal.SIGHUP)
        futures = [worker.reloaded for worker in waited if worker.reloaded is not None]
        if futures:
            await asyncio.wait(futures, timeout=DRAIN_SECONDS)
        return all(future.done() and future.result() for future in futures)

    def ill(self) -> str:
        """Why some worker is not healthy; empty: all are."""
        return next(
            (f"worker {each.number}: {each.beat.ill}" for each in self._workers if each.beat and each.beat.ill), ""
        )

    def unready(self) -> str:
        """Why some worker should get no clients; empty: all should."""
        for each in self._workers:
            if not each.ready:
                return f"worker {each.number} is being started"
            if each.beat is not None and each.beat.unready:
                return f"worker {each.number}: {each.beat.unready}"
        return ""

    async def keep(self) -> None:
        """Once in a while: kills what hangs, publishes a head over all logs."""
        self._gateway.metrics.workers.set(0)
        for worker in self._workers:
            if worker.process is not None and hangs(worker, time.monotonic()):
                log.error("a worker hangs and is killed", number=worker.number)
                worker.process.kill()
        if time.monotonic() - self._published > _HEADS_SECONDS:
            self._published = time.monotonic()
            await asyncio.to_thread(self.publish_head)

    def publish_head(self) -> None:
        """Signs one head over the logs of all processes (it may block). What fails is logged, and tried again."""
        audit = self._gateway.config.audit
        logs = [audit.path, *(audit.path / f"worker-{worker.number}" for worker in self._workers)]
        try:
            origin = f"{audit.origin or begun_as(audit.path) or 'sluice'}/heads"
            publish(audit.path / "heads", load_or_create_key(audit.signing_key), origin, logs)
        except (LogFailed, OSError) as failure:
            log.error("the head over all logs could not be published", reason=str(failure))

    async def _run(self, worker: Worker) -> None:
        pause = 0.0
        while not self._stopping:
            began = time.monotonic()
            try:
                status = await self._once(worker)
            except OSError as error:
                status = -1
                log.error("a worker cannot be started", number=worker.number, reason=str(error))
            self._ended(worker)
            if self._stopping:
                return
            self._gateway.metrics.restarts.inc()
            log.error("a worker ended by itself and is started anew", number=worker.number, status=status)
            lived = time.monotonic() - began
            pause = rest(lived, pause)
            await asyncio.sleep(pause)

    async def _once(self, worker: Worker) -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            sockets = tuple(each.fileno() for each in worker.sockets)
            given = Given(str(self._path), worker.number, len(self._workers), theirs.fileno(), sockets)
            command = (sys.executable, "-m", "sluice.runtime.worker", msgspec.json.encode(given).decode())
            worker.process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(), *sockets))
        if self._stopping:
            worker.process.send_signal(signal.SIGTERM)
        worker.heard_at = time.monotonic()
        worker.reins = Reins(lambda message: self._heard(worker, message), lambda: None)
        await worker.reins.open(ours)
        return await worker.process.wait()

    def _ended(self, worker: Worker) -> None:
        worker.ready, worker.process, worker.beat = False, None, None
        self.metrics.ended(worker.number)
        if worker.reins is not None:
            worker.reins.close()
            worker.reins = None
        if worker.reloaded is not None and not worker.reloaded.done():
            worker.reloaded.set_result(False)
        for number in list(worker.applying):
            # What it did not put in force it reads when it is started anew.
            self._applied(worker, number)

    def _heard(self, worker: Worker, message: Message) -> None:
        match message:
            case Ready():
                worker.ready, worker.heard_at = True, time.monotonic()
            case Beat():
                worker.beat, worker.heard_at = message, time.monotonic()
                self.metrics.told(worker.number, message.metrics)
            case Cancel(pid, _):
                for each in self._workers:
                    if each.number == owner_of(pid) and each.reins is not None:
                        each.reins.tell(message)
            case FailedLogin() | CatalogChanged():
                self._others(worker, message)
                if isinstance(message, CatalogChanged):
                    self._gateway.spawn(self._gateway.worlds.look(message.source))
            case Learned():
                self._learn(worker, message)
            case Applied(number):
                self._applied(worker, number)
            case Reloaded(good):
                if worker.reloaded is not None and not worker.reloaded.done():
                    worker.reloaded.set_result(good)

    def _learn(self, worker: Worker, message: Learned) -> None:
        """Keeps what a worker learned, and answers it when all others have it too."""
        found = {(oid, attnum): frozenset(labels) for oid, attnum, labels in message.places}
        self._gateway.worlds.learn(message.source, found)
        self._learned += 1
        others = [each for each in self._workers if each is not worker and each.reins is not None]
        self._owed[worker, message.number] = len(others)
        for each in others:
            each.applying[self._learned] = (worker, message.number)
            if each.reins is not None:
                each.reins.tell(Learned(message.source, message.places, self._learned))
        self._answer(worker, message.number)

    def _applied(self, worker: Worker, number: int) -> None:
        who, theirs = worker.applying.pop(number, (None, 0))
        if who is not None:
            self._owed[who, theirs] -= 1
            self._answer(who, theirs)

    def _answer(self, worker: Worker, number: int) -> None:
        if self._owed.get((worker, number)) == 0:
            del self._owed[worker, number]
            if worker.reins is not None and number:
                worker.reins.tell(Applied(number))

    def _all(self, message: Message) -> None:
        for each in self._workers:
            if each.reins is not None:
                each.reins.tell(message)

    def _others(self, worker: Worker, message: Message) -> None:
        for each in self._workers:
            if each is not worker and each.reins is not None:
                each.reins.tell(message)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.returncode is None:
                worker.process.send_signal(number)

    def _shut(self) -> None:
        for worker in self._workers:
            for each in worker.sockets:
                each.close()


def hangs(worker: Worker, now: float) -> bool:
    """Whether a worker that was ready has said nothing for too long. One that starts has all the time it needs."""
    return worker.ready and now - worker.heard_at > SILENT_SECONDS


def rest(lived: float, before: float) -> float:
    """Seconds until a worker is started anew that lived so long, and was waited for so long before: at once, if it lived well."""
    return 0.0 if lived > STEADY_SECONDS else min(LONGEST_PAUSE, max(0.1, before * 2))
