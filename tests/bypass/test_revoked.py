"""What was begun under a right is gone on with under the rules of the moment: portals, cursors, prepared statements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from canaries import found
from playing import TRUST, Stand, Tap, raw
from wire import SYNC, Message, bind, describe, execute, parse, query

ASKED = "select ssn, salary from people order by id"

BEGUN = {
    "a portal in slices": ([parse(ASKED), bind(portal="p"), execute("p", 1), SYNC], [execute("p", 1), execute("p"), SYNC]),
    "a portal that was described": (
        [parse(ASKED), bind(portal="p", wanted=[1]), describe("P", "p"), execute("p", 1), SYNC],
        [execute("p"), SYNC],
    ),
    "a cursor": ([query(f"declare c cursor for {ASKED}; fetch 1 from c")], [query("fetch all from c")]),
    "a cursor read as a portal": ([query(f"declare c cursor for {ASKED}; fetch 1 from c")], [execute("c"), SYNC]),
    "a statement by name": (
        [parse(ASKED, "s"), bind(statement="s"), describe("P"), execute(), SYNC],
        [bind(statement="s"), execute(), SYNC, bind(statement="s", wanted=[1]), execute(), SYNC],
    ),
    "a statement of SQL": ([query(f"prepare s as {ASKED}"), query("execute s")], [query("execute s"), query("execute s")]),
    "the same text again and again": ([query(ASKED), query(ASKED), query(ASKED)], [query(ASKED), query(ASKED)]),
    "the same exchange again and again": (
        [parse(ASKED), bind(), describe("P"), execute(), SYNC] * 3,
        [parse(ASKED), bind(), describe("P"), execute(), SYNC] * 2,
    ),
    "a copy of what was seen": ([query(f"create temp table kept as {ASKED}")], [query("select ssn from kept"), query("copy kept to stdout")]),
}  # fmt: skip


@pytest.fixture(scope="module")
def heard(stand: Stand) -> Iterator[dict[str, tuple[list[Message], list[Message]]]]:
    """What each heard before the right was taken away, and after."""
    taps = {name: Tap(stand.through("shop", "trusted")) for name in BEGUN}
    before, after = {}, {}
    try:
        for name, (first, _) in BEGUN.items():
            taps[name].simply("begin")
            before[name] = taps[name].converse(*first)
        stand.gateway.write("policies/trust.cedar", "")
        stand.gateway.reload()
        with Tap(stand.through("shop", "trusted")) as watcher:
            stand.gateway.until(lambda: not found(raw(watcher.simply(ASKED))), "the right to be gone")
        for name, (_, rest) in BEGUN.items():
            after[name] = taps[name].converse(*rest)
        yield {name: (before[name], after[name]) for name in BEGUN}
    finally:
        for tap in taps.values():
            tap.__exit__()
        stand.gateway.write("policies/trust.cedar", TRUST)
        stand.gateway.reload()


@pytest.mark.parametrize("name", BEGUN)
def test_what_was_begun_in_clear_goes_on_under_the_rules_of_now(
    heard: dict[str, tuple[list[Message], list[Message]]], name: str
) -> None:
    before, after = heard[name]
    assert found(raw(before)) or name == "a copy of what was seen"
    assert after
    assert not found(raw(after))
