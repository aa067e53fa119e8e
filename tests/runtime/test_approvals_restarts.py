"""What becomes of held statements and their approvals when the gateway ends, in good order or not."""

from __future__ import annotations

import os
import signal
import time

import psycopg
from sqlalchemy import Connection
from yard import LEAD, UPDATE, Asking, Yard, asked_for, refused

from sluice.edges.approvals import desk


def _stopped(yard: Yard, request: str) -> None:
    """Stops the gateway with the signal that no process can take, and approves.

    All of it while this process holds the store's lock: a gateway stopped in the middle of a write would keep that lock for
    good, and nobody could approve anything any more.
    """

    def work(connection: Connection) -> None:
        os.kill(yard.gateway.pid, signal.SIGSTOP)
        yard.gateway.until(lambda: yard.gateway.state() == "T", "the gateway to be stopped")
        desk.vote(connection, request, LEAD, "approve", "seen", "test", time.time())

    yard.store.write(work, "requests").result()


def test_a_gateway_that_ends_in_good_order_tells_who_waits_and_the_request_stays_open(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    request = yard.open()
    os.kill(yard.gateway.pid, signal.SIGTERM)
    error = asking.end().error
    assert error is not None
    assert "shutting down" in (error.diag.message_detail or "")
    assert request.id in (error.diag.message_hint or "")
    yard.gateway.stop()
    assert yard.open().id == request.id
    yard.vote(request.id)
    yard.gateway.start()
    with yard.connect() as connection:
        assert connection.execute(UPDATE).rowcount == 1
    assert yard.n() == 1


def test_a_gateway_killed_before_the_approval_was_used_leaves_it_to_be_used_once(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    request = yard.open()
    _stopped(yard, request.id)
    yard.gateway.kill()
    assert isinstance(asking.end().error, psycopg.OperationalError)
    assert yard.n() == 0
    yard.gateway.start()
    with yard.connect(approval="error") as connection:
        assert connection.execute(UPDATE).rowcount == 1
    assert refused(yard, UPDATE, approval="error").sqlstate == "42501"
    assert yard.n() == 1


def test_a_use_counted_by_a_gateway_that_then_died_is_spent_and_nothing_ran(yard: Yard) -> None:
    request = asked_for(refused(yard, UPDATE, approval="error"))
    yard.vote(request)
    # What a gateway does last before it sends the statement.
    assert yard.store.write(lambda connection: desk.use(connection, request, time.time()), "requests").result()
    yard.gateway.kill()
    yard.gateway.start()
    assert asked_for(refused(yard, UPDATE, approval="error")) != request
    assert yard.n() == 0
