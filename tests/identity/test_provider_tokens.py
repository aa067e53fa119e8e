from __future__ import annotations

import json

import psycopg
import pytest
from oidc import OidcProvider, Person


def whose(house, connection: psycopg.Connection) -> str:
    """Who the newest session is, as the log has it."""
    assert connection.execute("select 1").fetchone() == (1,)
    event = [one for one in house.gateway.events() if one["event"] == "connected"][-1]
    names, caller = [], event["identity"]
    while caller is not None:
        names.append(f"{caller['kind']}:{caller['name']}")
        caller = caller.get("on_behalf_of")
    return " for ".join(names)


def newest_purpose(house) -> str:
    return [event["purpose"] for event in house.gateway.events() if event["event"] == "statement-asked"][-1]


def test_a_person_logs_in_with_a_token_of_the_provider_without_being_configured(single, oidc: OidcProvider):
    with single.connect(oidc.token("sam"), "ticket") as connection:
        assert whose(single, connection) == "user:sam"
        assert connection.execute("select email from people where id = 7").fetchone() == ("person7@example.com",)
    with single.connect(oidc.token("dana"), "analytics") as connection:
        assert connection.execute("select email from people where id = 7").fetchone() == ("p***@example.com",)


def test_a_refreshed_token_is_as_good_as_the_first(single, oidc: OidcProvider):
    first = Person("sam").log_in(oidc, "openid offline_access groups")
    again = oidc.ask(grant_type="refresh_token", client_id="sluice-cli", refresh_token=first["refresh_token"])
    assert again["access_token"] != first["access_token"]
    with single.connect(again["access_token"]) as connection:
        assert whose(single, connection) == "user:sam"


def test_a_purpose_that_the_token_does_not_name_cannot_be_stated(single, oidc: OidcProvider):
    with pytest.raises(psycopg.OperationalError, match="purpose `ticket` is not among those `dana` may state"):
        single.connect(oidc.token("dana"), "ticket")


def test_keys_rotate_without_a_restart(single, oidc: OidcProvider):
    with single.connect(oidc.token("sam")) as connection:
        assert whose(single, connection) == "user:sam"
    oidc.rotate()
    fresh = oidc.token("sam")
    # Two fetches of a key set are some seconds apart, whoever asks.
    single.gateway.until(lambda: admitted(single, fresh), "the new key to be known", 20)


def admitted(house, token: str) -> bool:
    try:
        house.connect(token).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_token_by_a_key_that_the_provider_never_had_is_refused(single, oidc: OidcProvider):
    with OidcProvider() as other, pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        single.connect(other.token("sam"))
    said = [event["reason"] for event in single.gateway.events() if event["event"] == "authentication-failed"]
    assert "the token is of an issuer that is not configured" in said


def test_a_provider_that_does_not_answer_holds_up_nobody_else(single, oidc: OidcProvider):
    oidc.hang(4)
    oidc.rotate()
    unknown = oidc.token("sam")
    try:
        with psycopg.connect(single.gateway.dsn("stan", "open sesame", "house"), autocommit=True) as beside:
            waiting = psycopg.connect(single.gateway.dsn("stan", "open sesame", "house"), autocommit=True)
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(single.gateway.dsn("token", unknown, "house", connect_timeout="2"))
            assert beside.execute("select 1").fetchone() == (1,)
            waiting.close()
    finally:
        oidc.hang(0)
    single.gateway.until(lambda: admitted(single, unknown), "the keys of a provider that answers again", 20)


def test_a_service_logs_in_with_a_token_of_its_own(build, oidc: OidcProvider):
    house = build(
        f"{{issuer: '{oidc.issuer}', audience: sluice, jwks_url: '{oidc.issuer}/jwks', kind: service, "
        "require: {client_id: nightly}}"
    )
    with house.connect(oidc.service()) as connection:
        assert whose(house, connection) == "service:nightly"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        house.connect(oidc.token("dana"))


def test_groups_of_the_provider_stand_for_those_that_are_configured(build, oidc: OidcProvider):
    house = build(
        f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true, group_names: {{support: [mapped, staff]}}}}"
    )
    with house.connect(oidc.token("sam")) as connection:
        connected = house.gateway.event(lambda event: event["event"] == "connected")
        assert connected["identity"]["groups"] == ["mapped", "staff"]
        assert connected["identity"]["name"] == "sam"
        connection.close()
    with pytest.raises(psycopg.OperationalError, match="connect"):
        house.connect(oidc.token("dana"))


def test_an_agent_acts_for_a_person_for_the_purpose_in_its_token_alone(single, oidc: OidcProvider):
    token = oidc.agent(oidc.token("dana"), "fine-tuning")
    with single.connect(token) as connection:
        assert whose(single, connection) == "agent:trainer for user:dana"
        connection.execute("select email from people where id = 7 /* purpose='analytics' */")
        assert newest_purpose(single) == "fine-tuning"
    with pytest.raises(psycopg.OperationalError, match="purpose `analytics` is not among"):
        single.connect(token, "analytics")


def test_an_agent_that_stated_a_purpose_turns_to_no_other_by_a_comment(single, oidc: OidcProvider):
    token = oidc.agent(oidc.token("dana"))
    with single.connect(token, "fine-tuning") as connection:
        connection.execute("select plan from people where id = 9 /* purpose='analytics' */")
        assert newest_purpose(single) == "fine-tuning"


def test_an_agent_of_an_agent_may_do_only_what_all_may(single, oidc: OidcProvider):
    once = oidc.agent(oidc.token("olga"), "fine-tuning")
    with single.connect(oidc.agent(once, "fine-tuning", agent="helper")) as connection:
        assert whose(single, connection) == "agent:helper for agent:trainer for user:olga"
        assert connection.execute("select count(*) from people").fetchone() == (100,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into notes values (1, 'x')")


def test_an_agent_for_whom_nobody_fixed_a_purpose_may_do_nothing(single, oidc: OidcProvider):
    token = oidc.agent(oidc.token("olga"))
    for stated in ("", "fine-tuning"):
        with pytest.raises(psycopg.OperationalError, match=f"purpose `{stated}` is not"):
            single.connect(token, stated)


def test_an_agent_of_unusual_appetite_is_held_until_a_person_says_so(single, oidc: OidcProvider):
    token = oidc.agent(oidc.token("dana"), "fine-tuning")
    with single.connect(token) as connection:
        rows = connection.execute("select p.id from people p, generate_series(1, 101)").fetchall()
        assert len(rows) == 10_100
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as held, connection.transaction():
            connection.execute("select id from people where id = 1")
        assert "it takes 1 of `dba`" in (held.value.diag.message_detail or "")
        told = single.gateway.event(lambda event: "agents-of-unusual-appetite" in json.dumps(event))
        assert told["identity"]["kind"] == "agent"
    with single.connect(token) as another:
        assert another.execute("select id from people where id = 1").fetchone() == (1,)
