"""Held statements, end to end: a real client before a real gateway, humans who answer through the store."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from sluice.edges.approvals import desk
from sluice.edges.approvals.requests import DeskError, Request
from sluice.edges.store import Place, PostgresPlace, SqlitePlace, Store
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
@id("never") forbid (principal, action in Action::"write", resource == Table::"yard.public.sealed");
"""
SCHEMA = """
create table stock (id int primary key, n int not null);
create table sealed (id int);
insert into stock select i, 0 from generate_series(1, 100) i;
create schema other; create table other.stock (id int primary key, n int not null);
insert into other.stock select i, 0 from generate_series(1, 3) i;
grant usage, create on schema public, other to yard_gateway;
alter table stock owner to yard_gateway; alter table sealed owner to yard_gateway; alter table other.stock owner to yard_gateway;
"""
UPDATE = "update stock set n = n + 1 where id = 1"
LEAD = Identity("user", "lena", frozenset({"lead"}))
SECOND = Identity("user", "lars", frozenset({"lead"}))
WORKER = Identity("user", "wim", frozenset({"work"}))


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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def yard(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    folder: Path = tmp_path_factory.mktemp("yard")
    postgres.psql("drop database if exists yard")
    postgres.psql("drop database if exists yard_control")
    postgres.psql("drop role if exists yard_gateway")
    postgres.psql("create role yard_gateway login nosuperuser")
    postgres.psql("create database yard")
    postgres.psql("create database yard_control")
    postgres.psql(SCHEMA, "yard")
    place: Place = SqlitePlace(folder / "control.db")
    where = ""
    if request.param == "postgres":
        place = PostgresPlace(postgres.dsn("yard_control"))
        where = f"store: {{url: 'postgresql://postgres@127.0.0.1:{postgres.port}/yard_control'}}\n"
    config = (
        f"sources:\n  yard: {{host: 127.0.0.1, port: {postgres.port}, environment: production, user: yard_gateway}}\n"
        + "users:\n"
        + "".join(
            f'  {name}: {{groups: [{group}], scram: "{verifier(PASSWORD)}"}}\n'
            for name, group in {"wim": "work", "wilma": "work", "lena": "lead", "lars": "lead"}.items()
        )
        + f"masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n{where}"
        + "approvals: {waiting_per_identity: 2, address: 'https://gate.example.com/requests/'}\n"
    )
    with RunningGateway(folder, config, files={"policies/yard.cedar": POLICIES, "labels.yaml": "{}\n"}) as running:
        store = Store(place)
        yield Yard(running, postgres, store)
        store.close()


@pytest.fixture(autouse=True)
def _settled(yard: Yard) -> Iterator[None]:
    """Nothing is left open by the test before."""
    yield
    for one in yard.requests("open", "approved"):
        yard.store.write(lambda connection, one=one: desk.withdraw(connection, one.id, WORKER, time.time()), "requests").result()
    yard.server.psql("update stock set n = 0; update other.stock set n = 0", "yard")


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
