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


def post(store: Store, *channels: str, about: str = "r-1", now: float = NOW) -> None:
    store.write(lambda c: outbox.post(c, channels, "request-asked", {"id": about}, now), "outbox").result()


def claim(store: Store, now: float, channel: str) -> list[outbox.Message]:
    return store.write(lambda c: outbox.claim(c, channel, now)).result()


def due(store: Store, now: float, *channels: str) -> list[str]:
    return store.read(lambda c: outbox.due(c, channels or ("mail",), now)).result()


def fail(store: Store, message: outbox.Message, now: float) -> bool:
    return store.write(lambda c: outbox.failed(c, message, "down", now)).result()


def test_every_channel_gets_its_own_message_and_no_other(store: Store) -> None:
    post(store, "mail", "slack")
    assert due(store, NOW, "mail", "slack", "webhook") == ["mail", "slack"]
    assert [(one.channel, one.payload) for one in claim(store, NOW, "mail")] == [("mail", {"id": "r-1"})]
    assert claim(store, NOW, "mail") == []
    assert due(store, NOW, "mail", "slack") == ["slack"]
    assert [one.channel for one in claim(store, NOW, "slack")] == ["slack"]


def test_a_channel_gets_its_messages_in_order_and_one_that_failed_holds_up_the_rest(store: Store) -> None:
    for number in range(3):
        post(store, "mail", about=f"r-{number}", now=NOW + number)
    first, *rest = claim(store, NOW + 3, "mail")
    assert [one.payload["id"] for one in (first, *rest)] == ["r-0", "r-1", "r-2"]
    fail(store, first, NOW + 3)
    store.write(lambda c: outbox.release(c, rest)).result()
    assert due(store, NOW + 4) == []
    assert [one.payload["id"] for one in claim(store, NOW + 5, "mail")] == ["r-0", "r-1", "r-2"]


def test_a_message_that_no_channel_would_take_does_not_hold_up_the_rest_for_ever(store: Store) -> None:
    post(store, "mail", about="bad")
    now = NOW
    for _ in range(outbox.STUBBORN):
        assert due(store, now) == ["mail"]
        fail(store, *claim(store, now, "mail"), now)
        now += outbox.LONGEST_SECONDS
    fail(store, *claim(store, now, "mail"), now)
    assert due(store, now) == []
    post(store, "mail", about="good", now=now)
    assert [one.payload["id"] for one in claim(store, now, "mail")] == ["bad", "good"]


def test_what_a_process_claimed_and_never_delivered_comes_again(store: Store) -> None:
    post(store, "mail")
    (first,) = claim(store, NOW, "mail")
    assert not due(store, NOW + outbox.CLAIM_SECONDS - 1)
    (again,) = claim(store, NOW + outbox.CLAIM_SECONDS, "mail")
    assert again.id == first.id
    store.write(lambda c: outbox.delivered(c, again.id, NOW)).result()
    assert claim(store, NOW + 9999, "mail") == []


def test_what_failed_comes_again_later_each_time_and_is_given_up_after_a_week(store: Store) -> None:
    post(store, "mail")
    now, waits = NOW, []
    for _ in range(12):
        (message,) = claim(store, now, "mail")
        assert fail(store, message, now)
        before = now
        while not due(store, now):
            now += 1
        waits.append(now - before)
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == outbox.LONGEST_SECONDS
    (message,) = claim(store, NOW + outbox.LAST_SECONDS + 1, "mail")
    assert not fail(store, message, NOW + outbox.LAST_SECONDS + 1)
    assert claim(store, NOW + 2 * outbox.LAST_SECONDS, "mail") == []
