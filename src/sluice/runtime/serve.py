"""`sluice serve`: one process from its configuration to its graceful end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from functools import partial
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
from sluice.runtime.gateway import Gateway
from sluice.runtime.listener import Listening, accept, listen
from sluice.runtime.postern import Postern
from sluice.runtime.roster import Roster
from sluice.runtime.rules import Rules, RulesError, read_rules
from sluice.runtime.slack_socket import follow_slack
from sluice.runtime.steady import Steady
from sluice.runtime.watch import Watch, named

DRAIN_SECONDS = 30.0
START_SECONDS = 10.0
"""So long the start waits for catalogs; a source that takes longer comes when it comes."""
LOOK_SECONDS = 0.4


def serve(config: Config, path: Path) -> int:
    """Runs the gateway until SIGTERM or SIGINT; the exit status. `path` is the file the configuration came from.

    Statements that run when the signal comes are let finish for half a minute. SIGHUP and changed files reload everything
    but listeners.
    """
    _structured()
    # What is made at the start lives to the end: collections need not look at it, nor come at every few statements.
    gc.set_threshold(50_000, 20, 50)
    try:
        rules = read_rules(config)
        log = open_log(config.audit)
        store = Store(place_of(config))
    except (RulesError, LogFailed, StoreError) as error:
        structlog.get_logger("sluice").error("cannot start", reason=str(error))
        return 2
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(config, rules, path, log, store))
    finally:
        store.close()


def _structured() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _run(
    config: Config, rules: Rules, path: Path, opened: tuple[JsonLog, Notary, tuple[str, ...]], store: Store
) -> int:
    log, notary, mended = opened
    try:
        gateway = Gateway(config, rules, log, notary, store)
        listeners = [listen(listener) for listener in config.listeners]
    except (OSError, ValueError, LogFailed) as error:
        structlog.get_logger("sluice").error("cannot start", reason=str(error))
        return 2
    gateway.started(log.repaired + gateway.recorder.spoilt, mended)
    await gateway.standing.load()
    leave = gateway.follow_store()
    roster = Roster(config.audit.path, gateway.standing.here)
    await roster.open()
    await gateway.worlds.begin(START_SECONDS)
    postern = Postern(
        gateway.metrics.registry, lambda: _healthy(gateway), lambda: _ready(gateway), partial(api.serve, gateway)
    )
    admin = await postern.open(config.admin.address, config.admin.port)
    work = [
        Steady("accepting connections", partial(accept, one, gateway.admit, config.limits.connections))
        for one in listeners
    ]
    work += [Steady("catalogs", gateway.worlds.poll), Steady("housekeeping", partial(_housekeep, gateway, path))]
    work.append(Steady("Slack", partial(follow_slack, gateway)))
    gc.collect()
    gc.freeze()
    _announce(gateway, listeners, admin)
    reason = await _until_signal(gateway, path)
    leave()
    roster.close()
    for one in work:
        one.stop()
    for listening in listeners:
        listening.socket.close()
    postern.close()
    return await _end(gateway, reason)


def _announce(gateway: Gateway, listeners: list[Listening], admin: int) -> None:
    addresses = [f"{one.config.address}:{one.port}" for one in listeners]
    gateway.log.info("listening", addresses=addresses, admin=admin, sources=sorted(gateway.config.sources))
    for opening in fail_open(gateway.config):
        gateway.log.warning("fail-open setting", setting=str(opening))


async def _until_signal(gateway: Gateway, path: Path) -> str:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _settle, stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, lambda: gateway.spawn(reload(gateway, path)))
    return await stop


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
    gateway.keyrings.close()
    if gateway.sealing is not None:
        gateway.sealing.close()
    try:
        gateway.stopped(reason)
        gateway.recorder.close()
        gateway.witnessing.close()
    except LogFailed as failure:
        gateway.log.error("the log did not close", reason=str(failure))
        return 1
    gateway.log.info("stopped", sessions=gateway.sessions)
    return 0


async def _housekeep(gateway: Gateway, path: Path) -> None:
    watch = Watch(path, gateway.config)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        gateway.metrics.statements.set(gateway.recorder.events)
        gateway.metrics.log_bytes.set(gateway.recorder.bytes)
        gateway.metrics.signed.set(gateway.recorder.checkpoint.size)
        gateway.metrics.witness_failures.set(gateway.witnessing.failures)
        gateway.metrics.snapshot.set(gateway.worlds.version)
        if not gateway.recorder.healthy:
            line = encode(ConfigReloaded("g-probe", stamp(time.time()), gateway.worlds.version))
            if gateway.recorder.probe(line):
                gateway.log.info("the event log is written again")
        try:
            await gateway.approvals.expire()
            await gateway.access.keep()
            gateway.spawn(gateway.telling.keep())
            await gateway.budgets.keep()
        except StoreError as error:
            gateway.log.warning("what ran out could not be written down", reason=str(error))
        if gateway.sealing is not None:
            gateway.metrics.seal_failures.set(gateway.sealing.failures)
            gateway.spawn(gateway.sealing.keep(gateway.recorder.closed))
        gateway.spawn(gateway.keyrings.refresh(gateway.tokens))
        await gateway.standing.keep()
        if await asyncio.to_thread(watch.changed):
            await reload(gateway, path)
            # A file whose lack made it be rejected has to be noticed when it comes.
            watch.follow(await asyncio.to_thread(named, path, gateway.config))


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


def _healthy(gateway: Gateway) -> str:
    return gateway.recorder.unsigned if gateway.recorder.healthy else "the event log cannot be written"


def _ready(gateway: Gateway) -> str:
    if gateway.stopping:
        return "stopping"
    missing = sorted(name for name in gateway.config.sources if gateway.worlds.of(name) is None)
    return _healthy(gateway) or (f"no catalog of {', '.join(missing)}" if missing else "")
