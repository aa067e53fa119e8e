"""A gateway that takes the tokens of a real identity provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from oidc import OidcProvider

from sluice.testing.gateway import RunningGateway, starter_policies, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
SCHEMA = """
create table people (id int primary key, email text not null, plan text not null);
insert into people select n, 'person' || n || '@example.com', 'free' from generate_series(1, 100) n;
create table notes (id int primary key, body text);
grant select, insert, delete on all tables in schema public to house_gateway;
"""
LABELS = """\
labels: {pii: redact, pii.email: email}
columns: {house: {public.people.email: pii.email}}
"""
POLICIES = """
@id("machines-connect") permit (principal in Group::"machines", action == Action::"connect", resource);
@id("machines-read") permit (principal in Group::"machines", action in Action::"read", resource);
@id("owner-connects") permit (principal in Group::"owner", action == Action::"connect", resource);
@id("owner-does-everything") permit (principal in Group::"owner", action, resource);
@id("training-connects") permit (principal in Group::"training", action == Action::"connect", resource);
@id("mapped-connects") permit (principal in Group::"mapped", action == Action::"connect", resource);
"""

# Tests look again and again until keys are known; each look is a failed login.
PATIENT = "limits: {auth_failures_per_minute_per_address: 100000, auth_failures_per_minute_per_user: 100000}\n"


@dataclass(frozen=True, slots=True)
class House:
    """A database behind a gateway of one's own. `issuers` as YAML flow; `users` as YAML lines."""

    gateway: RunningGateway
    server: PostgresServer

    def config(self, issuers: str, users: str = "", more: str = "") -> str:
        """A configuration of this house."""
        return (
            f"sources:\n  house: {{host: 127.0.0.1, port: {self.server.port}, environment: staging, user: house_gateway}}\n"
            f'tokens: [{issuers}]\nusers:\n{users}  stan: {{groups: [owner], scram: "{SCRAM}"}}\n'
            f"masking: {{key: {{file: masking.key}}}}\n{PATIENT}{more}"
        )

    def connect(self, token: str, purpose: str = "", user: str = "token", **more: object) -> psycopg.Connection:
        """A connection of whoever the token is."""
        words = self.gateway.dsn(user, token, "house", purpose=purpose)
        return psycopg.connect(words, **{"autocommit": True, **more})  # type: ignore[arg-type]


SCRAM = verifier(PASSWORD)
Build = Callable[..., House]


@pytest.fixture(scope="session")
def house_server(postgres: PostgresServer) -> PostgresServer:
    """The server with the house's database."""
    postgres.psql("create role house_gateway login nosuperuser")
    postgres.psql("create database house")
    postgres.psql(SCHEMA, "house")
    return postgres


@pytest.fixture(scope="module")
def build(house_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Makes houses that run until the module's tests end."""
    folder: Path = tmp_path_factory.mktemp("houses")
    made: list[House] = []

    def make(issuers: str, users: str = "", more: str = "", **options: object) -> House:
        files = {**starter_policies(), "policies/house.cedar": POLICIES, "labels.yaml": LABELS}
        gateway = RunningGateway(folder / f"house-{len(made)}", "sources: {}\n", files=files)
        house = House(gateway, house_server)
        gateway.configure(house.config(issuers, users, more))
        made.append(house)
        gateway.start(**options)  # type: ignore[arg-type]
        return house

    yield make
    for house in made:
        house.gateway.stop()


@pytest.fixture(scope="module")
def single(oidc: OidcProvider, build: Build) -> House:
    """A house that finds the provider's keys by discovery."""
    return build(f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}")
