"""The store: short transactions on control state, one writer a process, and word of every change within a moment.

Nothing here runs on the event loop. `write` and `read` hand a function to a thread and answer with a future; the change feed
has a thread of its own and calls its followers from it. A transaction that writes names the topics it changes and holds
their rows of the feed from its start, so that two nodes that change the same thing come one after the other, on either kind
of place: what a writer reads stays true until it has written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog
from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from sluice.edges.secrets import SecretError
from sluice.edges.store.place import Ear, Place
from sluice.edges.store.tables import feed

T = TypeVar("T")
Work = Callable[[Connection], T]
Notify = Callable[[frozenset[str]], None]

TOPICS = ("requests", "grants", "revocations", "credentials", "outbox", "budgets", "labels")
"""What can be followed. A migration that adds a topic adds its row to the feed."""

_AGAIN_SECONDS = 0.5
log = structlog.get_logger("sluice.store")


class StoreError(Exception):
    """The store cannot be reached, or did not do what it was asked; nothing was written."""


class Store:
    """Control state in one place. Raises StoreError when it cannot be opened or brought up to date."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._reader = ThreadPoolExecutor(1, "store-reader")
        self._followers: set[Notify] = set()
        self._seen: dict[str, int] = {}
        self._ending = threading.Event()
        self._feed: threading.Thread | None = None
        self._trouble = ""
        try:
            self._engine: Engine = place.engine()
            self.write(self._migrate).result()
        except (StoreError, OSError) as error:
            self.close()
            raise StoreError(f"the store at {place.where()} cannot be opened: {error}") from error

    @property
    def trouble(self) -> str:
        """Why changes of others may not be heard of now; empty while they are."""
        return self._trouble

    def write(self, work: Work[T], *topics: str) -> Future[T]:
        """Runs `work` in a transaction on the writer's thread. `topics`: what it changes, told to every follower.

        The future raises what `work` raises (and nothing is written), or StoreError.
        """
        return self._writer.submit(self._written, work, tuple(sorted(topics)))

    def read(self, work: Work[T]) -> Future[T]:
        """Runs `work`, which must not write, in a transaction on the reader's thread. The future may raise StoreError."""
        return self._reader.submit(self._read, work)

    def follow(self, notify: Notify) -> Callable[[], None]:
        """Calls `notify`, from the feed's thread, with the topics that anybody changed; until the function returned is called.

        Follow first and read then: the first call names every topic.
        """
        self._followers.add(notify)
        if self._feed is None:
            self._feed = threading.Thread(target=self._listen, name="store-feed", daemon=True)
            self._feed.start()
        else:
            notify(frozenset(TOPICS))
        return lambda: self._followers.discard(notify)

    def close(self) -> None:
        """Ends what runs and lets go."""
        self._ending.set()
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        if self._feed is not None:
            self._feed.join()
        if hasattr(self, "_engine"):
            self._engine.dispose()

    def _migrate(self, connection: Connection) -> None:
        self.place.lock_schema(connection)
        alembic = Alembic()
        alembic.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "head")
        known = {topic for (topic,) in connection.execute(select(feed.c.topic))}
        for topic in TOPICS:
            if topic not in known:
                connection.execute(insert(feed).values(topic=topic, version=0))

    def _written(self, work: Work[T], topics: tuple[str, ...]) -> T:
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                for topic in topics:
                    found = connection.execute(
                        update(feed).where(feed.c.topic == topic).values(version=feed.c.version + 1)
                    )
                    if found.rowcount != 1:
                        raise StoreError(f"`{topic}` is no topic of the store")
                result = work(connection)
                if topics:
                    self.place.announce(connection)
                return result
        except (SQLAlchemyError, SecretError) as error:
            raise StoreError(_reason(error)) from error

    def _read(self, work: Work[T]) -> T:
        try:
            with self._engine.connect() as connection, connection.begin():
                return work(connection)
        except (SQLAlchemyError, SecretError) as error:
            raise StoreError(_reason(error)) from error

    def _listen(self) -> None:
        ear: Ear | None = None
        while not self._ending.is_set():
            try:
                if ear is None:
                    ear = self.place.ear()
                    self._trouble = ""
                if ear.hear():
                    self._tell(self.read(_versions).result())
            except (OSError, StoreError, SecretError, RuntimeError) as error:
                if self._ending.is_set():
                    break
                self._trouble = f"changes of the store cannot be heard: {error}"
                log.warning("the store cannot be followed", reason=str(error).strip())
                if ear is not None:
                    ear.close()
                    ear = None
                self._ending.wait(_AGAIN_SECONDS)
        if ear is not None:
            ear.close()

    def _tell(self, versions: dict[str, int]) -> None:
        changed = frozenset(topic for topic, version in versions.items() if self._seen.get(topic) != version)
        self._seen = versions
        if changed:
            for notify in list(self._followers):
                notify(changed)


def _versions(connection: Connection) -> dict[str, int]:
    return {row.topic: row.version for row in connection.execute(select(feed.c.topic, feed.c.version))}


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().split("\n")[0]
