"""Back-channel logout by a real provider, and by tokens that are none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from issuing import EC, ISSUER, claims, key_set, signed
from oidc import OidcProvider, Person
from test_signing_in import ended, login
from wired import Wire, bearer

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture(scope="module")
def house(oidc: OidcProvider, build) -> Iterator[object]:
    found = build(f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}", more=login(oidc))
    oidc.logout_at(f"http://127.0.0.1:{found.gateway.admin}/v1/backchannel-logout")
    yield found
    oidc.logout_at("")


def minted(house, token: str, **wish: str) -> dict[str, object]:
    answer = httpx2.post(
        f"http://127.0.0.1:{house.gateway.admin}/v1/credentials",
        json={"source": "house", **wish}, headers={"authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def string(found: dict[str, object]) -> str:
    return f"host=127.0.0.1 port={found['port']} dbname=house user={found['user']} password={found['password']}"


def test_who_logs_out_at_the_provider_is_out_everywhere_and_comes_back_by_a_new_login(house, oidc: OidcProvider):
    person = Person("dana")
    tokens = person.log_in(oidc)
    token, agent = tokens["access_token"], oidc.agent(tokens["access_token"], "fine-tuning")
    credential = minted(house, token, purpose="analytics")
    with (
        house.connect(oidc.token("sam")) as other,
        house.connect(token, "analytics") as by_token,
        house.connect(agent) as by_agent,
        psycopg.connect(string(credential)) as by_credential,
    ):
        person.log_out(oidc, tokens["id_token"])
        for connection in (by_token, by_agent, by_credential):
            assert "logged out at the identity provider" in ended(connection)
        assert other.execute("select 1").fetchone() == (1,)
    for refused in (lambda: house.connect(token, "analytics"), lambda: house.connect(agent)):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            refused()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(string(credential))
    event = house.gateway.event(lambda one: one["event"] == "logged-out")
    assert (event["issuer"], event["subject"]) == (oidc.issuer, "dana")
    gone = house.gateway.event(lambda one: one["event"] == "credential-ended")
    assert (gone["credential"], gone["by"]) == (credential["id"], oidc.issuer)
    # A login in the very second of the logout counts as one before it.
    house.gateway.until(lambda: comes_back(house, oidc), "dana to come back")


def comes_back(house, oidc: OidcProvider) -> bool:
    try:
        house.connect(oidc.token("dana"), "analytics").close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def signed_house(build, tmp_path_factory):
    """A house whose issuer is this test."""
    keys: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_bytes(key_set(EC))
    issuer = f"{{issuer: '{ISSUER}', audience: sluice, jwks: {keys}}}"
    return build(issuer, more=f"login: {{issuer: '{ISSUER}', client_id: sluice-cli}}\n")


def told(house, token: str, kind: str = "application/x-www-form-urlencoded", body: str = "") -> int:
    where = f"http://127.0.0.1:{house.gateway.admin}/v1/backchannel-logout"
    return httpx2.post(where, content=body or f"logout_token={token}", headers={"content-type": kind}).status_code


def logout(**changed: object) -> str:
    now = int(time.time())
    said = {
        "aud": "sluice-cli",
        "sub": "sam",
        "iat": now,
        "exp": now + 60,
        "jti": "j",
        "events": {EVENT: {}},
        "groups": None,
    }
    return signed(claims(**{**said, **changed}), typ="logout+jwt")


def test_only_a_logout_token_that_did_not_come_before_ends_anything(signed_house):
    now = int(time.time())
    good = signed(claims(sub="sam", groups=["support"], purpose=["ticket"], iat=now - 10, exp=now + 600))
    with signed_house.connect(good) as connection:
        for wrong in (
            logout(aud="sluice"),
            logout(nonce="n"),
            logout(events={}),
            logout(iat=now - 400),
            good,
            "x.y.z",
            "",
        ):
            assert told(signed_house, wrong) == 400
        assert told(signed_house, logout(), "application/json") == 400
        token = logout(sub="dana", jti="first")
        assert told(signed_house, "", body=f"logout_token={token}&logout_token={token}") == 400
        assert told(signed_house, token) == 200
        assert told(signed_house, token) == 400
        assert told(signed_house, logout(sub="sam", jti="first")) == 400
        assert connection.execute("select 1").fetchone() == (1,)
        assert told(signed_house, logout(jti="second")) == 200
        assert "logged out" in ended(connection)


def test_a_credential_is_never_proven_by_a_token_of_its_name(signed_house):
    now = int(time.time())
    victim = signed(claims(sub="olga", groups=["owner"], iat=now - 5, exp=now + 600))
    found = minted(signed_house, victim)
    thief = signed(claims(sub=found["user"], groups=["strangers"], iat=now - 5, exp=now + 600))
    wire = Wire(signed_house.gateway.port, str(found["user"]))
    assert wire.read()[1][4:] == b"SCRAM-SHA-256\0OAUTHBEARER\0\0"
    assert wire.choose(bearer(thief))[1][:4] == (11).to_bytes(4, "big")
    assert wire.answer(b"\x01")[0] == b"E"
    wire.close()
    assert signed_house.gateway.event(lambda one: one.get("reason") == "a credential is proven by its password alone")
