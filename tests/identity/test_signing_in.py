"""`sluice login` and what follows from it, with a real identity provider and people who fill in its forms."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import stat
import subprocess
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import httpx2
import psycopg
import pytest
from oidc import OidcProvider, Person
from terminal import Terminal, said

from sluice.testing.gateway import RunningGateway

MAIL = "select email from people where id = 7"


def login(oidc: OidcProvider, more: str = "") -> str:
    scopes = "[openid, offline_access, groups]"
    return f"login: {{issuer: '{oidc.issuer}', client_id: sluice-cli, scopes: {scopes}{more}}}\n"


@pytest.fixture(scope="module")
def house(oidc: OidcProvider, build):
    return build(f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}", more=login(oidc))


@pytest.fixture(scope="module")
def dana(house, oidc: OidcProvider, tmp_path_factory) -> Terminal:
    """Dana's terminal, signed in."""
    terminal = Terminal(tmp_path_factory.mktemp("dana"), f"http://127.0.0.1:{house.gateway.admin}")
    found = terminal.sign_in("dana", oidc)
    assert (found["name"], found["groups"], found["sources"]) == ("dana", ["data-science"], ["house"])
    return terminal


@pytest.fixture
def sam(house, oidc: OidcProvider, tmp_path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, f"http://127.0.0.1:{house.gateway.admin}")
    terminal.sign_in("sam", oidc)
    yield terminal
    terminal.kept.unlink(missing_ok=True)


def ended(connection: psycopg.Connection) -> str:
    """Waits, asking for nothing, until the gateway ends an idle session; its words."""
    heard: list[str] = []
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
    with contextlib.suppress(psycopg.OperationalError):
        for _ in connection.notifies(timeout=20):
            pass
    assert connection.closed
    return " ".join(heard)


def failed(gateway: RunningGateway, user: str) -> str:
    """Why the gateway turned somebody away, as its log has it."""
    event = gateway.event(lambda one: one["event"] == "authentication-failed" and one["user"] == user)
    return str(event["reason"])


def test_what_is_kept_of_a_sign_in_only_its_owner_can_read(dana: Terminal):
    assert stat.S_IMODE(dana.kept.stat().st_mode) == 0o600
    assert dana.told("whoami")["purposes"] == ["analytics", "fine-tuning"]
    kept = dana.kept.read_bytes()
    dana.kept.chmod(0o640)
    assert "can be read by others" in dana.run("whoami", status=1).output
    dana.kept.unlink()
    other = dana.kept.with_name("elsewhere.json")
    other.write_bytes(kept)
    other.chmod(0o600)
    dana.kept.symlink_to(other)
    assert "cannot be read" in dana.run("whoami", status=1).output
    dana.kept.unlink()
    other.rename(dana.kept)
    assert dana.told("whoami")["name"] == "dana"


@pytest.mark.skipif(shutil.which("psql") is None, reason="there is no psql here")
def test_psql_needs_no_password_from_who_signed_in(house, dana: Terminal):
    begun = dana.begin("psql", "house", "--purpose", "analytics", "--", "-XAtc", MAIL)
    out, errors = begun.communicate(timeout=60)
    assert (begun.returncode, out) == (0, "p***@example.com\n"), errors
    connected = [event for event in house.gateway.events() if event["event"] == "connected"][-1]
    assert (connected["identity"]["name"], connected["identity"]["method"]) == ("dana", "credential")
    assert connected["purpose"] == "analytics"
    minted = house.gateway.event(lambda one: one["event"] == "credential-minted")
    assert (minted["credential"], minted["source"], minted["purpose"]) == (connected["user"], "house", "analytics")
    said = subprocess.run(
        ["bash", "-c", 'eval "$1"; psql -XAtc "$2"', "bash", dana.run("env", "house", "--purpose", "analytics").stdout, MAIL],
        capture_output=True, text=True, env=dana.environment,
    )  # fmt: skip
    assert said.stdout == "p***@example.com\n", said.stderr


def test_a_connection_string_works_in_any_driver_and_its_secret_is_kept_nowhere(house, dana: Terminal):
    found = dana.told("connect", "house", "--purpose", "analytics")
    with psycopg.connect(found["connection_string"], autocommit=True) as connection:
        assert connection.execute(MAIL).fetchone() == ("p***@example.com",)
    with sqlite3.connect(house.gateway.folder / "control.db") as store:
        rows = store.execute("select * from sluice_credentials").fetchall()
    everything = (
        repr(rows) + dana.kept.read_text() + house.gateway.said.read_text() + json.dumps(house.gateway.events())
    )
    assert found["user"] in everything
    assert found["password"] not in everything


def test_a_credential_is_good_for_its_source_and_its_purpose_alone(house, dana: Terminal):
    minted = dana.told("connect", "house", "--purpose", "analytics")
    user, password = minted["user"], minted["password"]
    with pytest.raises(psycopg.OperationalError, match="purpose `fine-tuning` is not among those"):
        psycopg.connect(house.gateway.dsn(user, password, "house", purpose="fine-tuning"))
    with pytest.raises(psycopg.OperationalError, match="the login is not valid"):
        psycopg.connect(house.gateway.dsn(user, password, "elsewhere"))
    assert house.gateway.event(lambda one: one.get("reason") == "the credential is for source `house`")
    with psycopg.connect(house.gateway.dsn(user, password, "house"), autocommit=True) as connection:
        # A comment chooses among the purposes, and there is one.
        connection.execute(f"{MAIL} /*purpose='fine-tuning'*/".encode())
        asked = [event for event in house.gateway.events() if event["event"] == "statement-asked"][-1]
        assert asked["purpose"] == "analytics"


def test_a_wrong_password_and_a_name_that_was_never_given_end_alike(house, dana: Terminal):
    minted = dana.told("connect", "house", "--purpose", "analytics")
    for user in (minted["user"], "c-" + "a" * 16):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed for user") as refused:
            psycopg.connect(house.gateway.dsn(user, "a guess", "house"))
        assert user in str(refused.value)
    assert failed(house.gateway, "c-" + "a" * 16) == "there is no such credential, or it has ended"


def test_credentials_are_minted_for_purposes_that_may_be_stated_and_sources_that_are_there(house, dana: Terminal):
    assert "purpose `ticket` is not among those" in dana.run("connect", "house", "--purpose", "ticket", status=1).output
    assert "no source `elsewhere`" in dana.run("connect", "elsewhere", status=1).output
    assert (
        "at most 3600 seconds" in dana.run("connect", "house", "--purpose", "analytics", "--for", "3h", status=1).output
    )


def test_a_password_mints_nothing(house):
    answer = post(house, "/v1/credentials", {"source": "house"}, ("stan", "open sesame"))
    assert answer == (403, "credentials are for who signed in with a token (`sluice login`)")
    assert post(house, "/v1/credentials", {"source": "house"}, None)[0] == 401


def post(house, path: str, body: object, who: tuple[str, str] | None) -> tuple[int, str]:
    """What the API answers to somebody with a password."""
    answer = httpx2.post(f"http://127.0.0.1:{house.gateway.admin}{path}", json=body, auth=who)
    return answer.status_code, answer.json()["error"]


def test_an_agent_gets_a_credential_no_longer_than_its_token_and_for_its_purpose_alone(house, dana: Terminal, oidc):
    token = oidc.agent(oidc.token("dana"), "fine-tuning")
    minted = dana.told("connect", "house", SLUICE_TOKEN=token, SLUICE_GATEWAY=dana.api)
    assert minted["purpose"] == "fine-tuning"
    assert minted["expires_at"] <= json.loads(_payload(token))["exp"] + 30
    with psycopg.connect(minted["connection_string"], autocommit=True) as connection:
        connection.execute("select 1")
        event = [one for one in house.gateway.events() if one["event"] == "connected"][-1]
        assert (event["identity"]["name"], event["identity"]["on_behalf_of"]["name"]) == ("trainer", "dana")
    refused = dana.run(
        "connect", "house", "--purpose", "analytics", status=1, SLUICE_TOKEN=token, SLUICE_GATEWAY=dana.api
    )
    assert "purpose `analytics` is not among those" in refused.output


def _payload(token: str) -> bytes:
    part = token.split(".")[1]
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_session_ends_with_its_credential(house, dana: Terminal):
    minted = dana.told("connect", "house", "--purpose", "analytics", "--for", "3s")
    with psycopg.connect(minted["connection_string"], autocommit=True) as connection:
        assert "expired" in ended(connection)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(minted["connection_string"])


def test_ending_a_credential_ends_its_sessions_and_no_others(house, dana: Terminal):
    first, second = (dana.told("connect", "house", "--purpose", "analytics") for _ in range(2))
    with psycopg.connect(first["connection_string"]) as gone, psycopg.connect(second["connection_string"]) as stays:
        assert {first["id"], second["id"]} <= {one["id"] for one in dana.told("credentials")}
        dana.run("credentials", "end", first["id"])
        assert "the database credential that began this session was ended" in ended(gone)
        assert stays.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(first["connection_string"])
    event = house.gateway.event(lambda one: one["event"] == "credential-ended")
    assert (event["credential"], event["by"]) == (first["id"], "user:dana")


def test_a_token_that_ends_is_refreshed(house, dana: Terminal):
    before = json.loads(dana.kept.read_text())
    dana.kept.write_text(json.dumps({**before, "expires_at": time.time() + 5}))
    assert dana.told("whoami")["name"] == "dana"
    after = json.loads(dana.kept.read_text())
    assert after["token"] != before["token"]
    assert after["expires_at"] > time.time() + 60
    assert stat.S_IMODE(dana.kept.stat().st_mode) == 0o600


def test_who_signed_in_is_asked_for_no_password_by_the_other_commands(house, dana: Terminal, tmp_path):
    assert dana.told("approvals", "list") == []
    assert dana.told("grants", "list", SLUICE_CONFIG=str(house.gateway.config)) == []
    # Another gateway's configuration, another name: then the sign-in says nothing.
    other = tmp_path / "sluice.yaml"
    text = house.gateway.config.read_text()
    other.write_text(text.replace(f"port: {house.gateway.admin}", "port: 1"))
    assert "password" in dana.run("approvals", "list", status=2, SLUICE_CONFIG=str(other)).output
    named = dana.run("approvals", "list", "--as", "stan", status=2, SLUICE_CONFIG=str(house.gateway.config))
    assert "password" in named.output


def test_a_local_port_leads_to_the_gateway_and_needs_the_password(house, dana: Terminal):
    begun = dana.begin("connect", "house", "--purpose", "analytics", "--port", "0", "--json")
    try:
        said(begun, "good until")
        assert begun.stdout is not None
        found = json.loads("".join(iter(begun.stdout.readline, "}\n")) + "}")
        assert found["port"] != house.gateway.port
        # libpq asks for encryption first, and is told that there is none on this machine's own port.
        with psycopg.connect(found["connection_string"] + "?sslmode=prefer", autocommit=True) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(found["connection_string"], password="a guess")
    finally:
        begun.terminate()
        begun.communicate(timeout=20)
    assert begun.returncode == 0


def test_a_revoked_user_s_credentials_are_good_no_more(house, sam: Terminal):
    minted = sam.told("connect", "house")
    with psycopg.connect(minted["connection_string"]) as connection:
        entry = json.loads(sam.run("revoke", "user", "sam", "--json", SLUICE_CONFIG=str(house.gateway.config)).stdout)
        assert "the user was revoked" in ended(connection)
    with pytest.raises(psycopg.OperationalError, match="the login is not valid"):
        psycopg.connect(minted["connection_string"])
    assert "is not valid" in sam.run("whoami", status=1).output
    sam.run("revoke", "lift", entry["id"], SLUICE_CONFIG=str(house.gateway.config))


def test_signing_in_on_another_device(house, oidc: OidcProvider, tmp_path):
    terminal = Terminal(tmp_path, f"http://127.0.0.1:{house.gateway.admin}")
    begun = terminal.begin("login", "--gateway", terminal.api, "--device", "--json")
    url = said(begun, "sign in here: ")
    Person("olga").visit(url)
    out, errors = begun.communicate(timeout=60)
    assert begun.returncode == 0, errors
    assert json.loads(out)["name"] == "olga"
    with psycopg.connect(terminal.told("connect", "house")["connection_string"], autocommit=True) as connection:
        assert connection.execute("select count(*) from people").fetchone() == (100,)


def test_signing_out_ends_what_was_minted_and_the_refresh_token(house, sam: Terminal, oidc: OidcProvider):
    minted, kept = sam.told("connect", "house"), json.loads(sam.kept.read_text())
    with psycopg.connect(minted["connection_string"]) as connection:
        # A token of somebody else's in the environment changes nothing of whose credentials end.
        told = sam.told("logout", SLUICE_TOKEN=oidc.token("olga"))
        assert (told["signed_out"], told["revoked"]) == (True, True)
        assert told["ended"] >= 1
        assert "was ended" in ended(connection)
    assert not sam.kept.exists()
    assert "not signed in" in sam.run("whoami", status=1).output
    with pytest.raises(Exception, match="400"):
        oidc.ask(grant_type="refresh_token", client_id="sluice-cli", refresh_token=kept["refresh"])


def test_a_gateway_where_nobody_signs_in_says_so(single, tmp_path):
    terminal = Terminal(tmp_path, f"http://127.0.0.1:{single.gateway.admin}")
    assert "signing in is not configured" in terminal.run("login", "--gateway", terminal.api, status=1).output
    for wrong in ("http://gate.example.com", "ftp://127.0.0.1", "https://", "http://127.0.0.1:x"):
        assert "is no address of a gateway" in terminal.run("login", "--gateway", wrong, status=2).output
