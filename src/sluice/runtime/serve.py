"""`sluice serve`: one process from its configuration to its graceful end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

import structlog
import uvloop

from sluice.audit.encode import encode, stamp
from sluice.audit.events import ConfigRejected, ConfigReloaded
from sluice.edges.config import Config, ConfigError, changed, fail_open, load
from sluice.edges.evidence.notary import Notary
from sluice.edges.evidence.opening import open_log
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.store import Store, StoreError, place_of
from sluice.runtime.api import api
from sluice.runtime.fleet import Fleet
from sluice.runtime.gateway import Gateway
from sluice.runtime.listener import Listening, accept, listen
from sluice.runtime.merged import families
from sluice.runtime.notify import Notify
from sluice.runtime.postern import Postern
from sluice.runtime.reins import Beat, Ready, Reins, Reloaded
from sluice.runtime.roster import Roster
from sluice.runtime.rules import Rules, RulesError, read_rules
from sluice.runtime.slack_socket import follow_slack
from sluice.runtime.steady import Steady
from sluice.runtime.watch import Watch, named

DRAIN_SECONDS = 30.0
START_SECONDS = 10.0
"""So long the start waits for catalogs; a source that takes longer comes when it comes."""
LOOK_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Role:
    """What one process is to a gateway: all of it (one worker), its control process (number 0 of several), or a worker.

    A worker has its listening sockets, and its end of the socket to the control process.
    """

    number: int = 0
    workers: int = 1
    sockets: tuple[socket.socket, ...] = ()
    reins: socket.socket | None = None

    @property
    def leads(self) -> bool:
        """Whether it does what is done once for the whole gateway."""
        return self.number == 0

    @property
    def listens(self) -> bool:
        """Whether clients connect to it."""
        return self.number > 0 or self.workers == 1


def serve(config: Config, path: Path, role: Role = Role()) -> int:
    """Runs the gateway, or its part of it, until SIGTERM or SIGINT; the exit status. `path` is the configuration's file.

    Statements that run when the signal comes are let finish for half a minute. SIGHUP and changed files reload everything
    but listeners.
    """
    _structured(role)
    # What is made at the start lives to the end: collections need not look at it, nor come at every few statements.
    gc.set_threshold(50_000, 20, 50)
    try:
        rules = read_rules(config)
        log = open_log(config.audit, config.audit.path / f"worker-{role.number}" if role.number else None)
        store = Store(place_of(config))
    except (RulesError, LogFailed, StoreError) as error:
        structlog.get_logger("sluice").error("cannot start", reason=str(error))
        return 2
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(config, rules, path, log, store, role))
    finally:
        store.close()


def _structured(role: Role) -> None:
    if role.number:
        structlog.contextvars.bind_contextvars(worker=role.number)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _run(
    config: Config,
    rules: Rules,
    path: Path,
    opened: tuple[JsonLog, Notary, tuple[str, ...]],
    store: Store,
    role: Role,
) -> int:
    log, notary, mended = opened
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _settle, stop, number.name)
    try:
        gateway = Gateway(config, rules, log, notary, store, role.number, role.workers)
        fleet = Fleet(gateway, path, role.workers) if role.leads and role.workers > 1 else None
        listeners = []
        if role.listens:
            listeners = [listen(one, bound) for one, bound in zip_longest(config.listeners, role.sockets)]
        gateway.started(log.repaired + gateway.recorder.spoilt, mended)
        reins = await _attached(gateway, role, stop)
    except (OSError, ValueError, LogFailed) as error:
        structlog.get_logger("sluice").error("cannot start", reason=str(error))
        return 2
    status = await _serve(gateway, path, role, fleet, listeners, stop)
    if reins is not None:
        reins.close()
    return status


async def _serve(
    gateway: Gateway,
    path: Path,
    role: Role,
    fleet: Fleet | None,
    listeners: list[Listening],
    stop: asyncio.Future[str],
) -> int:
    loop, config = asyncio.get_running_loop(), gateway.config
    await gateway.agreed.agree()
    await gateway.standing.load()
    leave = gateway.follow_store()
    roster = Roster(gateway.recorder.folder, gateway.standing.here)
    await roster.open()
    await gateway.worlds.begin(START_SECONDS)
    notify = Notify()
    postern = _postern(gateway, fleet)
    admin = await postern.open(config.admin.address, config.admin.port) if role.leads else 0
    most = gateway.peers.share(config.limits.connections)
    work = [Steady("accepting connections", partial(accept, one, gateway.admit, most)) for one in listeners]
    work.append(Steady("catalogs", partial(gateway.worlds.poll, role.leads)))
    work.append(Steady("housekeeping", partial(_housekeep, gateway, path, role, notify, fleet)))
    if role.leads:
        work.append(Steady("Slack", partial(follow_slack, gateway)))
        work.append(Steady("new columns", gateway.looking.keep))
    gc.collect()
    gc.freeze()
    if fleet is not None:
        fleet.start()
    _announce(gateway, listeners, admin)
    loop.add_signal_handler(signal.SIGHUP, lambda: gateway.spawn(_hung_up(gateway, path, notify, fleet)))
    gateway.peers.tell(Ready())
    if role.leads:
        gateway.spawn(_tell_ready(gateway, notify, fleet))
    reason = await stop
    if role.leads:
        notify.stopping()
    gateway.stopping = True
    if fleet is not None:
        await fleet.stop()
    leave()
    roster.close()
    for one in work:
        one.stop()
    for listening in listeners:
        listening.socket.close()
    postern.close()
    status = await _end(gateway, reason)
    if fleet is not None:
        await asyncio.to_thread(fleet.publish_head)
    return status


async def _attached(gateway: Gateway, role: Role, stop: asyncio.Future[str]) -> Reins | None:
    """A worker's reins. Without the control process nobody looks after it, so it ends."""
    if role.reins is None:
        return None
    reins = Reins(gateway.peers.heard, lambda: _settle(stop, "the control process is gone"))
    await reins.open(role.reins)
    gateway.peers.attach(reins)
    return reins


def _postern(gateway: Gateway, fleet: Fleet | None) -> Postern:
    if fleet is None:
        return Postern(
            gateway.metrics.registry, lambda: healthy(gateway), lambda: ready(gateway), partial(api.serve, gateway)
        )
    return Postern(
        fleet.metrics,
        lambda: healthy(gateway) or fleet.ill(),
        lambda: ready(gateway) or fleet.unready(),
        partial(api.serve, gateway),
    )


def _announce(gateway: Gateway, listeners: list[Listening], admin: int) -> None:
    addresses = [f"{one.config.address}:{one.port}" for one in listeners]
    gateway.log.info("listening", addresses=addresses, admin=admin, sources=sorted(gateway.config.sources))
    for opening in fail_open(gateway.config):
        gateway.log.warning("fail-open setting", setting=str(opening))


async def _tell_ready(gateway: Gateway, notify: Notify, fleet: Fleet | None) -> None:
    """Tells systemd once clients can connect."""
    while fleet is not None and fleet.unready():
        await asyncio.sleep(0.05)
    if not gateway.stopping:
        notify.ready("taking connections")


async def _hung_up(gateway: Gateway, path: Path, notify: Notify, fleet: Fleet | None) -> None:
    """SIGHUP: everything is read again, in every process."""
    if gateway.peers.number == 0:
        notify.reloading()
    good = await reload(gateway, path)
    gateway.peers.tell(Reloaded(good))
    if fleet is not None:
        good = await fleet.reload() and good
    if gateway.peers.number == 0:
        notify.ready("taking connections" if good else "the new configuration was rejected, the one before is in force")


def _settle(stop: asyncio.Future[str], reason: str) -> None:
    if not stop.done():
        stop.set_result(reason)


async def _end(gateway: Gateway, reason: str) -> int:
    gateway.log.info("draining", sessions=gateway.sessions, reason=reason)
    gateway.stop_sessions()
    loop = asyncio.get_running_loop()
    until = loop.time() + DRAIN_SECONDS
    while gateway.sessions and loop.time() < until:
        await asyncio.sleep(0.05)
    await gateway.budgets.close()
    gateway.large.close()
    gateway.looking.close()
    gateway.keyrings.close()
    if gateway.sealing is not None:
        gateway.sealing.close()
    gateway.pump.close()
    try:
        gateway.stopped(reason)
        gateway.recorder.close()
        gateway.witnessing.close()
    except LogFailed as failure:
        gateway.log.error("the log did not close", reason=str(failure))
        return 1
    gateway.log.info("stopped", sessions=gateway.sessions)
    return 0


async def _housekeep(gateway: Gateway, path: Path, role: Role, notify: Notify, fleet: Fleet | None) -> None:
    watch = Watch(path, gateway.config)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        _measure(gateway)
        if not gateway.recorder.healthy:
            line = encode(ConfigReloaded("g-probe", stamp(time.time()), gateway.worlds.version))
            if gateway.recorder.probe(line):
                gateway.log.info("the event log is written again")
        ill, unready = healthy(gateway), ready(gateway)
        gateway.peers.tell(Beat(ill, unready, gateway.sessions, families(gateway.metrics.registry)))
        if role.leads and not (ill or (fleet is not None and fleet.ill())):
            notify.alive()
        try:
            await gateway.access.keep(role.leads)
            await gateway.budgets.keep()
            if role.leads:
                await gateway.approvals.expire()
                gateway.spawn(gateway.telling.keep())
        except StoreError as error:
            gateway.log.warning("what ran out could not be written down", reason=str(error))
        if gateway.sealing is not None:
            gateway.metrics.seal_failures.set(gateway.sealing.failures)
            gateway.spawn(gateway.sealing.keep(gateway.recorder.closed))
        if fleet is not None:
            await fleet.keep()
        gateway.spawn(gateway.keyrings.refresh(gateway.tokens))
        await gateway.agreed.keep()
        await gateway.standing.keep()
        if await asyncio.to_thread(watch.changed):
            await reload(gateway, path)
            # A file whose lack made it be rejected has to be noticed when it comes.
            watch.follow(await asyncio.to_thread(named, path, gateway.config))


def _measure(gateway: Gateway) -> None:
    gateway.metrics.statements.set(gateway.recorder.events)
    gateway.metrics.log_bytes.set(gateway.recorder.bytes)
    gateway.metrics.signed.set(gateway.recorder.checkpoint.size)
    gateway.metrics.witness_failures.set(gateway.witnessing.failures)
    gateway.metrics.snapshot.set(gateway.worlds.version)
    gateway.metrics.lag.set(gateway.recorder.lag)
    gateway.metrics.holds.set(gateway.approvals.waiting)
    gateway.metrics.count(gateway.recorder.told())
    if gateway.peers.number or gateway.peers.workers == 1:
        gateway.metrics.workers.set(0 if gateway.stopping else 1)


async def reload(gateway: Gateway, path: Path) -> bool:
    """Puts the files' present contents in force, or keeps what is and says why; whether it did."""
    version = gateway.worlds.version
    try:
        # Reading and validating a thousand policies takes half a second: not on the loop.
        config = await asyncio.to_thread(load, path)
        rules = await asyncio.to_thread(read_rules, config)
        restart = changed(gateway.config, config).restart
        gateway.swap(config, rules)
    except (ConfigError, RulesError, OSError, ValueError) as error:
        gateway.log.error("configuration rejected, the one before stays in force", reason=str(error))
        gateway.metrics.reloads.labels("rejected").inc()
        gateway.note_config(ConfigRejected(gateway.new_id(), stamp(time.time()), version, str(error)[:2000]))
        return False
    if restart:
        gateway.log.warning("changed only by a restart", parts=list(restart))
    gateway.log.info("configuration reloaded", version=gateway.worlds.version)
    gateway.metrics.reloads.labels("accepted").inc()
    openings = tuple(str(opening) for opening in fail_open(config))
    gateway.note_config(
        ConfigReloaded(gateway.new_id(), stamp(time.time()), gateway.worlds.version, (str(path),), openings)
    )
    return True


def healthy(gateway: Gateway) -> str:
    """Why nothing may run in this process; empty: it may."""
    return gateway.recorder.unsigned if gateway.recorder.healthy else "the event log cannot be written"


def ready(gateway: Gateway) -> str:
    """Why this process should get no clients; empty: it should."""
    if gateway.stopping:
        return "stopping"
    missing = sorted(name for name in gateway.config.sources if gateway.worlds.of(name) is None)
    return healthy(gateway) or (f"no catalog of {', '.join(missing)}" if missing else "")
