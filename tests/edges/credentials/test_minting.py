"""Minted credentials in the store: found while they are good, and no more of them than may be; on both kinds of place."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from sluice.edges import credentials
from sluice.edges.credentials import Credential
from sluice.edges.store import Store
from sluice.model.identity import Identity

NOW = 1_000_000.0
NUMBERS = count()
SAM = Identity("user", "sam", frozenset({"support"}), claims=(("iss", "https://login.example.com"),))


def credential(who: Identity = SAM, **more: float) -> Credential:
    times = {"created_at": NOW, "expires_at": NOW + 3600, **more}
    return Credential(
        id=f"c-{next(NUMBERS)}", told=who, source="shop", purpose="ticket", verifier="SCRAM-SHA-256$…", **times
    )


def put(store: Store, one: Credential, most: int = 50) -> bool:
    return store.write(lambda c: credentials.put(c, one, most), "credentials").result()


def find(store: Store, one: Credential, now: float = NOW) -> Credential | None:
    return store.read(lambda c: credentials.find(c, one.id, now)).result()


def test_a_credential_is_found_until_it_expires_or_is_ended(store: Store) -> None:
    one, other = credential(), credential()
    assert put(store, one)
    assert put(store, other)
    found = find(store, one)
    assert found is not None
    assert (found.told.name, found.source, found.purpose, found.owner) == ("sam", "shop", "ticket", "user:sam")
    assert find(store, one, NOW + 3600) is None
    store.write(lambda c: credentials.end(c, [one.id], NOW + 1), "credentials").result()
    assert find(store, one, NOW + 2) is None
    both = frozenset({one.id, other.id})
    assert store.read(lambda c: credentials.alive(c, both, NOW + 2)).result() == {other.id}
    assert store.read(lambda c: credentials.alive(c, both, NOW + 3600)).result() == frozenset()


def test_one_identity_has_no_more_good_ones_than_it_may_and_others_have_their_own(store: Store) -> None:
    busy, calm = replace(SAM, name="busy"), replace(SAM, name="calm")
    mine = [credential(busy) for _ in range(3)]
    assert [put(store, one, 3) for one in mine] == [True] * 3
    assert not put(store, credential(busy), 3)
    assert put(store, credential(calm), 3)
    store.write(lambda c: credentials.end(c, [mine[0].id], NOW + 1), "credentials").result()
    assert put(store, credential(busy, created_at=NOW + 2), 3)
    # Those that expired count no more.
    assert put(store, credential(busy, created_at=NOW + 3600, expires_at=NOW + 7200), 3)
    owned = store.read(lambda c: credentials.owned(c, "user:busy", NOW + 3600)).result()
    assert [one.owner for one in owned] == ["user:busy"]
