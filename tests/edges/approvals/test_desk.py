"""Requests in the store, and what happens when two things happen to one at the same instant; on both kinds of place."""

# ruff: noqa: B023 - what is run at once is over before the loop goes on

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from sluice.edges.approvals import desk
from sluice.edges.approvals.requests import DeskError, Request
from sluice.edges.store import Place, Store
from sluice.model.approval import Hold, Need
from sluice.model.identity import Identity

WIM = Identity("user", "wim", frozenset({"work"}))
LENA = Identity("user", "lena", frozenset({"lead"}))
LARS = Identity("user", "lars", frozenset({"lead", "security"}))
HELPER = Identity("agent", "helper", frozenset({"lead"}), on_behalf_of=LENA)
NOW = 1_000_000.0
NUMBERS = count()


def hold(**more: Any) -> Hold:
    """A hold that no other test asks about."""
    base = Hold(
        digest=f"d{next(NUMBERS)}", event_id="c-1", purpose="ticket", needs=(Need("lead", 1),), policies=("p",), why="no",
        valid_seconds=60.0, uses=1, text="delete from a", tables=(("public.a", "delete"),), labels=("pii.email",),
    )  # fmt: skip
    return replace(base, **more)


def asked(store: Store, held: Hold, who: Identity = WIM, now: float = NOW) -> Request:
    return store.write(lambda c: desk.ask(c, who, "shop", "production", held, now, 100.0, 50)[0], "requests").result()


def vote(store: Store, request: str, who: Identity = LENA, verdict: str = "approve", now: float = NOW + 1) -> Request:
    return store.write(lambda c: desk.vote(c, request, who, verdict, "seen", "cli", now), "requests").result()


def show(store: Store, request: str) -> Request:
    return store.read(lambda c: desk.show(c, request)).result()


def race(*work: Callable[[], Any]) -> list[Any]:
    """Everything at once; what each gave or raised."""
    start = threading.Barrier(len(work))

    def run(one: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return one()
        except DeskError as error:
            return error

    with ThreadPoolExecutor(len(work)) as pool:
        return [each.result() for each in [pool.submit(run, one) for one in work]]


@pytest.fixture
def beside(place: Place, store: Store) -> Any:
    """Another node's store of the same place."""
    other = Store(place)
    yield other
    other.close()


def test_what_is_asked_is_what_people_see(store: Store) -> None:
    request = show(store, asked(store, hold()).id)
    assert (request.requester, request.parties, request.state) == ("user:wim", ("user:wim",), "open")
    assert request.detail["tables"] == [{"table": "public.a", "access": "delete"}]
    assert request.detail["labels"] == ["pii.email"]
    assert request.closes_at == NOW + 100


def test_an_approval_holds_for_its_time_and_its_uses(store: Store) -> None:
    held = hold(uses=2)
    request = asked(store, held)
    assert vote(store, request.id).valid_until == NOW + 61
    ask = lambda now: store.write(  # noqa: E731
        lambda c: desk.ask(c, WIM, "shop", "production", held, now, 100.0, 50), "requests"
    ).result()
    for _ in range(2):
        found, approval = ask(NOW + 10)
        assert approval is not None
        assert (approval.request, approval.approvers[0].name, approval.approvers[0].reason) == (
            request.id,
            "user:lena",
            "seen",
        )
    assert found.state == "used"
    again, approval = ask(NOW + 11)
    assert approval is None
    assert again.id != request.id
    vote(store, again.id, now=NOW + 12)
    later, approval = ask(NOW + 12 + 60)
    assert approval is None
    assert later.id not in (request.id, again.id)


@pytest.mark.parametrize(
    "other",
    [
        {"who": replace(WIM, name="wilma")},
        {"who": replace(WIM, on_behalf_of=LENA)},
        {"source": "store"},
        {"digest": "another"},
        {"purpose": "fun"},
        {"needs": (Need("lead", 2),)},
    ],
)
def test_an_approval_fits_nothing_else(store: Store, other: dict[str, Any]) -> None:
    held, other = hold(), dict(other)
    vote(store, asked(store, held).id)
    who, source = other.pop("who", WIM), other.pop("source", "shop")
    changed = replace(held, **other)
    _, approval = store.write(
        lambda c: desk.ask(c, who, source, "production", changed, NOW + 2, 100.0, 50), "requests"
    ).result()
    assert approval is None


def test_several_groups_and_several_of_one_are_all_needed(store: Store) -> None:
    request = asked(store, hold(needs=(Need("lead", 2), Need("security", 1)))).id
    assert vote(store, request, LENA).state == "open"
    assert vote(store, request, replace(LENA, name="lotte")).state == "open"
    assert vote(store, request, LARS).state == "approved"


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (replace(WIM, groups=frozenset({"lead"})), "their own"),
        (HELPER, "only people"),
        (Identity("service", "robot", frozenset({"lead"})), "only people"),
        (Identity("user", "guest"), "in none of the groups"),
        (replace(LENA, expires_at=NOW), "has expired"),
    ],
)
def test_who_may_not_answer_is_told_why(store: Store, who: Identity, why: str) -> None:
    request = asked(store, hold()).id
    with pytest.raises(DeskError, match=why):
        vote(store, request, who)
    assert show(store, request).votes == ()


def test_who_an_agent_acts_for_does_not_answer_for_it(store: Store) -> None:
    request = asked(store, hold(), HELPER).id
    with pytest.raises(DeskError, match="agent that acts for them"):
        vote(store, request, LENA)
    assert vote(store, request, LARS).state == "approved"


def test_an_answer_needs_a_reason(store: Store) -> None:
    request = asked(store, hold()).id
    with pytest.raises(DeskError, match="needs a reason"):
        store.write(lambda c: desk.vote(c, request, LENA, "approve", "  ", "cli", NOW), "requests").result()


def test_one_identity_cannot_flood_the_humans(store: Store) -> None:
    busy = replace(WIM, name="busy")
    ask = lambda: store.write(lambda c: desk.ask(c, busy, "shop", "p", hold(), NOW, 100.0, 3)[0], "requests").result()  # noqa: E731
    first, *_ = (ask() for _ in range(3))
    with pytest.raises(DeskError, match="3 open requests already"):
        ask()
    store.write(lambda c: desk.withdraw(c, first.id, busy, NOW), "requests").result()
    ask()


def test_two_who_approve_at_the_same_instant_are_both_counted(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold(needs=(Need("lead", 2),))).id
        race(lambda: vote(store, request, LENA), lambda: vote(beside, request, LARS))
        found = show(store, request)
        assert (found.state, len(found.votes)) == ("approved", 2)


def test_of_two_where_one_is_enough_the_second_hears_that_it_is_late(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold()).id
        told = race(lambda: vote(store, request, LENA), lambda: vote(beside, request, LARS))
        assert sorted(type(one).__name__ for one in told) == ["DeskError", "Request"]
        assert len(show(store, request).votes) == 1


def test_approving_and_denying_at_the_same_instant_the_first_decides(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold()).id
        race(lambda: vote(store, request, LENA), lambda: vote(beside, request, LARS, "deny"))
        found = show(store, request)
        (only,) = found.votes
        assert found.state == ("approved" if only.verdict == "approve" else "denied")


def test_an_approval_that_races_an_expiry_comes_before_or_after_it(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold()).id
        # Somebody's clock says that it is over, the approver's that it is not.
        race(
            lambda: vote(store, request, LENA, now=NOW + 99),
            lambda: beside.write(lambda c: desk.expire(c, NOW + 101), "requests").result(),
        )
        found = show(store, request)
        assert (found.state, len(found.votes)) in (("approved", 1), ("expired", 0))
    late = asked(store, hold()).id
    with pytest.raises(DeskError, match="it is expired"):
        vote(store, late, now=NOW + 100)


def test_an_approval_that_races_a_withdrawal_comes_before_or_after_it(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold()).id
        race(
            lambda: vote(store, request, LENA),
            lambda: beside.write(lambda c: desk.leave(c, request, NOW + 1), "requests").result(),
        )
        found = show(store, request)
        assert (found.state, len(found.votes)) in (("approved", 1), ("withdrawn", 0))


def test_one_use_is_given_to_one_of_two_gateways(store: Store, beside: Store) -> None:
    for _ in range(5):
        request = asked(store, hold()).id
        vote(store, request)
        use = lambda one: one.write(lambda c: desk.use(c, request, NOW + 2), "requests").result()  # noqa: E731
        told = race(lambda: use(store), lambda: use(beside))
        assert sum(one is not None for one in told) == 1
        assert show(store, request).used == 1


def test_a_use_that_never_reached_its_session_is_given_back_while_the_approval_holds(store: Store) -> None:
    request = asked(store, hold()).id
    vote(store, request)
    use = lambda: store.write(lambda c: desk.use(c, request, NOW + 2), "requests").result()  # noqa: E731
    assert use() is not None
    assert use() is None
    store.write(lambda c: desk.give_back(c, request, NOW + 3), "requests").result()
    assert use() is not None
    store.write(lambda c: desk.give_back(c, request, NOW + 999), "requests").result()
    assert show(store, request).state == "used"


def test_an_approval_that_was_not_used_expires_and_can_be_withdrawn_by_who_gave_it(store: Store) -> None:
    request = asked(store, hold()).id
    vote(store, request)
    with pytest.raises(DeskError, match="only who asked, or who approved"):
        store.write(lambda c: desk.withdraw(c, request, LARS, NOW + 2), "requests").result()
    assert store.write(lambda c: desk.withdraw(c, request, LENA, NOW + 2), "requests").result().state == "withdrawn"
    other = asked(store, hold()).id
    vote(store, other)
    assert other in [one.id for one in store.write(lambda c: desk.expire(c, NOW + 61), "requests").result()]
    assert show(store, other).state == "expired"
