"""Counts that several gateways share: no stretch of a budget's time ever holds more than the budget, on either kind of store."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from sluice.edges import budgets
from sluice.edges.store import Place, Store

HOUR = 3600
_names = count()


@pytest.fixture
def key() -> tuple[str, str, int]:
    return f"user:u{next(_names)}", "pii.email", HOUR


def lease(store: Store, key: tuple[str, str, int], wanted: int, now: float, most: int = 100) -> int:
    return store.write(lambda c: budgets.lease(c, key, most, wanted, now), "budgets").result()


def test_a_lease_is_what_is_left_at_most(store: Store, key: tuple[str, str, int]) -> None:
    assert [lease(store, key, 60, 1000.0) for _ in range(3)] == [60, 40, 0]


def test_what_is_put_back_can_be_leased_again(store: Store, key: tuple[str, str, int]) -> None:
    assert lease(store, key, 100, 1000.0) == 100
    until = budgets.slot_end(HOUR, 1000.0)
    store.write(lambda c: budgets.put_back(c, key, 30, until), "budgets").result()
    assert lease(store, key, 100, 1001.0) == 30


def test_nothing_is_put_back_twice_or_where_it_was_not_taken(store: Store, key: tuple[str, str, int]) -> None:
    lease(store, key, 10, 1000.0)
    for until in (budgets.slot_end(HOUR, 1000.0), budgets.slot_end(HOUR, 9000.0)):
        store.write(lambda c, until=until: budgets.put_back(c, key, 11, until), "budgets").result()
    assert lease(store, key, 100, 1000.0) == 90


def test_who_was_shown_what_is_listed(store: Store, key: tuple[str, str, int]) -> None:
    lease(store, key, 10, 1000.0)
    assert budgets.Spent(*key, 10, 100) in store.read(lambda c: budgets.spent(c, 1000.0)).result()
    assert budgets.Spent(*key, 10, 100) not in store.read(lambda c: budgets.spent(c, 9000.0)).result()


@pytest.mark.parametrize("seed", range(3))
def test_no_stretch_of_time_holds_more_than_the_budget(store: Store, key: tuple[str, str, int], seed: int) -> None:
    chance = random.Random(seed)
    shown: list[tuple[float, int]] = []
    now = 1_000_000.0
    for _ in range(60):
        now += chance.choice((1, 10, 200, 700))
        values = lease(store, key, chance.randint(1, 50), now)
        # The worst that a gateway does: it shows all of it at the last moment.
        shown.append((budgets.slot_end(HOUR, now) - 0.001, values))
    assert all(sum(n for at, n in shown if end - HOUR < at <= end) <= 100 for end, _ in shown)
    assert sum(n for _, n in shown) > 100


def test_gateways_that_lease_at_the_same_instant_get_no_more_than_there_is(
    place: Place, store: Store, key: tuple[str, str, int]
) -> None:
    beside = Store(place)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: lease((store, beside)[n % 2], key, 30, 1000.0), range(8)))
    beside.close()
    assert sum(found) == 100
