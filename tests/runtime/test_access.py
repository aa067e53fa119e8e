"""Access for a while, end to end: asked for and approved or taken at once, in force on open sessions, ended, looked over."""

from __future__ import annotations

import json
import time

import psycopg
import pytest
from yard import Yard, command

from sluice.edges.approvals import grants
from sluice.model.identity import Identity

WIM = Identity("user", "wim")
VAULT = "select id from vault"


def asked(yard: Yard, *words: str, who: str = "wim", status: int = 0) -> dict[str, object]:
    done = command(yard, who, *words, "--json")
    assert done.exit_code == status, done.output
    return json.loads(done.output)


def opens(connection: psycopg.Connection) -> bool:
    try:
        return connection.execute(VAULT).fetchall() == [(1,)]
    except psycopg.errors.InsufficientPrivilege:
        return False


def test_access_is_asked_for_approved_in_force_on_open_sessions_and_ended(yard: Yard) -> None:
    with yard.connect() as connection:
        assert not opens(connection)
        words = ("request", "--source", "yard", "--role", "keeper", "--for", "2h", "--reason", "stocktaking")
        request = asked(yard, *words)
        assert (request["state"], request["kind"]) == ("open", "grant")
        assert not opens(connection)
        own = command(yard, "wim", "approvals", "approve", str(request["id"]), "--reason", "me")
        assert own.exit_code == 1
        given = asked(yard, "approvals", "approve", str(request["id"]), "--reason", "ok", who="lena")
        assert given["state"] == "used"
        yard.gateway.until(lambda: opens(connection), "the grant")
        with yard.connect("wilma") as other:
            assert not opens(other)
        (grant,) = json.loads(command(yard, "wim", "grants", "list", "--json").output)
        assert (grant["identity"], grant["role"], grant["given_by"]) == ("user:wim", "keeper", ["user:lena"])
        assert json.loads(command(yard, "wilma", "grants", "list", "--json").output) == []
        assert command(yard, "wilma", "grants", "end", grant["id"]).exit_code == 1
        asked(yard, "grants", "end", grant["id"], who="lena")
        yard.gateway.until(lambda: not opens(connection), "the end")
        began = yard.gateway.event(lambda event: event["event"] == "grant-began" and event["grant"] == grant["id"])
        assert (began["request"], began["by"], began["reason"]) == (request["id"], ["user:lena"], "stocktaking")
        yard.gateway.event(lambda event: event["event"] == "grant-ended" and event["by"] == "user:lena")


def test_a_grant_ends_by_itself_on_open_sessions(yard: Yard) -> None:
    now = time.time()
    with yard.connect() as connection:
        grant = yard.store.write(
            lambda c: grants.begin(c, "grant", "user:wim", ("yard", "keeper"), (None, "x", ()), now, 6.0), "grants"
        ).result()
        yard.gateway.until(lambda: opens(connection), "the grant")
        yard.gateway.until(lambda: not opens(connection), "its end")
        assert time.time() >= now + 6
        yard.gateway.event(lambda event: event["event"] == "grant-ended" and event["grant"] == grant.id)


def test_a_result_that_streams_is_cut_when_the_grant_ends(yard: Yard) -> None:
    now = time.time()
    grant = yard.store.write(
        lambda c: grants.begin(c, "grant", "user:wim", ("yard", "keeper"), (None, "x", ()), now, 600.0), "grants"
    ).result()
    with yard.connect() as connection:
        yard.gateway.until(lambda: opens(connection), "the grant")
        rows = connection.cursor().stream("select v.id, repeat('x', 1000) from vault v, generate_series(1, 3000000)")
        next(rows)
        command(yard, "wim", "grants", "end", grant.id)
        with pytest.raises(psycopg.Error, match="not permitted"):
            for _ in rows:
                pass


def test_what_policy_does_not_let_one_ask_for_is_refused(yard: Yard) -> None:
    words = ("--source", "yard", "--for", "2h", "--reason", "x")
    other = command(yard, "wim", "request", "--role", "dba", *words)
    assert (other.exit_code, "by `request` is not permitted" in other.output) == (1, True)
    stranger = command(yard, "lena", "request", "--role", "keeper", *words)
    assert stranger.exit_code == 1
    long = command(yard, "wim", "request", "--source", "yard", "--role", "keeper", "--for", "9h", "--reason", "x")
    assert (long.exit_code, "at most 28800" in long.output) == (1, True)
    nowhere = command(yard, "wim", "request", "--source", "moon", "--role", "keeper", "--for", "1h", "--reason", "x")
    assert nowhere.exit_code == 1


def test_break_glass_works_at_once_is_loud_and_is_reviewed_by_somebody_else(yard: Yard) -> None:
    with yard.connect() as connection:
        assert not opens(connection)
        words = ("break-glass", "--source", "yard", "--role", "keeper", "--for", "10m", "--reason", "the roof leaks")
        grant = str(asked(yard, *words)["id"])
        # The gateway that was asked has it in force when it answers.
        assert opens(connection)
        event = yard.gateway.event(lambda one: one["event"] == "grant-began" and one["grant"] == grant)
        assert (event["kind"], event["reason"], event["by"]) == ("break-glass", "the roof leaks", [])
    assert json.loads(command(yard, "wilma", "reviews", "list", "--json").output) == []
    (todo,) = json.loads(command(yard, "lena", "reviews", "list", "--json").output)
    assert (todo["grant"]["id"], todo["at"]) == (grant, None)
    done = ("reviews", "done", grant, "--verdict", "justified", "--note", "it did")
    assert command(yard, "wim", *done).exit_code == 1
    assert command(yard, "lena", *done).exit_code == 0
    late = command(yard, "lars", *done)
    assert (late.exit_code, "reviewed already, by user:lena" in late.output) == (1, True)
    yard.gateway.event(lambda one: one["event"] == "break-glass-reviewed" and one["verdict"] == "justified")


def test_who_may_not_break_the_glass_is_refused(yard: Yard) -> None:
    words = ("--source", "yard", "--reason", "x")
    assert command(yard, "lena", "break-glass", "--role", "keeper", *words).exit_code == 1
    assert command(yard, "wim", "break-glass", "--role", "lead", *words).exit_code == 1
    assert command(yard, "wim", "break-glass", "--role", "keeper", "--for", "2h", *words).exit_code == 1


def test_one_whose_break_glass_nobody_reviewed_in_time_does_not_break_it_again(yard: Yard) -> None:
    with pytest.raises(grants.DeskError, match="has not been reviewed in time"):
        for now in (0.0, 20.0):
            yard.store.write(
                lambda c, now=now: grants.break_glass(c, WIM, "yard", "keeper", "x", now, 5.0, 10.0), "grants"
            ).result()
