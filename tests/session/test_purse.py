"""The purse of one process: what is left, what is short, what ran out."""

from __future__ import annotations

from sluice.model.decision import Cost
from sluice.session.purse import Purse, Want, key_of

COST = Cost("user:a", "pii.email", 2, 100, 3600, False)


def test_it_pays_for_whole_rows_while_the_lease_is_good() -> None:
    purse = Purse()
    assert purse.short((COST,), 3, 10.0) == (Want(COST, 11),)
    purse.fill(key_of(COST), 7, 20.0, 10.0)
    assert purse.affordable((COST,), 10.0) == 3
    assert purse.short((COST,), 3, 10.0) == ()
    purse.spend((COST,), 3, 10.0)
    assert purse.affordable((COST,), 10.0) == 0
    purse.fill(key_of(COST), 9, 20.0, 11.0)
    assert (purse.affordable((COST,), 11.0), purse.affordable((COST,), 20.0)) == (5, 0)


def test_the_scarcest_of_several_costs_decides() -> None:
    purse, other = Purse(), COST._replace(who="user:b", values=1)
    purse.fill(key_of(COST), 10, 20.0, 10.0)
    assert purse.affordable((COST, other), 10.0) == 0
    purse.fill(key_of(other), 2, 20.0, 10.0)
    assert purse.affordable((COST, other), 10.0) == 2


def test_it_leases_ahead_until_it_is_dry_and_is_dry_for_a_while_only() -> None:
    purse = Purse()
    assert purse.low((COST,), 10.0) == (Want(COST, 5),)
    purse.run_dry(key_of(COST), 15.0)
    assert purse.low((COST,), 10.0) == ()
    assert purse.spent(10.0) == {("user:a", "pii.email")}
    assert purse.spent(15.0) == frozenset()
    assert purse.low((COST,), 15.0) == (Want(COST, 5),)


def test_what_nobody_uses_and_what_ran_out_is_taken_out_once() -> None:
    purse, other = Purse(), COST._replace(who="user:b")
    purse.fill(key_of(COST), 10, 20.0, 10.0)
    purse.fill(key_of(other), 10, 40.0, 14.0)
    assert purse.idle(12.0, 15.0) == [(key_of(COST), 10, 20.0)]
    assert purse.idle(12.0, 15.0) == []
    assert purse.idle(0.0, 41.0) == [(key_of(other), 10, 40.0)]
