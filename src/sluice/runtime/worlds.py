"""Every source's world, kept up to date: catalogs read and polled, labels learned, policies swapped. Sessions only follow.

A new world is made whole beside the old one and handed out; a source whose catalog cannot be read keeps the world it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace

import structlog

from sluice.edges.approvals.grants import Lent
from sluice.edges.config import Config
from sluice.engines.engine import Engine
from sluice.policy.binding import UNKNOWN
from sluice.policy.request import Snapshot, SourceInfo
from sluice.runtime.control import ask
from sluice.runtime.learned import Places, forget, read_learned, write_learned
from sluice.runtime.noticed import Gathered
from sluice.runtime.proposed import Proposed
from sluice.runtime.rules import Rules
from sluice.session.effects import Noticed
from sluice.session.events import WorldChanged
from sluice.session.memory import Memory
from sluice.session.world import Limits, World
from sluice.sql.catalog import Catalog

Notify = Callable[[WorldChanged], None]

POLL_SECONDS = 1.0
log = structlog.get_logger("sluice.worlds")


class Worlds:
    """The worlds by source name. `follow` a source to hear of its changes."""

    def __init__(self, engine: Engine, config: Config, rules: Rules) -> None:
        self._engine = engine
        self._config = config
        self._rules = rules
        self._version = 0
        self._lent: Lent = {}
        self._worlds: dict[str, World] = {}
        self._tokens: dict[str, str] = {}
        self._looking: dict[str, asyncio.Task[object]] = {}
        self._readings = 0
        self._newest: dict[str, int] = {}
        self._followers: dict[str, set[Notify]] = {name: set() for name in config.sources}
        self.drifted: Callable[[str, Places], None] | None = None
        """Where labels learned are told instead of written: another process keeps the file."""
        self.remembered: Callable[[], object] = lambda: None
        """Who is told that labels were learned."""
        self.reread: Callable[[str], None] | None = None
        """Who hears of a catalog that was read here, when other processes leave it to this one to notice."""
        self._learned = read_learned(config.audit.path)
        self.proposed = Proposed(config.audit.path)
        """What was proposed and looked into."""
        self._gathered = Gathered(config.audit.path)

    @property
    def version(self) -> int:
        """The number of the newest world."""
        return self._version

    @property
    def learned(self) -> Mapping[str, Places]:
        """The labels that columns took on for good, by source."""
        return {
            name: {place: labels - {UNKNOWN} for place, labels in places.items()}
            for name, places in self._learned.items()
        }

    def of(self, source: str) -> World | None:
        """The source's world as it is now; None when it was never reachable, or does not exist."""
        return self._worlds.get(source)

    def follow(self, source: str, notify: Notify) -> Callable[[], None]:
        """Calls `notify` with each new world of the source until the function returned is called."""
        followers = self._followers.setdefault(source, set())
        followers.add(notify)
        return lambda: followers.discard(notify)

    async def begin(self, seconds: float) -> None:
        """Reads every source's catalog for the first time, and waits so long for them; the slow ones go on beside."""
        reading = [self._beside(name, self.load(name)) for name in self._config.sources]
        if reading:
            await asyncio.wait(reading, timeout=seconds)

    async def load(self, name: str) -> bool:
        """Reads the source's catalog and makes its world; False (and a line in the log) when it cannot be read."""
        source = self._config.sources[name]
        reading = self.reading()
        try:
            token = await ask(name, source, self._engine.change_sql)
            rows = await ask(name, source, self._engine.catalog_sql)
            catalog = await self.build(name, rows)
        except (OSError, ValueError, TimeoutError) as error:
            log.warning("the catalog could not be read", source=name, reason=str(error).strip())
            # Whoever was told that it changed will not be told again.
            self._tokens.pop(name, None)
            return False
        if self._config.sources.get(name) == source and self.newest(name, reading):
            self._tokens[name] = token[0]
            self.publish(name, catalog)
            if self.reread is not None:
                self.reread(name)
        return True

    def reading(self) -> int:
        """The number of a reading of a catalog that begins now, or whose rows are there already."""
        self._readings += 1
        return self._readings

    def newest(self, name: str, reading: int) -> bool:
        """Whether no reading that began later was published: an older one would take back what its readers already saw."""
        if reading < self._newest.get(name, 0):
            return False
        self._newest[name] = reading
        return True

    async def build(self, name: str, rows: list[str]) -> Catalog:
        """A catalog from its rows, built beside the loop. Raises ValueError when they are none."""
        source = self._config.sources.get(name)
        declared = frozenset[str]() if source is None else source.vouched
        return await asyncio.to_thread(self._engine.build_catalog, rows, declared)

    def publish(self, name: str, catalog: Catalog) -> None:
        """Gives everybody a new catalog of the source; nobody, when the source is no longer configured."""
        source = self._config.sources.get(name)
        if source is None:
            return
        old = self._worlds.get(name)
        previous = None if old is None else old.snapshot.bindings.get(name)
        learned = self.proposed.joined(name, self._learned.get(name, {}), catalog, self._rules.book.assigned(name))
        unknown = self._config.classification.unclassified == "unknown"
        classified = self.proposed.classified(name)
        binding = self._rules.book.bind(name, catalog, previous, learned, classified if unknown else None)
        drifted = {
            place: labels for place, labels in binding.drifted.items() if not labels <= learned.get(place, frozenset())
        }
        if drifted:
            # A column that was renamed keeps its labels by what it is; a restart must not forget them.
            self._remember(name, drifted)
            if self.drifted is not None:
                self.drifted(name, drifted)
        self._version += 1
        lent = self._lent.get(name, {})
        snapshot = Snapshot(self._version, self._rules.bundle, {name: binding}, self._rules.book, lent)
        self._put(
            name,
            World(
                version=self._version,
                source=SourceInfo(name, source.environment, source.engine),
                snapshot=snapshot,
                catalog=catalog,
                masking_key=self._rules.key,
                limits=_limits(self._config),
                learned=learned,
                detection=source.detection == "on",
                classified=classified,
                unclassified=unknown,
                subject_key=self._rules.subject_key,
            ),
        )

    def learn(self, name: str, learned: Mapping[tuple[int, int], frozenset[str]]) -> None:
        """Columns of the source took on labels: kept for good, and in force at once."""
        self._remember(name, learned)
        if name in self._worlds:
            self.publish(name, self._worlds[name].catalog)

    def notice(self, name: str, noticed: Iterable[Noticed]) -> None:
        """Columns of the source turned out to hold sensitive values: proposed within a second."""
        if name in self._worlds:
            self._gathered.add(name, self._worlds[name].catalog, noticed)

    def lend(self, lent: Lent) -> None:
        """Puts in force which groups are lent to whom, on every source where that is another now."""
        before, self._lent = self._lent, lent
        for name, world in list(self._worlds.items()):
            there = lent.get(name, {})
            if there != before.get(name, {}):
                self._version += 1
                snapshot = replace(world.snapshot, version=self._version, lent=there)
                self._put(name, replace(world, version=self._version, snapshot=snapshot, memory=Memory()))

    def swap(self, config: Config, rules: Rules) -> None:
        """Puts new policies, labels and limits in force for every source whose catalog is known."""
        before = self._config.sources
        self._config, self._rules = config, rules
        for name in list(self._worlds):
            if name in config.sources:
                self.publish(name, self._worlds[name].catalog)
                if config.sources[name] != before.get(name):
                    # Another database, role or list of functions makes another catalog: the next poll reads it anew.
                    self._newest[name] = self.reading()
                    self._tokens.pop(name, None)
            else:
                del self._worlds[name]

    async def poll(self, everything: bool = True) -> None:
        """Forever: notices changes of any catalog that were made elsewhere, and sources that came back.

        Without `everything`, only what is not known is looked for: another process looks for changes, and tells.
        """
        while True:
            await asyncio.sleep(POLL_SECONDS)
            taken = self._gathered.take()
            if taken:
                await asyncio.to_thread(self._gathered.flush, taken)
            await self.renew()
            for name in self._config.sources:
                # A source that does not answer holds up its own look alone.
                if name not in self._looking and (everything or name not in self._tokens):
                    self._beside(name, self.look(name))

    async def renew(self) -> None:
        """Puts in force what was proposed or looked into meanwhile. What a write made unknown is so until it is looked into."""
        if not await asyncio.to_thread(self.proposed.renew):
            return
        for name, places in self._learned.items():
            looked = self.proposed.classified(name).looked
            kept = {place: labels - {UNKNOWN} if place in looked else labels for place, labels in places.items()}
            self._learned[name] = {place: labels for place, labels in kept.items() if labels}
        for name, world in list(self._worlds.items()):
            self.publish(name, world.catalog)

    def _beside(self, name: str, work: Coroutine[None, None, object]) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(work)
        self._looking[name] = task
        task.add_done_callback(lambda done: self._looked(name, done))
        return task

    def _looked(self, name: str, task: asyncio.Task[object]) -> None:
        if self._looking.get(name) is task:
            del self._looking[name]
        if not task.cancelled() and task.exception() is not None:
            log.error("a source could not be looked at", source=name, error=repr(task.exception()))

    async def look(self, name: str) -> None:
        """Reads a source's catalog again if it changed, or never was read."""
        source = self._config.sources.get(name)
        if source is None:
            return
        if name not in self._worlds:
            await self.load(name)
            return
        try:
            token = await ask(name, source, self._engine.change_sql)
        except (OSError, ValueError, TimeoutError):
            self._tokens.pop(name, None)
            return
        if token[0] != self._tokens.get(name):
            await self.load(name)

    def _put(self, name: str, world: World) -> None:
        self._worlds[name] = world
        event = WorldChanged(world, time.time())
        for notify in list(self._followers.get(name, ())):
            notify(event)

    def _remember(self, name: str, learned: Mapping[tuple[int, int], frozenset[str]]) -> None:
        known = dict(self._learned.get(name, {}))
        for place, labels in learned.items():
            known[place] = known.get(place, frozenset()) | labels
        self._learned = {**self._learned, name: known}
        if self.drifted is None:
            write_learned(self._config.audit.path, self._learned)
            forget(self._config.audit.path, name, [place for place, held in learned.items() if UNKNOWN in held])
            self.remembered()


def _limits(config: Config) -> Limits:
    limits = config.limits
    return replace(
        Limits(),
        statement=limits.statement_bytes,
        frame=limits.frame_bytes,
        row=limits.row_bytes,
        window=limits.window_bytes,
        patience=config.approvals.wait,
    )
