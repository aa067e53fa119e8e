"""Whatever is taken away acts on open sessions in every worker: the next statement, a result that streams, an idle session.

Two workers, on both kinds of store. What ends a right to connect ends every session of its holder; what narrows a right refuses
the next statement and cuts (or masks from there on) what streams, and the session goes on.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from grounds import ground
from issuing import EC, ISSUER, claims, key_set, signed
from typer.testing import CliRunner

from sluice.edges.approvals import grants
from sluice.edges.approvals.grants import Grant
from sluice.edges.store import Store
from sluice.faces.cli.main import app
from sluice.model.identity import Identity
from sluice.runtime.keys import owner_of
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
PROOF = verifier(PASSWORD)
POLICIES = """
@id("readers-read") permit (principal in Group::"readers", action, resource) when { !(resource in Label::"pii") };
@id("all-connect") permit (principal in Group::"here", action == Action::"connect", resource);
"""
LABELS = "labels: {pii: redact}\ncolumns: {hall: {%s}}\n"
SCHEMA = """
create table people (id int, name text); insert into people values (1, 'Person One');
create table plans (id int, name text); insert into plans values (1, 'Plan One');
grant all on people, plans to hall_gateway;
"""
SHORT = "select name from plans"
LONG = "select p.name, repeat('x', 1000) from plans p, generate_series(1, 300000)"
GROUPS = {
    "ursel": ["readers"], "gero": ["readers"], "pia": ["readers"], "gina": [], "greta": ["here", "readers"],
    "paul": ["here", "readers"], "lou": ["here", "readers"], "gus": ["here"],
}  # fmt: skip


@dataclass(slots=True)
class Hall:
    gateway: RunningGateway
    store: Store
    config: Callable[[dict[str, list[str]]], str]
    lent: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def dsn(self, who: str) -> str:
        """How somebody connects: by password, unless they have a token."""
        if who in self.tokens:
            return self.gateway.dsn("token", self.tokens[who], "hall")
        return self.gateway.dsn(who, PASSWORD, "hall")

    def on_each(self, dsn: str) -> list[psycopg.Connection]:
        """A connection on each of the two workers: the system spreads them by chance."""
        found: dict[int, psycopg.Connection] = {}
        while len(found) < 2:
            connection = psycopg.connect(dsn, autocommit=True)
            worker = owner_of(connection.info.backend_pid)
            if worker in found:
                connection.close()
            found.setdefault(worker, connection)
        return list(found.values())

    def says(self, *words: str) -> None:
        done = CliRunner().invoke(app, [*words, "--config", str(self.gateway.config)])
        assert done.exit_code == 0, done.output

    def post(self, path: str, who: str, body: object) -> Any:
        """What the API answers to somebody with a token."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.gateway.admin}{path}", json.dumps(body).encode())
        asked.add_header("content-type", "application/json")
        asked.add_header("authorization", f"Bearer {self.tokens[who]}")
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)

    def token(self, who: str, seconds: float = 600.0) -> None:
        now = time.time()
        body = claims(sub=who, iat=now - 1, exp=now + seconds, groups=["readers"], jti=f"j-{who}")
        self.tokens[who] = signed(body, EC)

    def lend(self, who: str, role: str) -> None:
        work = lambda c: grants.begin(c, "grant", f"user:{who}", ("hall", role), (None, "x", ()), time.time(), 600.0)  # noqa: E731
        self.lent[who] = self.store.write(work, "grants").result()

    def end(self, who: str) -> None:
        work = lambda c: grants.end(c, self.lent[who].id, Identity("user", who), frozenset(), time.time())  # noqa: E731
        self.store.write(work, "grants").result()

    def move(self, who: str, *groups: str) -> None:
        self.gateway.configure(self.config({**GROUPS, who: list(groups)}))

    def forbid(self, who: str, action: str) -> None:
        rule = f'@id("not-{who}") forbid (principal == User::"{who}", action {action}, resource);\n'
        self.gateway.write(f"policies/{who}.cedar", rule)


@dataclass(frozen=True, slots=True)
class Case:
    """`who` loses something by `take`; `begin` comes first. `says` is in the words that an idle session ends with."""

    who: str
    take: Callable[[Hall], object]
    begin: Callable[[Hall], object] = lambda _: None
    says: str = ""


ENDS = {
    "a user": Case("ursel", lambda h: h.says("revoke", "user", "ursel"), says="the user was revoked"),
    "a token": Case(
        "tina", lambda h: h.says("revoke", "token", "j-tina"), lambda h: h.token("tina"), "the token was revoked"
    ),
    "a token's time": Case("theo", lambda _: None, lambda h: h.token("theo", 8.0), "has expired"),
    "a minted credential": Case(
        "cora", lambda h: h.post("/v1/credentials/end", "cora", {}), lambda h: h.token("cora"), "was ended"
    ),
    "a grant": Case("gina", lambda h: h.end("gina"), lambda h: h.lend("gina", "readers"), "not permitted"),
    "a group": Case("gero", lambda h: h.move("gero"), says="not permitted"),
    "a policy": Case("pia", lambda h: h.forbid("pia", ""), says="not permitted"),
}
NARROWS = {
    "a grant": Case("gus", lambda h: h.end("gus"), lambda h: h.lend("gus", "readers")),
    "a group": Case("greta", lambda h: h.move("greta", "here")),
    "a policy": Case("paul", lambda h: h.forbid("paul", 'in Action::"read"')),
    "a label": Case("lou", lambda h: h.gateway.write("labels.yaml", LABELS % "public.plans.name: pii")),
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hall(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    folder: Path = tmp_path_factory.mktemp("hall")
    place, where = ground(postgres, "hall", folder, shared=request.param == "postgres")
    postgres.psql(SCHEMA, "hall")

    def config(groups: dict[str, list[str]]) -> str:
        users = "".join(f'  {name}: {{groups: {held}, scram: "{PROOF}"}}\n' for name, held in groups.items())
        return (
            f"sources:\n  hall: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: hall_gateway}}\n"
            f"users:\n{users}masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n{where}"
            "limits: {auth_failures_per_minute_per_address: 1000}\n"
            f"tokens: [{{issuer: '{ISSUER}', audience: sluice, jwks: keys.json, leeway: 0}}]\n"
            f"login: {{issuer: '{ISSUER}', client_id: sluice-cli}}\n"
        )

    files = {"policies/hall.cedar": POLICIES, "labels.yaml": LABELS % "", "keys.json": key_set(EC).decode()}
    with RunningGateway(folder, config(GROUPS), files=files, workers=2) as gateway:
        store = Store(place)
        yield Hall(gateway, store, config)
        store.close()


def begun(hall: Hall, case: Case) -> tuple[str, list[psycopg.Connection], list[Any], list[psycopg.Connection]]:
    """How to connect; connections that asked before, results that stream, and connections that do nothing: one on each worker."""
    case.begin(hall)
    dsn = hall.dsn(case.who)
    if case.who == "cora":
        minted = hall.post("/v1/credentials", "cora", {"source": "hall"})
        dsn = hall.gateway.dsn(minted["user"], minted["password"], "hall")
    if case.begin is not Case.begin and case.who in hall.lent:
        hall.gateway.until(lambda: may(hall, case, dsn), "what was lent to be in force on both")
    asking, streaming, idle = (hall.on_each(dsn) for _ in range(3))
    results = [connection.cursor().stream(LONG) for connection in streaming]
    for connection, result in zip(asking, results, strict=True):
        assert connection.execute(SHORT).fetchall() == [("Plan One",)]
        assert next(result)[0] == "Plan One"
    return dsn, asking, results, idle


def may(hall: Hall, case: Case, dsn: str) -> bool:
    try:
        found = hall.on_each(dsn)
        shown = [connection.execute(SHORT).fetchall() for connection in found]
    except psycopg.Error:
        return False
    for connection in found:
        connection.close()
    return shown == [[("Plan One",)]] * 2


def ended(connection: psycopg.Connection) -> str:
    """Waits, asking for nothing, until the gateway ends an idle session; its words, which libpq has as a notice."""
    said: list[str] = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    with pytest.raises(psycopg.OperationalError):
        for _ in connection.notifies(timeout=20):
            pass
    return " ".join(said)


@pytest.mark.parametrize("what", ENDS)
def test_what_ends_a_right_to_be_here_ends_every_session_in_every_worker(hall: Hall, what: str) -> None:
    case = ENDS[what]
    dsn, asking, results, idle = begun(hall, case)
    case.take(hall)
    for connection in idle:
        assert case.says in ended(connection)
    for result in results:
        with pytest.raises(psycopg.Error, match=case.says):
            for _ in result:
                pass
    for connection in asking:
        with pytest.raises(psycopg.Error):
            connection.execute(SHORT)
        connection.close()
    for _ in range(4):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn)


@pytest.mark.parametrize("what", NARROWS)
def test_what_narrows_a_right_acts_on_the_next_statement_and_on_what_streams_in_every_worker(
    hall: Hall, what: str
) -> None:
    case = NARROWS[what]
    _, asking, results, idle = begun(hall, case)
    case.take(hall)

    def narrowed(connection: psycopg.Connection) -> bool:
        try:
            return connection.execute(SHORT).fetchall() != [("Plan One",)]
        except psycopg.Error:
            # Refused; or cut off with its connection, if it ran in that very moment.
            return True

    for connection in asking:
        hall.gateway.until(lambda connection=connection: narrowed(connection), "the next statement to be refused")  # type: ignore[misc]
    for result in results:
        # Cut, or masked from some row on: what streams never comes to its end in clear.
        try:
            assert any(row[0] != "Plan One" for row in result)
        except psycopg.Error as cut:
            assert "not permitted" in str(cut)
    for connection in idle:
        assert narrowed(connection)
        assert not connection.closed
    for connection in (*asking, *idle):
        connection.close()
