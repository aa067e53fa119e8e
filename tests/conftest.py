"""Real servers for every test that wants one, and one gateway in front of a shop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from oidc import OidcProvider, Unavailable

from sluice.testing.gateway import RunningGateway, starter_policies, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"

SCHEMA = """
create table customers (id int primary key, full_name text not null, email varchar(60) not null, phone text, birth_date date,
    ssn text, plan text not null, tags text[] not null default '{}', note text);
create table orders (id int primary key, customer_id int not null references customers, amount numeric(10, 2) not null,
    placed timestamptz not null, card_number text not null);
create table staff (id int primary key, full_name text not null, salary int not null);
create table items (id serial primary key, name text not null, price numeric(8, 2) not null default 0, parent int references items);
create view plans as select plan, count(*) as customers from customers group by plan;
insert into customers select n, 'Person ' || n, 'person' || n || '@example.com', '+1 555-100-' || 1000 + n, date '1980-01-01' + n,
    '900-10-' || 1000 + n, case n % 3 when 0 then 'free' when 1 then 'team' else 'business' end, array['t' || n, 'all'],
    case when n % 2 = 0 then 'note ' || n end from generate_series(1, 200) n;
insert into orders select n, 1 + n % 200, n * 1.25, timestamptz '2026-01-01 00:00+00' + n * interval '1 hour',
    '42424242424' || 10000 + n from generate_series(1, 1000) n;
insert into staff select n, 'Worker ' || n, 40000 + n * 1111 from generate_series(1, 20) n;
insert into items (name, price) select 'item ' || n, n from generate_series(1, 10) n;
grant all on all tables in schema public to shop_gateway;
grant all on all sequences in schema public to shop_gateway;
grant usage, create on schema public to shop_gateway;
grant create on database shop to shop_gateway;
"""

LABELS = """\
labels:
  pii: redact
  pii.name: pseudonym
  pii.email: email
  pii.phone: {mask: partial, params: {keep_last: 2}}
  pii.birth_date: {mask: generalize, params: {unit: year}}
  pii.national_id: {mask: partial, params: {keep_last: 4}}
  hr: redact
  hr.salary: {mask: generalize, params: {width: 10000}}
  pci: redact
  pci.pan: {mask: partial, params: {keep_last: 4}}
columns:
  shop:
    public.customers.full_name: pii.name
    public.customers.email: pii.email
    public.customers.phone: pii.phone
    public.customers.birth_date: pii.birth_date
    public.customers.ssn: pii.national_id
    public.orders.card_number: pci.pan
    public.staff.full_name: pii.name
    public.staff.salary: hr.salary
"""

POLICIES = """
@id("app-connects") permit (principal in Group::"app", action == Action::"connect", resource);
@id("app-works")
permit (
  principal in Group::"app",
  action in [Action::"read", Action::"write", Action::"define", Action::"destroy", Action::"launder"],
  resource
);
@id("app-looks-up")
permit (principal in Group::"app", action in [Action::"lookup", Action::"join"], resource in Label::"pii");
@id("owner-connects") permit (principal in Group::"owner", action == Action::"connect", resource);
@id("owner-does-everything") permit (principal in Group::"owner", action, resource);
"""

USERS = {
    "sam": "support",
    "dana": "data-science",
    "dora": "dba",
    "app": "app",
    "olga": "owner, dba",
    "nobody": "strangers",
}


def pytest_sessionstart() -> None:
    """Tests of modules that changed after they were compiled would test what is no longer there.

    And what somebody has in their own keychain is no test's business.
    """
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    source = Path(__file__).parents[1] / "src"
    for compiled in source.rglob("*.cpython-*.so"):
        module = compiled.with_name(compiled.name.split(".")[0] + ".py")
        if module.exists() and module.stat().st_mtime > compiled.stat().st_mtime:
            raise pytest.UsageError(f"{module.relative_to(source)} changed after it was compiled: run `make setup`")


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop's database with a gateway before it.

    `sam` supports (sees names, mail and phones for the purpose `ticket`), `dana` is a data scientist, `dora` a DBA, `app` a
    service that reads and writes anything but sees nothing labelled, `olga` does all and, for the purpose `incident`, sees all;
    `nobody` may not connect.
    """

    gateway: RunningGateway
    server: PostgresServer
    database: str = "shop"
    password: str = PASSWORD

    def dsn(self, user: str, purpose: str = "", **more: str) -> str:
        """A libpq connection string through the gateway."""
        return self.gateway.dsn(user, PASSWORD, "shop", purpose=purpose, **more)

    def direct(self) -> str:
        """A libpq connection string past the gateway, as the superuser."""
        return self.server.dsn(self.database)

    def beside(self) -> str:
        """A libpq connection string past the gateway, as the role that the gateway uses."""
        return self.server.dsn(self.database, "shop_gateway")

    def url(self, user: str, driver: str) -> str:
        """A SQLAlchemy URL through the gateway."""
        return f"postgresql+{driver}://{user}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.gateway.port}/shop"

    def connect(self, user: str, purpose: str = "", **more: object) -> psycopg.Connection:
        """A psycopg connection through the gateway, in autocommit unless told otherwise."""
        return psycopg.connect(self.dsn(user, purpose), **{"autocommit": True, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The embedded PostgreSQL, one for the whole run; make a database of your own in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop behind a running gateway, one for the whole run: leave its tables, rows and configuration as they were."""
    postgres.psql("create role shop_gateway login nosuperuser")
    postgres.psql("create database shop")
    postgres.psql(SCHEMA, "shop")
    folder: Path = tmp_path_factory.mktemp("gateway")
    users = "".join(
        f'  {name}: {{groups: [{group}], scram: "{verifier(PASSWORD)}"}}\n' for name, group in USERS.items()
    )
    config = (
        f"sources:\n  shop: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: shop_gateway}}\n"
        f"users:\n{users}masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n"
    )
    files = {**starter_policies(), "policies/shop.cedar": POLICIES, "labels.yaml": LABELS}
    with RunningGateway(folder, config, files=files) as running:
        yield Shop(running, postgres)


@pytest.fixture(scope="session")
def oidc() -> Iterator[OidcProvider]:
    """A real OpenID Connect provider; without Node.js its tests are skipped, but never in continuous integration."""
    try:
        provider = OidcProvider()
    except Unavailable as missing:
        if os.environ.get("CI"):
            pytest.fail(f"continuous integration runs these tests: {missing}")
        pytest.skip(str(missing))
    with provider:
        yield provider
