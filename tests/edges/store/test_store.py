"""One store, two kinds of place: every test here runs on both."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select

from sluice.edges.store import Place, SqlitePlace, Store, StoreError
from sluice.edges.store.store import TOPICS
from sluice.edges.store.tables import METADATA, outbox, revocations

PATIENCE = 20.0


def revoke(name: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        values = {"kind": "identity", "subject": "user:sam", "reason": "left", "given_by": "user:olga", "at": 1.5}
        connection.execute(insert(revocations).values(id=name, until=None, detail={"why": ["x"]}, **values))

    return work


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(revocations)).scalar_one()


def test_what_is_written_is_read_by_another_store_of_the_same_place(place: Place, store: Store) -> None:
    store.write(revoke("a"), "revocations").result()
    other = Store(place)
    try:
        (row,) = other.read(lambda connection: connection.execute(select(revocations)).all()).result()
    finally:
        other.close()
    assert (row.id, row.at, row.until, row.detail) == ("a", 1.5, None, {"why": ["x"]})


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def work(connection: Connection) -> None:
        revoke("a")(connection)
        raise KeyError("midway")

    with pytest.raises(KeyError):
        store.write(work, "revocations").result()
    assert store.read(count).result() == 0


def test_what_the_database_refuses_is_a_store_error_and_the_store_goes_on(store: Store) -> None:
    store.write(revoke("a")).result()
    with pytest.raises(StoreError):
        store.write(revoke("a")).result()
    store.write(revoke("b")).result()
    assert store.read(count).result() == 2


def test_a_topic_that_nobody_knows_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no topic"):
        store.write(revoke("a"), "weather").result()
    assert store.read(count).result() == 0


def test_a_follower_hears_of_everything_first_and_then_of_what_another_changed(place: Place, store: Store) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    leave = store.follow(heard.put)
    assert heard.get(timeout=PATIENCE) == frozenset(TOPICS)
    other = Store(place)
    try:
        other.write(revoke("a"), "revocations").result()
        assert heard.get(timeout=PATIENCE) == {"revocations"}
        assert store.read(count).result() == 1
        leave()
        late: queue.Queue[frozenset[str]] = queue.Queue()
        store.follow(late.put)
        assert late.get(timeout=PATIENCE) == frozenset(TOPICS)
        other.write(revoke("b"), "revocations", "grants").result()
        assert late.get(timeout=PATIENCE) == {"revocations", "grants"}
        assert heard.empty()
    finally:
        other.close()


def test_a_write_of_no_topic_is_not_told(store: Store) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    store.follow(heard.put)
    assert heard.get(timeout=PATIENCE) == frozenset(TOPICS)
    store.write(revoke("a")).result()
    store.write(revoke("b"), "grants").result()
    assert heard.get(timeout=PATIENCE) == {"grants"}


def test_writers_of_one_topic_come_one_after_the_other_wherever_they_are(place: Place, store: Store) -> None:
    """Each looks, and writes only if nobody did: two at once must not both find nothing."""
    others = [Store(place) for _ in range(3)]
    start = threading.Barrier(4)

    def first(connection: Connection) -> bool:
        if connection.execute(select(func.count()).select_from(outbox)).scalar_one():
            return False
        values = {"channel": "x", "subject": "s", "payload": {}, "created_at": 0.0, "next_at": 0.0, "attempts": 0}
        connection.execute(insert(outbox).values(id="only", claimed_until=0.0, error="", **values))
        return True

    def race(one: Store) -> bool:
        start.wait()
        return one.write(first, "outbox").result()

    try:
        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(race, [store, *others])) == [False, False, False, True]
    finally:
        for one in others:
            one.close()


def test_stores_that_open_an_empty_place_at_once_make_it_once(place: Place) -> None:
    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(lambda _: Store(place), range(3)))
    for one in opened:
        assert one.read(count).result() == 0
        one.close()


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": "sluice_schema"})
        return [one for one in compare_metadata(context, METADATA) if "comment" not in str(one[0])]

    assert store.read(differences).result() == []


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    Store(SqlitePlace(tmp_path / "deep" / "control.db")).close()
    for path in (tmp_path / "deep").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_place_that_cannot_be_had_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_text("this is no database, and it is longer than the header of one would be " * 9)
    with pytest.raises(StoreError, match=r"control\.db cannot be opened"):
        Store(SqlitePlace(tmp_path / "control.db"))
