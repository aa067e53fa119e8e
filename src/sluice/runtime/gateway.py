"""The gateway of one process: its configuration, its worlds, its sessions, and what they may ask of it."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import time
from collections.abc import Callable, Coroutine

import structlog

from sluice import __version__
from sluice.audit.encode import encode, stamp
from sluice.audit.events import (
    AuthFailed,
    ConfigRejected,
    ConfigReloaded,
    Event,
    GatewayStarted,
    GatewayStopped,
    Peer,
    ProtocolBroken,
)
from sluice.edges.config import Config, fail_open
from sluice.edges.evidence.notary import Notary
from sluice.edges.identity import (
    Directory,
    RateLimit,
    Rejected,
    TokenVerifier,
    directory_of,
    issuers_of,
    logout_verifier,
)
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.sinks.unfinished import completed
from sluice.edges.store import Store
from sluice.engines.engine import Engine
from sluice.engines.postgres.login import Failed
from sluice.engines.postgres.oauth import Metadata
from sluice.engines.postgres.upstream_login import LoggedIn
from sluice.engines.registry import ENGINES
from sluice.model.columns import ColumnRef
from sluice.model.identity import Identity
from sluice.runtime import upstream
from sluice.runtime.access import Access
from sluice.runtime.agreed import Agreed
from sluice.runtime.api.pages import Clients
from sluice.runtime.approvals import Approvals
from sluice.runtime.budgets import Budgets
from sluice.runtime.credentials import Credentials, metadata_of
from sluice.runtime.driver import Driver
from sluice.runtime.entrance import admit, turn_away
from sluice.runtime.keyrings import Keyrings
from sluice.runtime.keys import CancelKeys
from sluice.runtime.listener import Listening
from sluice.runtime.looking import Looking
from sluice.runtime.lowering import LargeTexts
from sluice.runtime.metrics import Metrics
from sluice.runtime.peers import Peers
from sluice.runtime.pump import Pump
from sluice.runtime.recorder import Recorder
from sluice.runtime.rules import Rules
from sluice.runtime.sealing import Sealing
from sluice.runtime.standing import Standing
from sluice.runtime.telling import Telling
from sluice.runtime.witnessing import Witnessing
from sluice.runtime.worlds import Worlds
from sluice.session import effects as fx
from sluice.session.events import CatalogBuilt, Lowered, WorldChanged
from sluice.session.purse import Want

CANCEL_AGAIN_SECONDS = 0.5


class Gateway:
    """Everything a session may ask for (see `driver.Services`), and everything that outlives one."""

    def __init__(
        self,
        config: Config,
        rules: Rules,
        log: JsonLog,
        notary: Notary,
        store: Store,
        number: int = 0,
        workers: int = 1,
    ) -> None:
        """`number`: which of several workers it is. Reads token keys; raises OSError or ValueError when they cannot be read."""
        self.config = config
        self.log = structlog.get_logger("sluice")
        self.metrics = Metrics()
        self.recorder = Recorder(log, notary, self._log_failed)
        self.pump = Pump(self.recorder)
        self.witnessing = Witnessing(log.path, notary.verifier, config.audit.witnesses, config.audit.witness_seconds)
        self.recorder.signed = self.witnessing.signed
        self.sealing = Sealing(log.path, config.audit.sealing_key) if config.audit.seal else None
        self.keys = CancelKeys(number)
        self.mock_secret = b""
        self.oauth: Metadata | None = None
        self.logouts = TokenVerifier(())
        self.page_secret = b""
        self.clients = Clients()
        self.engine: Engine = ENGINES[0]
        self.worlds = Worlds(self.engine, config, rules)
        self.large = LargeTexts(self.engine.lower)
        self.looking = Looking(self)
        self.rate = RateLimit(
            config.limits.auth_failures_per_minute_per_address, config.limits.auth_failures_per_minute_per_user
        )
        self.directory: Directory
        self.tokens = TokenVerifier(())
        self.keyrings = Keyrings()
        self._people(config, rules)
        self.store = store
        self.approvals = Approvals(self)
        self.standing = Standing(self)
        self.access = Access(self)
        self.agreed = Agreed(self)
        self.telling = Telling(self)
        self.credentials = Credentials(self)
        self.budgets = Budgets(self)
        self.peers = Peers(self, number, workers)
        self._sessions: dict[Driver, tuple[str, LoggedIn, int]] = {}
        self._leave: dict[Driver, object] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self.stopping = False

    @property
    def sessions(self) -> int:
        """Sessions open now."""
        return len(self._sessions)

    def started(self, repaired: int, mended: tuple[str, ...]) -> None:
        """Writes that the gateway begins to write here, and how ended what another left open. Raises LogFailed, OSError."""
        lines, lost = completed(self.recorder.folder, time.time())
        if lines:
            self.recorder.append(lines, ())
            mended = (*mended, f"{lost} statements of a process that was killed were completed as lost")
        openings = tuple(str(opening) for opening in fail_open(self.config))
        self.note(
            GatewayStarted(
                self.new_id(), stamp(time.time()), __version__, self.worlds.version, repaired, openings, mended
            )
        )
        for what in mended:
            self.log.warning("the event log was mended", found=what)

    def stopped(self, reason: str) -> None:
        """Writes that it ended in good order."""
        self.note(GatewayStopped(self.new_id(), stamp(time.time()), reason))

    async def admit(self, listening: Listening, connection: socket.socket, address: str) -> None:
        """Takes a connection in."""
        if self.stopping or len(self._sessions) >= self.peers.share(self.config.limits.connections):
            self.metrics.connections.labels("full").inc()
            turn_away(connection, self.stopping)
            return
        await admit(self, listening, connection, address)

    def check_token(self, user: str, token: str) -> Identity | Rejected:
        """Who a token says the caller is, held against the users and the revocations."""
        told = self.tokens.verify(token, time.time())
        return told if isinstance(told, Rejected) else self.admitted(user, told)

    def admitted(self, user: str, told: Identity) -> Identity | Rejected:
        """Who a caller is, of whom a token told this."""
        found = self.directory.admit(user, told)
        why = "" if isinstance(found, Rejected) else self.standing.objection(found)
        return Rejected(why) if why else found

    def enter(self, driver: Driver, source: str, login: LoggedIn, secret_length: int) -> tuple[int, bytes]:
        """Takes note of a session; its cancel key."""
        pid, secret = self.keys.issue(driver.cancel_asked, secret_length)
        self._sessions[driver] = (source, login, pid)
        self._leave[driver] = self.worlds.follow(source, driver.happened)
        self.metrics.sessions.labels(source).inc()
        return pid, secret

    def ended(self, driver: Driver, reason: str) -> None:
        """A session is over."""
        self.log.debug("session ended", reason=reason)
        found = self._sessions.pop(driver, None)
        leave = self._leave.pop(driver, None)
        self.standing.leave(driver)
        if found is not None:
            self.keys.withdraw(found[2])
            self.metrics.sessions.labels(found[0]).dec()
        if callable(leave):
            leave()

    def stop_sessions(self) -> None:
        """Asks every session to end after what it runs."""
        self.stopping = True
        for driver in list(self._sessions):
            driver.stop()

    def swap(self, config: Config, rules: Rules) -> None:
        """Puts a new configuration in force. Raises OSError or ValueError, and changes nothing, when its keys cannot be read."""
        self._people(config, rules)
        self.config = config
        self.worlds.swap(config, rules)
        self.standing.judge()

    def lower(self, driver: Driver, raw: bytes, text: str) -> None:
        """Parses a large text in the child process."""

        async def work() -> None:
            statements = await self.large.lower(text)
            driver.happened(Lowered(raw, statements, time.time()))

        self.spawn(work())

    def build_catalog(self, driver: Driver, rows: list[str], shared: bool) -> None:
        """Builds a catalog; a shared one goes to everybody."""
        source = self._sessions[driver][0]
        reading = self.worlds.reading()

        async def work() -> None:
            try:
                catalog = await self.worlds.build(source, rows)
            except ValueError as error:
                self.log.error("catalog could not be built", source=source, reason=str(error))
                driver.happened(CatalogBuilt(None, time.time()))
                return
            if shared and self.worlds.newest(source, reading):
                self.worlds.publish(source, catalog)
                self.peers.catalog_changed(source)
            driver.happened(CatalogBuilt(catalog, time.time()))

        self.spawn(work())

    def refresh_catalog(self, driver: Driver) -> None:
        """Reads a source's catalog again, for everybody."""
        source = self._sessions[driver][0]

        async def work() -> None:
            await self.worlds.load(source)
            world = self.worlds.of(source)
            if world is not None:
                driver.happened(WorldChanged(world, time.time()))

        self.spawn(work())

    def learn(self, driver: Driver, learned: tuple[tuple[int, int, ColumnRef, str], ...]) -> None:
        """Keeps labels that columns took on by a write."""
        source = self._sessions[driver][0]
        found: dict[tuple[int, int], frozenset[str]] = {}
        for oid, attnum, _, label in learned:
            found[oid, attnum] = found.get((oid, attnum), frozenset()) | {label}
        self.peers.learned(source, found)

    def notice(self, driver: Driver, noticed: tuple[fx.Noticed, ...]) -> None:
        """Proposes labels for columns that turned out to hold sensitive values."""
        self.worlds.notice(self._sessions[driver][0], noticed)

    def source_of(self, driver: Driver) -> str:
        """The source that a session is on; KeyError when it has ended."""
        return self._sessions[driver][0]

    def ask_approval(self, driver: Driver, asked: fx.AskApproval) -> None:
        """Asks humans about a held statement."""
        self.approvals.ask(driver, asked)

    def end_approval(self, driver: Driver, number: int, withdraw: bool) -> None:
        """Stops waiting for them."""
        self.approvals.end(driver, number, withdraw)

    def follow_store(self) -> Callable[[], None]:
        """Hears of changes of the store until the function returned is called."""
        loop = asyncio.get_running_loop()

        def heard(topics: frozenset[str]) -> None:
            # Called by the feed's own thread; the loop may be gone by then.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._store_changed, topics)

        return self.store.follow(heard)

    def _store_changed(self, topics: frozenset[str]) -> None:
        self.approvals.heard(topics)
        self.standing.heard(topics)
        self.access.heard(topics)
        self.agreed.heard(topics)
        if self.peers.number == 0:
            # One process tells people: several would not keep to the order.
            self.telling.heard(topics)
        self.credentials.heard(topics)

    def lease(self, driver: Driver, wants: tuple[Want, ...]) -> None:
        """Leases values from the shared counts."""
        self.spawn(self.budgets.lease(driver, wants))

    def cancel(self, driver: Driver) -> None:
        """Cancels what a session runs at the database."""
        found = self._sessions.get(driver)
        source = None if found is None else self.config.sources.get(found[0])
        if found is None or source is None:
            return
        login = found[1]

        async def work() -> None:
            await upstream.cancel(source, login)
            if driver not in self._sessions:
                # It ended meanwhile, perhaps before the database had read what it was to cancel: nobody else will ask.
                await asyncio.sleep(CANCEL_AGAIN_SECONDS)
                await upstream.cancel(source, login)

        self.spawn(work())

    def note(self, event: Event) -> None:
        """Writes an event that no statement waits for. Raises LogFailed."""
        self.recorder.append(encode(event), ())

    def note_failed_login(self, address: str, tls: bool, failed: Failed) -> None:
        """Writes that somebody could not prove who they are."""
        event = AuthFailed(
            self.new_id(),
            stamp(time.time()),
            Peer(address, "", tls),
            failed.user,
            failed.database,
            failed.method,
            failed.reason,
        )
        self.try_note(event)

    def note_broken(self, address: str, reason: str) -> None:
        """Writes that a connection broke before it was anybody's."""
        self.try_note(ProtocolBroken(self.new_id(), 0, stamp(time.time()), address, "client", reason))

    def note_config(self, event: ConfigReloaded | ConfigRejected) -> None:
        """Writes what became of a reload."""
        self.try_note(event)

    def try_note(self, event: Event) -> None:
        """Writes an event of something that has happened already, or says to the operators that it could not."""
        try:
            self.note(event)
        except LogFailed as failure:
            # Nothing was let in, so nothing unrecorded can happen; the operators hear of it.
            self.log.error("event not recorded", reason=str(failure))

    def _people(self, config: Config, rules: Rules) -> None:
        issuers = issuers_of(config.tokens, self.tokens)
        tokens, login = TokenVerifier(issuers), config.login
        # The same after a restart: otherwise who does not exist would be asked with another salt, and who does would not.
        secret = hmac.digest(rules.key, b"sluice: answers to unknown users", "sha256")
        self.directory = directory_of(config.users, bool(config.tokens), secret)
        self.tokens, self.mock_secret = tokens, secret
        self.oauth = metadata_of(config)
        self.page_secret = hmac.digest(rules.key, b"sluice: pages of requests", "sha256")
        self.logouts = logout_verifier(issuers, login.issuer, login.client_id) if login else TokenVerifier(())

    def _log_failed(self, reason: str) -> None:
        self.log.error("the event log failed; statements are refused until it is written again", reason=reason)

    def spawn(self, work: Coroutine[None, None, object]) -> None:
        """Runs work in the background; what goes wrong in it is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.log.error("background work failed", error=repr(task.exception()))

    @staticmethod
    def new_id() -> str:
        """The id of an event of the gateway's own."""
        return f"g-{secrets.token_hex(8)}"
