"""Labels learned by writes, in the store: nodes take on each other's and lose none; on both kinds of place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sluice.edges.learned import Places, add, known, lacking
from sluice.edges.store import Place, Store

ONE: dict[str, Places] = {"shop": {(1, 1): frozenset({"pii"}), (1, 2): frozenset({"pii.email", "secret"})}}
TWO: dict[str, Places] = {"shop": {(1, 1): frozenset({"pci"})}, "crm": {(7, 3): frozenset({"pii"})}}
BOTH = {
    "shop": {(1, 1): frozenset({"pii", "pci"}), (1, 2): frozenset({"pii.email", "secret"})},
    "crm": {(7, 3): frozenset({"pii"})},
}


def test_two_nodes_that_learn_at_once_lose_nothing(place: Place, store: Store) -> None:
    other = Store(place)
    try:
        with ThreadPoolExecutor(2) as pool:
            for _ in range(5):
                for done in [
                    pool.submit(lambda: store.write(lambda c: add(c, ONE), "labels").result()),
                    pool.submit(lambda: other.write(lambda c: add(c, TWO), "labels").result()),
                ]:
                    done.result()
        assert other.read(known).result() == BOTH
    finally:
        other.close()


def test_what_is_lacking_is_what_one_has_and_the_other_has_not() -> None:
    assert lacking({}, ONE) == ONE
    assert lacking(BOTH, ONE) == {}
    assert lacking(ONE, BOTH) == {"shop": {(1, 1): frozenset({"pci"})}, "crm": {(7, 3): frozenset({"pii"})}}
