"""Columns that nobody has looked into are looked into as they appear: by the one process that leads, in a child of low priority.

What is found takes effect as with `sluice scan`, which this is, table by table. One look is under way at a time, at a few tables.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import structlog

from sluice.audit.encode import stamp
from sluice.audit.events import ColumnsClassified
from sluice.edges.scanning import Labelled, look_into
from sluice.policy.binding import DERIVED, UNKNOWN
from sluice.runtime.control import conninfo, reveal
from sluice.session.events import WorldChanged
from sluice.session.world import World
from sluice.sql.catalog import Relation

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

Places = frozenset[tuple[int, int]]
PAUSE_SECONDS: Final = 1.0
"""Between two looks, and so the longest that a new column waits for its own."""
_TABLES: Final = 100
"""At once."""
_TABLE_SECONDS: Final = 2.0
_AGAIN: Final = (60.0, 600.0)
"""When what is still unknown after a look (it was empty, or could not be read) is looked into again: then twice as late, up to this."""
_STORED: Final = frozenset({"table", "partitioned", "foreign", "matview"})
log = structlog.get_logger("sluice.labels")


class Looking:
    """Looks into new columns of every source that does not forbid it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._changed: set[str] = set()
        self._due: dict[str, float] = {}
        self._tried: dict[tuple[str, int], tuple[Places, float, float]] = {}
        self._pool: ProcessPoolExecutor | None = None

    async def keep(self) -> None:
        """Forever: looks into what is new, source by source."""
        leaves: dict[str, Callable[[], None]] = {}
        try:
            while True:
                busy = False
                for name in list(self._gateway.config.sources):
                    if name not in leaves:
                        leaves[name] = self._gateway.worlds.follow(name, self._happened)
                        self._changed.add(name)
                    busy = await self._source(name) or busy
                if not busy:
                    self.close()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for leave in leaves.values():
                leave()

    def close(self) -> None:
        """Ends the child process."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _happened(self, event: WorldChanged) -> None:
        self._changed.add(event.world.source.name)

    async def _source(self, name: str) -> bool:
        """Looks into a few tables of a source; whether there was anything to look into."""
        source, now = self._gateway.config.sources[name], time.monotonic()
        if self._gateway.config.classification.automatic == "off" or source.scan == "off":
            return False
        world = self._gateway.worlds.of(name)
        if world is None or (name not in self._changed and now < self._due.get(name, 0.0)):
            return False
        self._changed.discard(name)
        found = await asyncio.to_thread(candidates, world, self._gateway.worlds.proposed.proposed(name))
        chosen = self._chosen(name, found, now)
        if not chosen:
            return False
        self._changed.add(name)
        done = await self._look(name, frozenset().union(*chosen.values()))
        if done is None:
            return False
        for oid, places in chosen.items():
            _, _, pause = self._tried.get((name, oid), (frozenset(), 0.0, _AGAIN[0] / 2))
            pause = min(pause * 2, _AGAIN[1])
            self._tried[name, oid] = (places, time.monotonic() + pause, pause)
        await self._gateway.worlds.renew()
        return True

    def _chosen(self, name: str, found: Mapping[int, Places], now: float) -> dict[int, Places]:
        """The tables whose turn it is. Those that were tried with the very same columns wait."""
        chosen: dict[int, Places] = {}
        later = []
        for oid, places in found.items():
            tried, again, _ = self._tried.get((name, oid), (frozenset(), 0.0, 0.0))
            if places <= tried and now < again:
                later.append(again)
            elif len(chosen) < _TABLES:
                chosen[oid] = places
        self._due[name] = min(later, default=now + _AGAIN[1])
        return chosen

    async def _look(self, name: str, places: Places) -> Labelled | None:
        """One look, in the child; None (and a line in the log) when it could not be."""
        gateway = self._gateway
        source = gateway.config.sources[name]
        loop = asyncio.get_running_loop()
        begun = time.monotonic()
        try:
            password = await asyncio.to_thread(reveal, source.password)
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=os.nice, initargs=(10,))
            settings, folder = conninfo(name, source), gateway.config.audit.path
            asked = (settings, password, name, places, folder, _TABLE_SECONDS)
            done = await loop.run_in_executor(self._pool, look_into, *asked)
        except (OSError, ValueError, BrokenProcessPool) as error:
            self.close()
            self._changed.discard(name)
            self._due[name] = time.monotonic() + _AGAIN[0]
            log.warning("new columns could not be looked into", source=name, reason=str(error).strip())
            return None
        gateway.try_note(
            ColumnsClassified(
                gateway.new_id(),
                stamp(time.time()),
                name,
                *done,
                round((time.monotonic() - begun) * 1000),
            )
        )
        return done


def candidates(world: World, proposed: frozenset[tuple[int, int]]) -> dict[int, Places]:
    """The columns that nobody has labelled or looked into, by table. Partitions wait for what they are a part of."""
    binding = world.snapshot.bindings[world.source.name]
    looked = world.classified.looked
    found: dict[int, Places] = {}
    for relation in world.catalog.relations():
        if relation.kind not in _STORED or relation.schema.startswith("pg_") or relation.schema == "information_schema":
            continue
        places = set()
        for column in relation.columns:
            place = (relation.oid, column.attnum)
            held = binding.own_labels_of(place)
            if place not in proposed and not held - {UNKNOWN, DERIVED} and (UNKNOWN in held or place not in looked):
                places.add(place)
        if places:
            found[relation.oid] = frozenset(places)
    return {
        oid: places for oid, places in found.items() if not _waits(world, world.catalog.relation_by_oid(oid), found)
    }


def _waits(world: World, relation: Relation | None, found: Mapping[int, Places]) -> bool:
    for above in () if relation is None else relation.parents:
        parent = world.catalog.relation_by_oid(above)
        if parent is not None and parent.kind == "partitioned" and above in found:
            return True
    return False
