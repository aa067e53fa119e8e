from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading

import psycopg
import pytest
from oidc import OidcProvider

from sluice.testing.gateway import RunningGateway


@pytest.fixture(scope="module")
def house(oidc: OidcProvider, build):
    return build(f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}")


def sluice(gateway: RunningGateway, *words: str, status: int = 0) -> object:
    done = subprocess.run(
        [sys.executable, "-m", "sluice", *words, "--config", str(gateway.config), "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr + done.stdout
    return json.loads(done.stdout)


def ended(connection: psycopg.Connection) -> str:
    """Waits, asking for nothing, until the gateway ends an idle session; its words, which libpq has as a notice."""
    said: list[str] = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    with pytest.raises(psycopg.OperationalError):
        for _ in connection.notifies(timeout=20):
            pass
    return " ".join(said)


def stan(house, **more: object) -> psycopg.Connection:
    return psycopg.connect(house.gateway.dsn("stan", "open sesame", "house"), autocommit=True, **more)  # type: ignore[arg-type]


def test_an_idle_session_of_a_revoked_user_is_ended_and_nobody_logs_in_as_them_until_it_is_lifted(house, oidc):
    token = oidc.token("sam")
    with house.connect(token) as connection, stan(house) as other:
        entry = sluice(house.gateway, "revoke", "user", "sam", "--reason", "on leave")
        assert "the user was revoked: on leave" in ended(connection)
        assert other.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        house.connect(token)
    assert [one["subject"] for one in sluice(house.gateway, "revoke", "list")] == ["sam"]
    sluice(house.gateway, "revoke", "lift", entry["id"])
    house.gateway.until(lambda: admitted(house, token), "the revocation to be lifted")


def admitted(house, token: str) -> bool:
    try:
        house.connect(token).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_revoked_token_ends_what_began_with_it_and_no_other_token_of_its_user(house, oidc):
    first, second = oidc.token("sam"), oidc.token("sam")
    with house.connect(first) as connection, house.connect(second) as other:
        sluice(house.gateway, "revoke", "token", claims(first)["jti"])
        assert "the token was revoked" in ended(connection)
        assert other.execute("select 1").fetchone() == (1,)
    assert not admitted(house, first)


def claims(token: str) -> dict[str, str]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_an_agent_goes_with_the_user_it_acts_for(house, oidc):
    with house.connect(oidc.agent(oidc.token("dana"), "fine-tuning")) as connection:
        entry = sluice(house.gateway, "revoke", "user", "dana")
        assert "the user was revoked" in ended(connection)
    sluice(house.gateway, "revoke", "lift", entry["id"])


def test_a_session_is_listed_and_killed_while_its_statement_runs(house):
    with stan(house) as connection:
        connection.execute("select 1")
        (mine,) = [one for one in sluice(house.gateway, "sessions") if one["identity"] == "user:stan"]
        failed: list[Exception] = []

        def work() -> None:
            try:
                connection.execute("select pg_sleep(60)")
            except psycopg.Error as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        house.gateway.until(
            lambda: any(one["id"] == mine["id"] and not one["idle"] for one in sluice(house.gateway, "sessions")),
            "the statement to run",
        )
        sluice(house.gateway, "sessions", "kill", mine["id"], "--reason", "too slow")
        thread.join()
        assert "this session was revoked: too slow" in str(failed[0])
    done = house.gateway.event(
        lambda one: (
            one["event"] == "statement-done" and one["id"].startswith(mine["id"] + "-") and one["outcome"] == "cut"
        )
    )
    assert done
    running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
    house.gateway.until(lambda: house.server.psql(running, "house").strip() == "0", "the database to be told")
    sluice(house.gateway, "sessions", "kill", "nobody", status=1)


def test_a_result_that_is_streaming_when_its_reader_is_revoked_is_cut(house, oidc):
    with house.connect(oidc.token("olga")) as connection:
        rows = connection.cursor().stream("select repeat('x', 1000) from generate_series(1, 2000000)")
        next(rows)
        entry = sluice(house.gateway, "revoke", "user", "olga")
        with pytest.raises(psycopg.OperationalError, match="the user was revoked"):
            for _ in rows:
                pass
    sluice(house.gateway, "revoke", "lift", entry["id"])


def test_a_session_ends_when_its_token_does_though_nothing_is_asked(oidc, build):
    with OidcProvider(access_seconds=6) as hasty:
        short = build(f"{{issuer: '{hasty.issuer}', audience: sluice, discover: true, leeway: 0}}")
        with short.connect(hasty.token("sam")) as connection:
            assert "has expired" in ended(connection)


def test_users_that_the_configuration_loses_disables_or_moves_lose_what_they_had(oidc, build):
    issuers = f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}"
    people = "  sam: {groups: [owner]}\n  dana: {groups: [data-science]}\n"
    shifting = build(issuers, people)
    with (
        shifting.connect(oidc.token("sam")) as sam,
        stan(shifting) as kept,
        shifting.connect(oidc.token("dana"), "analytics") as dana,
    ):
        assert kept.execute("select count(*) from notes").fetchone() == (0,)
        sam.execute("insert into notes values (7, 'x')")
        sam.execute("delete from notes where id = 7")
        shifting.gateway.configure(shifting.config(issuers, "  sam: {}\n  dana: {disabled: true}\n"))
        assert "the user is disabled" in ended(dana)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sam.execute("delete from notes where id = 8")
        assert kept.execute("select 1").fetchone() == (1,)
        shifting.gateway.configure(shifting.config(issuers).replace("stan:", "other:"))
        assert "unknown or disabled" in ended(kept)
