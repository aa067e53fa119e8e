from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.edges.identity import RateLimit


def failing(limit: RateLimit, times: int, address="192.0.2.1", user="support", now=0.0) -> None:
    for _ in range(times):
        limit.failed(address, user, now)


def test_a_few_failures_cost_nothing():
    limit = RateLimit(60, 20)
    failing(limit, 19)
    assert limit.wait("192.0.2.1", "support", 0.0) == 0.0


def test_a_user_who_failed_too_often_waits_wherever_they_come_from():
    limit = RateLimit(60, 20)
    failing(limit, 20)
    assert limit.wait("198.51.100.7", "support", 0.0) == pytest.approx(3.0)
    assert limit.wait("198.51.100.7", "other", 0.0) == 0.0


def test_an_address_that_failed_too_often_waits_whatever_name_it_gives():
    limit = RateLimit(5, 100)
    for number in range(5):
        limit.failed("192.0.2.1", f"user{number}", 0.0)
    assert limit.wait("192.0.2.1", "", 0.0) == pytest.approx(12.0)
    assert limit.wait("192.0.2.1", "fresh", 0.0) == pytest.approx(12.0)
    assert limit.wait("192.0.2.2", "fresh", 0.0) == 0.0


def test_waiting_is_rewarded_evenly():
    limit = RateLimit(60, 20)
    failing(limit, 20)
    assert limit.wait("192.0.2.1", "support", 2.0) == pytest.approx(1.0)
    assert limit.wait("192.0.2.1", "support", 3.0) == pytest.approx(0.0)
    failing(limit, 1, now=3.0)
    assert limit.wait("192.0.2.1", "support", 3.0) == pytest.approx(3.0)
    assert limit.wait("192.0.2.1", "support", 600.0) == 0.0


def test_guesses_side_by_side_are_counted_before_a_success_is_told():
    limit = RateLimit(1000, 3)
    begun = [limit.wait("192.0.2.1", "support", 0.0) for _ in range(50)]
    assert begun == [0.0] * 50
    failing(limit, 3)
    assert limit.wait("192.0.2.1", "support", 0.0) > 0


def test_one_client_s_ipv6_network_is_one_address():
    limit = RateLimit(1, 100)
    limit.failed("2001:db8::1", "", 0.0)
    assert limit.wait("2001:db8::ffff:1", "", 0.0) > 0
    assert limit.wait("2001:db8:0:1::1", "", 0.0) == 0


def test_an_ipv4_address_is_the_same_in_its_ipv6_spelling():
    limit = RateLimit(1, 100)
    limit.failed("::ffff:192.0.2.1", "", 0.0)
    assert limit.wait("192.0.2.1", "", 0.0) > 0


def test_a_socket_s_path_is_an_address_too():
    limit = RateLimit(1, 100)
    limit.failed("/run/sluice", "", 0.0)
    assert limit.wait("/run/sluice", "", 0.0) > 0


def test_memory_is_bounded_and_the_oldest_failure_is_forgotten_first():
    limit = RateLimit(1, 1, entries=10)
    for number in range(1000):
        limit.failed(f"192.0.2.{number}x", f"user{number}", 0.0)
    assert len(limit) == 20
    assert limit.wait("elsewhere", "user999", 0.0) > 0
    assert limit.wait("elsewhere", "user0", 0.0) == 0


def test_a_clock_that_goes_back_gives_nothing_away():
    limit = RateLimit(60, 1)
    limit.failed("192.0.2.1", "support", 100.0)
    assert limit.wait("192.0.2.1", "support", 0.0) == pytest.approx(60.0)


@pytest.mark.parametrize("bounds", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(ValueError, match="begin at 1"):
        RateLimit(*bounds)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.integers(1, 30))
def test_no_rhythm_of_guesses_gets_more_than_its_share(pauses, most):
    limit, now, guesses = RateLimit(10_000, most), 0.0, 0
    for pause in pauses:
        now += pause
        if limit.wait("192.0.2.1", "support", now) == 0.0:
            limit.failed("192.0.2.1", "support", now)
            guesses += 1
    assert guesses <= most + now * most / 60 + 1
