"""Held statements, end to end: a real client before a real gateway, humans who answer through the store."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import psycopg
import pytest
from yard import LEAD, PASSWORD, POLICIES, SECOND, UPDATE, Asking, Yard, asked_for, command, refused, refused_now

from sluice.edges.approvals.requests import DeskError
from sluice.model.identity import Identity


def test_the_client_hears_at_once_and_goes_on_when_somebody_approved(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE).rowcount)
    said = asking.said.get(timeout=20)
    request = yard.open()
    assert request.id in said
    assert f"https://gate.example.com/requests/{request.id}" in said
    assert (request.requester, request.detail["statement"]) == ("user:wim", UPDATE)
    assert request.detail["tables"] == [{"table": "public.stock", "access": "update"}]
    assert yard.n() == 0
    yard.vote(request.id)
    assert asking.end().result == 1
    assert yard.n() == 1
    line = yard.gateway.event(
        lambda event: event["event"] == "statement-asked" and event["outcome"] == "allow" and "approval" in event
    )
    assert line["approval"] == {
        "request": request.id,
        "by": [{"by": "user:lena", "groups": ["lead"], "reason": "seen", "channel": "test"}],
    }


def test_one_who_does_not_want_to_wait_hears_how_to_run_it_again_and_then_can_once(yard: Yard) -> None:
    error = refused(yard, UPDATE, approval="error")
    assert error.sqlstate == "42501"
    request = yard.open()
    assert asked_for(error) == request.id
    assert request.id in (error.diag.message_hint or "")
    yard.vote(request.id)
    with yard.connect(approval="error") as connection:
        assert connection.execute(UPDATE).rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(UPDATE)
    assert yard.n() == 1
    assert [one.state for one in yard.requests()][:2] == ["open", "used"]


def test_whoever_is_asked_reads_why_in_the_callers_words(yard: Yard) -> None:
    refused(yard, UPDATE, approval="error", reason="ticket\\\\ 4711")
    request = yard.open()
    assert request.reason == "ticket 4711"
    shown = command(yard, "lena", "approvals", "show", request.id).output
    assert "ticket 4711" in shown
    event = yard.gateway.event(lambda one: one["event"] == "request-asked" and one["request"] == request.id)
    assert event["reason"] == "ticket 4711"
    yard.vote(request.id, verdict="deny")
    # A statement says it for itself; what it says is one line, and what would be hidden elsewhere is hidden in it.
    key = "person7@example.com"
    refused(
        yard, f"{UPDATE} /*reason='count%20was%20wrong%0Astatement: select 1, {key}'*/", approval="error", reason="x"
    )
    said = yard.open().reason
    assert said.startswith("count was wrong statement: select 1, ")
    assert key not in said


def test_the_same_question_is_asked_once_however_often_it_is_run(yard: Yard) -> None:
    first = asked_for(refused(yard, UPDATE, approval="error"))
    assert asked_for(refused(yard, UPDATE, approval="error")) == first
    assert yard.open().id == first


@pytest.mark.parametrize(
    "other",
    [
        "update stock set n = n + 1  where id = 1",
        "update stock set n = n + 1 where id = 2",
        "update stock set n = n + 1 where id = 1 -- again",
    ],
)
def test_an_approval_is_good_for_its_exact_text_alone(yard: Yard, other: str) -> None:
    yard.vote(asked_for(refused(yard, UPDATE, approval="error")))
    assert asked_for(refused(yard, other, approval="error"))
    assert yard.n() == 0


def test_an_approval_is_good_for_what_its_names_meant_alone(yard: Yard) -> None:
    yard.vote(asked_for(refused(yard, UPDATE, approval="error")))
    with yard.connect(approval="error") as connection:
        connection.execute("set search_path = public, other")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(UPDATE)
        # The very same words, and another table.
        connection.execute("set search_path = other, public")
        assert connection.execute(UPDATE).rowcount == 1
    assert (yard.n(), yard.n("other.stock")) == (0, 1)


def test_an_approval_is_good_for_its_caller_alone(yard: Yard) -> None:
    yard.vote(asked_for(refused(yard, UPDATE, approval="error")))
    with yard.connect("wilma", approval="error") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(UPDATE)
    assert yard.n() == 0


def test_an_approval_is_good_for_its_purpose_alone(yard: Yard) -> None:
    yard.vote(asked_for(refused(yard, UPDATE, approval="error", purpose="stocktaking")))
    assert refused(yard, UPDATE, approval="error", purpose="fun").sqlstate == "42501"
    with yard.connect(approval="error", purpose="stocktaking") as connection:
        assert connection.execute(UPDATE).rowcount == 1


def test_parameters_are_part_of_what_is_approved(yard: Yard) -> None:
    text = "update stock set n = n + %s where id = %s"
    with yard.connect(approval="error") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            connection.execute(text, (5, 7))
        request = yard.open()
        assert asked_for(caught.value) == request.id
        assert request.detail["parameters"] == ["0x0005", "0x0007"]
        yard.vote(request.id)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text, (5, 8))
        assert connection.execute(text, (5, 7)).rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text, (5, 7))
    assert yard.n() == 5


def test_a_prepared_statement_waits_each_time_it_is_bound(yard: Yard) -> None:
    def work(connection: psycopg.Connection) -> list[int]:
        text = "update stock set n = n + %s where id = %s"
        return [connection.execute(text, (number, 3), prepare=True).rowcount for number in (1, 2)]

    asking = Asking(yard, work)
    for number in (1, 2):
        request = yard.open()
        assert request.detail["parameters"] == [f"0x000{number}", "0x0003"]
        yard.vote(request.id)
        yard.gateway.until(
            lambda request=request: yard.requests()[0].state != "open" or yard.requests()[0].id != request.id, "x"
        )
    assert asking.end().result == [1, 1]
    assert yard.n() == 3


def test_in_a_transaction_the_default_is_an_error_and_the_transaction_failed(yard: Yard) -> None:
    with yard.connect() as connection:
        connection.execute("begin")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(UPDATE)
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("select 1")
        connection.execute("rollback")
        yard.vote(yard.open().id)
        connection.execute("begin")
        assert connection.execute(UPDATE).rowcount == 1
        connection.execute("commit")
    assert yard.n() == 1


def test_one_may_wait_in_a_transaction_by_choice(yard: Yard) -> None:
    def work(connection: psycopg.Connection) -> int:
        with connection.transaction():
            return connection.execute(UPDATE).rowcount

    asking = Asking(yard, work, approval="wait")
    yard.vote(yard.open().id)
    assert asking.end().result == 1


def test_a_denial_is_told_with_its_reason(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    yard.vote(yard.open().id, verdict="deny")
    error = asking.end().error
    assert error is not None
    assert error.sqlstate == "42501"
    assert "denied by user:lena: seen" in (error.diag.message_detail or "")
    assert yard.n() == 0


def test_a_cancelled_wait_withdraws_the_request_and_leaves_the_connection_in_order(yard: Yard) -> None:
    def work(connection: psycopg.Connection) -> object:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(UPDATE)
        return connection.execute("select 1").fetchone()

    asking = Asking(yard, work)
    request = yard.open()
    asking.connection.cancel()
    assert asking.end().result == (1,)
    yard.gateway.until(lambda: not yard.requests("open"), "the withdrawal")
    with pytest.raises(DeskError, match="withdrawn"):
        yard.vote(request.id)


def test_an_approval_and_a_cancel_at_the_same_instant_run_it_once_or_not_at_all(yard: Yard) -> None:
    ran = 0
    for _ in range(6):
        asking = Asking(yard, lambda connection: connection.execute(UPDATE).rowcount)
        request = yard.open().id
        with ThreadPoolExecutor(2) as pool:
            voted, cancelled = pool.submit(yard.vote, request), pool.submit(asking.connection.cancel)
            cancelled.result()
        assert voted.exception() is None or isinstance(voted.exception(), DeskError)
        error = asking.end().error
        assert error is None or isinstance(error, psycopg.errors.QueryCanceled)
        if error is None:
            ran += 1
        elif not used(yard, request):
            # Either the request is withdrawn, or its approval is good for the next time.
            yard.gateway.until(lambda request=request: state(yard, request) in ("withdrawn", "approved"), "the outcome")  # type: ignore[misc]
            if state(yard, request) == "approved":
                with yard.connect(approval="error") as connection:
                    ran += connection.execute(UPDATE).rowcount
        assert yard.n() == ran


def state(yard: Yard, request: str) -> str:
    return next(one.state for one in yard.requests() if one.id == request)


def used(yard: Yard, request: str) -> bool:
    """Whether a session went on by its approval; what it ran may have been cancelled at the database then."""
    return any(event["event"] == "request-used" and event["request"] == request for event in yard.gateway.events())


def test_one_who_goes_away_withdraws_the_request(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    request = yard.open()
    asking.connection.pgconn.finish()
    yard.gateway.until(lambda: not yard.requests("open"), "the withdrawal")
    with pytest.raises(DeskError, match="withdrawn"):
        yard.vote(request.id)
    yard.gateway.event(lambda event: event["event"] == "request-closed" and event["request"] == request.id)


def test_two_are_asked_and_neither_is_enough_alone(yard: Yard) -> None:
    text = "truncate stock"
    request = asked_for(refused(yard, text, approval="error"))
    assert yard.vote(request).state == "open"
    assert refused(yard, text, approval="error").sqlstate == "42501"
    with pytest.raises(DeskError, match="already answered"):
        yard.vote(request)
    assert yard.vote(request, SECOND).state == "approved"


def test_the_server_is_asked_how_many_rows_without_running_anything(yard: Yard) -> None:
    yard.server.psql("analyze stock", "yard")
    request = asked_for(refused(yard, "update stock set n = 1", approval="error"))
    yard.gateway.until(lambda: yard.open().detail["estimated_rows"] is not None, "the estimate")
    assert yard.open().id == request
    assert yard.open().detail["estimated_rows"] == 100
    assert yard.n() == 0


def test_no_more_may_wait_than_are_allowed(yard: Yard) -> None:
    texts = [f"update stock set n = n + 1 where id = {number}" for number in range(3)]
    waiting = [Asking(yard, lambda connection, text=text: connection.execute(text).rowcount) for text in texts[:2]]
    yard.gateway.until(lambda: len(yard.requests("open")) == 2, "two that wait")
    assert "request r-" in (refused(yard, texts[2]).diag.message_detail or "")
    for one in yard.requests("open"):
        yard.vote(one.id)
    assert [one.end().error for one in waiting] == [None, None]


def test_nobody_approves_their_own_statement_nor_do_agents(yard: Yard) -> None:
    request = asked_for(refused(yard, UPDATE, approval="error"))
    own = Identity("user", "wim", frozenset({"lead"}))
    agent = Identity("agent", "helper", frozenset({"lead"}), on_behalf_of=LEAD)
    stranger = Identity("user", "lena", frozenset({"work"}))
    for who, why in ((own, "their own"), (agent, "only people"), (stranger, "none of the groups")):
        with pytest.raises(DeskError, match=why):
            yard.vote(request, who)


def test_what_is_refused_anyway_is_not_asked_about(yard: Yard) -> None:
    assert refused(yard, "insert into sealed values (1)").sqlstate == "42501"
    assert refused(yard, "update stock set n = 1; insert into sealed values (1)").sqlstate == "42501"
    assert not yard.requests("open")


def test_what_names_hide_is_not_approved(yard: Yard) -> None:
    with yard.connect() as connection:
        for text in ("prepare p as update stock set n = 9", "execute p", "copy stock from stdin"):
            with pytest.raises(psycopg.Error):
                connection.execute(text)
    assert not yard.requests("open")


def test_the_fast_lane_does_not_take_an_approved_statement_again(yard: Yard) -> None:
    with yard.connect(approval="error") as connection:
        for _ in range(3):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(UPDATE)
            yard.vote(yard.open().id)
            assert connection.execute(UPDATE).rowcount == 1
    assert yard.n() == 3


def test_several_uses_are_counted_one_by_one(yard: Yard) -> None:
    text = "truncate stock"
    request = asked_for(refused(yard, text, approval="error"))
    yard.vote(request)
    yard.vote(request, SECOND)
    with yard.connect(approval="error") as connection:
        for _ in range(2):
            connection.execute("begin")
            connection.execute(text)
            connection.execute("rollback")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)


def test_what_a_cursor_reads_was_approved_with_it(yard: Yard) -> None:
    with yard.connect(approval="error") as connection:
        connection.execute("begin")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("declare c cursor for select * from ledger")
        connection.execute("rollback")
        yard.vote(yard.open().id)
        connection.execute("begin")
        connection.execute("declare c cursor for select * from ledger")
        assert connection.execute("fetch 2 from c").fetchall() == [(1,), (2,)]
        assert connection.execute("fetch 1 from c").fetchall() == [(3,)]
        connection.execute("commit")


def snapshot_of(yard: Yard) -> str:
    lines = yard.gateway.fetch("/metrics")[1].splitlines()
    return next(line for line in lines if line.startswith("sluice_snapshot_version "))


def test_a_long_result_under_an_approval_goes_on_when_rules_change(yard: Yard) -> None:
    text = "select a.id from ledger a, generate_series(1, 400000)"
    yard.vote(asked_for(refused(yard, text, approval="error")))
    with yard.connect(approval="error") as connection, connection.cursor() as cursor:
        rows = cursor.stream(text)
        next(rows)
        before = snapshot_of(yard)
        yard.gateway.write("policies/more.cedar", '@id("more") permit (principal in Group::"x", action, resource);')
        yard.gateway.until(lambda: snapshot_of(yard) != before, "another snapshot")
        assert sum(1 for _ in rows) == 1_199_999


def test_a_driver_that_prepares_first_waits_without_holding_the_table(yard: Yard) -> None:
    async def work() -> str:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=yard.gateway.port, user="wim", password=PASSWORD, database="yard"
        )
        try:
            return str(await connection.execute("update stock set n = n + $1 where id = $2", 4, 1))
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(asyncio.run, work())
        request = yard.open()
        assert request.detail["parameters"] == ["0x00000004", "0x00000001"]
        held = "select count(*) from pg_locks where relation = 'stock'::regclass and pid <> pg_backend_pid()"
        yard.gateway.until(lambda: yard.server.psql(held, "yard").strip() == "0", "the locks to be let go")
        yard.vote(request.id)
        assert told.result(20) == "UPDATE 1"
    assert yard.n() == 4


def test_a_policy_that_changes_while_one_waits_decides(yard: Yard) -> None:
    """Allowed meanwhile: it runs, and the request is withdrawn. Forbidden meanwhile: it is refused."""
    asking = Asking(yard, lambda connection: connection.execute(UPDATE).rowcount)
    request = yard.open()
    path = "policies/yard.cedar"
    try:
        yard.gateway.write(path, POLICIES.replace("public.stock", "public.elsewhere"))
        assert asking.end().result == 1
        yard.gateway.until(lambda: yard.requests()[0].state == "withdrawn", "the withdrawal")
        yard.gateway.write(path, POLICIES)
        yard.gateway.until(lambda: refused_now(yard), "the old policies")
        asking = Asking(yard, lambda connection: connection.execute(UPDATE).rowcount)
        request = yard.open()
        yard.gateway.write(path, POLICIES.replace("public.sealed", "public.stock"))
        error = asking.end().error
        assert error is not None
        assert "approv" not in (error.diag.message_primary or "")
        yard.gateway.until(lambda: not yard.requests("open"), "the withdrawal")
        assert yard.requests()[0].id == request.id
    finally:
        yard.gateway.write(path, POLICIES)
        yard.gateway.until(lambda: refused_now(yard), "the old policies")
