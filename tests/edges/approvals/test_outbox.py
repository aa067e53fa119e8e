"""The outbox: nothing is lost, nothing is given to two at once, what fails comes again later and later; on both kinds of place."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from sluice.edges.approvals import outbox
from sluice.edges.store import Store
from sluice.edges.store.tables import outbox as table

NOW = 1_000_000.0


@pytest.fixture(autouse=True)
def _empty(store: Store) -> None:
    store.write(lambda c: c.execute(delete(table)), "outbox").result()


def post(store: Store, *channels: str) -> None:
    store.write(lambda c: outbox.post(c, channels, "request-asked", {"id": "r-1"}, NOW), "outbox").result()


def claim(store: Store, now: float, *channels: str) -> list[outbox.Message]:
    return store.write(lambda c: outbox.claim(c, channels, now)).result()


def test_every_channel_gets_its_own_message_and_no_other(store: Store) -> None:
    post(store, "mail", "slack")
    assert [(one.channel, one.payload) for one in claim(store, NOW, "mail")] == [("mail", {"id": "r-1"})]
    assert claim(store, NOW, "mail") == []
    assert [one.channel for one in claim(store, NOW, "mail", "slack")] == ["slack"]


def test_what_a_process_claimed_and_never_delivered_comes_again(store: Store) -> None:
    post(store, "mail")
    (first,) = claim(store, NOW, "mail")
    assert not store.read(lambda c: outbox.due(c, NOW + outbox.CLAIM_SECONDS - 1)).result()
    (again,) = claim(store, NOW + outbox.CLAIM_SECONDS, "mail")
    assert again.id == first.id
    store.write(lambda c: outbox.delivered(c, again.id, NOW)).result()
    assert claim(store, NOW + 9999, "mail") == []


def test_what_failed_comes_again_later_each_time_and_is_given_up_after_a_week(store: Store) -> None:
    post(store, "mail")
    now, waits = NOW, []
    for _ in range(12):
        (message,) = claim(store, now, "mail")
        assert store.write(lambda c, m=message, n=now: outbox.failed(c, m, "down", n)).result()
        before = now
        while not store.read(lambda c, n=now: outbox.due(c, n)).result():
            now += 1
        waits.append(now - before)
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == outbox.LONGEST_SECONDS
    (message,) = claim(store, NOW + outbox.LAST_SECONDS + 1, "mail")
    assert not store.write(lambda c: outbox.failed(c, message, "down", NOW + outbox.LAST_SECONDS + 1)).result()
    assert claim(store, NOW + 2 * outbox.LAST_SECONDS, "mail") == []
