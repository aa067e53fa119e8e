"""A yard whose stock changes only with a lead's approval, and people who ask for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from grounds import ground
from sqlalchemy import delete
from typer.testing import CliRunner, Result

from sluice.edges.approvals import desk
from sluice.edges.approvals.requests import Request
from sluice.edges.store import Store
from sluice.edges.store.tables import requests
from sluice.faces.cli.main import app
from sluice.model.identity import Identity
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
POLICIES = """
@id("all-connect") permit (principal, action == Action::"connect", resource);
@id("all-work") permit (principal, action in [Action::"read", Action::"write", Action::"define", Action::"destroy"], resource);
@id("writes-need-a-lead") @approval("lead") @expires("1h")
forbid (principal, action in Action::"write", resource == Table::"yard.public.stock") unless { context.approved };
@id("drops-need-two") @approval("lead") @approvals("2") @uses("2")
forbid (principal, action in Action::"destroy", resource == Table::"yard.public.stock") unless { context.approved };
@id("the-ledger-needs-a-lead") @approval("lead")
forbid (principal, action in Action::"read", resource == Table::"yard.public.ledger") unless { context.approved };
@id("keepers-alone") forbid (principal, action in Action::"read", resource == Table::"yard.public.vault")
unless { principal in Group::"keeper" };
@id("workers-ask") permit (principal in Group::"work", action == Action::"request", resource) when { context.role == "keeper" };
@id("leads-answer") @approval("lead") forbid (principal, action == Action::"request", resource) unless { context.approved };
@id("workers-break-glass") permit (principal in Group::"work", action == Action::"break-glass", resource)
when { context.role == "keeper" };
@id("never") forbid (principal, action in Action::"write", resource == Table::"yard.public.sealed");
"""
SCHEMA = """
create table stock (id int primary key, n int not null);
create table sealed (id int);
insert into stock select i, 0 from generate_series(1, 100) i;
create table ledger (id int); insert into ledger values (1), (2), (3);
create table vault (id int); insert into vault values (1);
create schema other; create table other.stock (id int primary key, n int not null);
insert into other.stock select i, 0 from generate_series(1, 3) i;
grant usage, create on schema public, other to yard_gateway;
alter table stock owner to yard_gateway; alter table vault owner to yard_gateway; alter table ledger owner to yard_gateway;
alter table sealed owner to yard_gateway;
alter table other.stock owner to yard_gateway;
"""
UPDATE = "update stock set n = n + 1 where id = 1"
LEAD = Identity("user", "lena", frozenset({"lead"}))
SECOND = Identity("user", "lars", frozenset({"lead"}))


@dataclass(frozen=True, slots=True)
class Yard:
    gateway: RunningGateway
    server: PostgresServer
    store: Store

    def connect(self, user: str = "wim", **more: str) -> psycopg.Connection:
        options = " ".join(f"-c sluice.{name}={value}" for name, value in more.items())
        return psycopg.connect(self.gateway.dsn(user, PASSWORD, "yard", options=options), autocommit=True)

    def requests(self, *states: str) -> list[Request]:
        return self.store.read(lambda connection: desk.listed(connection, states, 100)).result()

    def open(self) -> Request:
        """The one request that is open, waited for."""
        found: list[Request] = []

        def look() -> bool:
            found[:] = self.requests("open")
            return bool(found)

        self.gateway.until(look, "an open request")
        (one,) = found
        return one

    def vote(self, request: str, who: Identity = LEAD, verdict: str = "approve") -> Request:
        work = lambda connection: desk.vote(connection, request, who, verdict, "seen", "test", time.time())  # noqa: E731
        return self.store.write(work, "requests").result()

    def n(self, table: str = "stock") -> int:
        return int(self.server.psql(f"select sum(n) from {table}", "yard"))


class Asking(threading.Thread):
    """A statement run beside the test, which goes on when humans have answered."""

    def __init__(self, yard: Yard, run: Callable[[psycopg.Connection], object], **more: str) -> None:
        super().__init__()
        self.said: queue.Queue[str] = queue.Queue()
        self.result: object = None
        self.error: psycopg.Error | None = None
        self.connection = yard.connect(**more)
        self.connection.add_notice_handler(lambda notice: self.said.put(notice.message_primary or ""))
        self._run = run
        self.start()

    def run(self) -> None:
        try:
            self.result = self._run(self.connection)
        except psycopg.Error as error:
            self.error = error

    def end(self) -> Asking:
        self.join(20)
        assert not self.is_alive()
        self.connection.close()
        return self


def refused(yard: Yard, text: str, **more: str) -> psycopg.Error:
    with yard.connect(**more) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(text)
    return caught.value


def asked_for(error: psycopg.Error) -> str:
    """The id of the request that an error names."""
    return (error.diag.message_detail or "").split("request ")[1].split(" ")[0].rstrip(":")


def refused_now(yard: Yard) -> bool:
    with yard.connect(approval="error") as connection:
        try:
            connection.execute("update stock set n = n where id = -1")
        except psycopg.errors.InsufficientPrivilege as error:
            request = asked_for(error) if error.diag.message_detail and "request" in error.diag.message_detail else ""
            if request:
                yard.store.write(
                    lambda c: c.execute(delete(requests).where(requests.c.id == request)), "requests"
                ).result()
            return bool(request)
    return False


def command(yard: Yard, who: str, *words: str, password: str = PASSWORD) -> Result:
    environment = {"SLUICE_PASSWORD": password, "SLUICE_CONFIG": str(yard.gateway.config), "COLUMNS": "200"}
    return CliRunner().invoke(app, [*words, "--as", who], env=environment)


@contextmanager
def opened(server: PostgresServer, folder: Path, *, shared: bool = False, more: str = "") -> Iterator[Yard]:
    """A yard of its own before a gateway of its own. `shared`: its control state is in PostgreSQL; `more`: of `approvals`."""
    place, where = ground(server, "yard", folder, shared=shared)
    server.psql(SCHEMA, "yard")
    people = {"wim": "work", "wilma": "work", "lena": "lead", "lars": "lead"}
    users = "".join(
        f'  {name}: {{groups: [{group}], scram: "{verifier(PASSWORD)}"}}\n' for name, group in people.items()
    )
    config = (
        f"sources:\n  yard: {{host: 127.0.0.1, port: {server.port}, environment: production, user: yard_gateway}}\n"
        f"users:\n{users}masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n{where}"
        "approvals:\n  waiting_per_identity: 2\n  reviewers: [lead]\n"
        f"  address: 'https://gate.example.com/requests/'\n{more}"
    )
    with RunningGateway(folder, config, files={"policies/yard.cedar": POLICIES, "labels.yaml": "{}\n"}) as running:
        store = Store(place)
        yield Yard(running, server, store)
        store.close()
