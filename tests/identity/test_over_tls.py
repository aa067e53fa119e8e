"""Minted credentials and workloads' certificates where the gateway takes nothing in clear."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from authority import Authority
from issuing import EC, ISSUER, claims, key_set, signed
from terminal import Terminal, said

from sluice.testing.gateway import RunningGateway
from sluice.testing.postgres import PostgresServer

REPORTS = "spiffe://example.org/reports"


@dataclass(frozen=True, slots=True)
class Vault:
    gateway: RunningGateway
    authority: Authority
    terminal: Terminal

    def told(self, *words: str) -> dict[str, str]:
        """What a command says to programs, for somebody with a token."""
        now = int(time.time())
        token = signed(claims(sub="olga", groups=["owner"], iat=now - 5, exp=now + 600))
        return self.terminal.told(*words, SLUICE_TOKEN=token, SLUICE_GATEWAY=self.terminal.api)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def vault(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    postgres.psql("create role vault_gateway login")
    postgres.psql("create database vault")
    folder: Path = tmp_path_factory.mktemp("vault")
    authority = Authority(folder)
    cert, key = authority.issue("gateway")
    (folder / "keys.json").write_bytes(key_set(EC))
    config = (
        f"sources: {{vault: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: vault_gateway}}}}\n"
        f"tokens: [{{issuer: '{ISSUER}', audience: sluice, jwks: keys.json}}]\n"
        f"login: {{issuer: '{ISSUER}', client_id: sluice-cli}}\n"
        f"users: {{reports: {{kind: service, groups: [owner], certificates: ['{REPORTS}']}}}}\n"
        "masking: {key: {file: masking.key}}\n"
    )
    files = {"policies/all.cedar": '@id("all") permit (principal, action, resource);', "labels.yaml": "{}\n"}
    listener = f"tls: {{cert: {cert}, key: {key}, client_ca: {authority.ca}}}"
    with RunningGateway(folder, config, files=files, listener=listener) as gateway:
        home = tmp_path_factory.mktemp("home")
        yield Vault(gateway, authority, Terminal(home, f"http://127.0.0.1:{gateway.admin}"))


def answers(string: str, **more: str) -> bool:
    with psycopg.connect(string, **more) as connection:  # type: ignore[arg-type]
        return connection.execute("select 1").fetchone() == (1,)


def test_a_credential_binds_the_gateway_that_made_it_to_the_channel(vault: Vault):
    settings = vault.told("env", "vault")
    assert (settings["PGSSLMODE"], settings["PGCHANNELBINDING"]) == ("require", "require")
    minted = vault.told("connect", "vault")
    assert minted["connection_string"].endswith("?sslmode=require&channel_binding=require")
    assert answers(minted["connection_string"])
    event = [one for one in vault.gateway.events() if one["event"] == "connected"][-1]
    assert (event["client"]["tls"], event["identity"]["method"]) == (True, "credential")
    with pytest.raises(psycopg.OperationalError, match="only encrypted connections"):
        answers(vault.gateway.dsn(minted["user"], minted["password"], "vault", sslmode="disable"))


def test_the_way_from_a_local_port_is_encrypted_to_a_gateway_that_is_proven(vault: Vault):
    now = int(time.time())
    token = signed(claims(sub="olga", groups=["owner"], iat=now - 5, exp=now + 600))
    begun = vault.terminal.begin(
        "connect",
        "vault",
        "--port",
        "0",
        "--json",
        "--ca",
        str(vault.authority.ca),
        "--gateway",
        vault.terminal.api,
        token=token,
    )
    try:
        said(begun, "good until")
        assert begun.stdout is not None
        found = json.loads("".join(iter(begun.stdout.readline, "}\n")) + "}")
        assert answers(found["connection_string"])
        assert [one for one in vault.gateway.events() if one["event"] == "connected"][-1]["client"]["tls"]
    finally:
        begun.terminate()
        begun.communicate(timeout=20)
    stranger = Authority(vault.gateway.folder, "stranger")
    begun = vault.terminal.begin(
        "connect",
        "vault",
        "--port",
        "0",
        "--json",
        "--ca",
        str(stranger.ca),
        "--gateway",
        vault.terminal.api,
        token=token,
    )
    try:
        said(begun, "good until")
        assert begun.stdout is not None
        found = json.loads("".join(iter(begun.stdout.readline, "}\n")) + "}")
        with pytest.raises(psycopg.OperationalError):
            answers(found["connection_string"])
    finally:
        begun.terminate()
        begun.communicate(timeout=20)


@pytest.mark.parametrize(
    ("uris", "let_in"),
    [
        ((REPORTS,), True),
        (("spiffe://example.org/other",), False),
        ((REPORTS, "spiffe://example.org/other"), False),
        ((), False),
    ],
)
def test_a_workload_is_its_spiffe_identity_and_that_alone(vault: Vault, uris: tuple[str, ...], let_in: bool):
    cert, key = vault.authority.issue("reports", *uris)
    string = vault.gateway.dsn(
        "reports",
        "",
        "vault",
        sslmode="verify-full",
        sslrootcert=str(vault.authority.ca),
        sslcert=str(cert),
        sslkey=str(key),
    )
    if let_in:
        assert answers(string)
        event = [one for one in vault.gateway.events() if one["event"] == "connected"][-1]
        assert (event["identity"]["kind"], event["identity"]["method"]) == ("service", "certificate")
        return
    with pytest.raises(psycopg.OperationalError):
        answers(string, password="none")
