"""Several workers are one gateway: one log of many, one set of rules, one count of what went wrong, and no worker is missed.

On both kinds of store.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from grounds import ground
from typer.testing import CliRunner

from sluice.edges.approvals import desk
from sluice.edges.revocations import revoke
from sluice.edges.store import Place, Store
from sluice.faces.cli.main import app
from sluice.model.identity import Identity
from sluice.runtime.keys import owner_of
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
POLICIES = """
@id("all") permit (principal, action, resource) when { !(resource in Label::"pii") };
@id("slips-need-a-lead") @approval("lead")
forbid (principal, action in Action::"write", resource == Table::"mill.public.slips") unless { context.approved };
@id("moves") permit (principal, action == Action::"launder", resource);
"""
LABELS = "labels: {pii: redact}\ncolumns: {mill: {public.people.name: pii}}\n"
SCHEMA = """
create table people (id int, name text); insert into people values (1, 'Person One');
create table copies (id int, name text); create table slips (id int); grant all on slips to mill_gateway;
create view shown as select id from people;
grant all on people, copies, shown to mill_gateway; alter table copies owner to mill_gateway; grant create on schema public to mill_gateway;
"""
PEOPLE = ("ada", "ben", "cyd", "dee")


@dataclass(slots=True)
class Mill:
    gateway: RunningGateway
    server: PostgresServer
    place: Place
    told: list[str] = field(default_factory=list)

    def connect(self, who: str = "ada") -> psycopg.Connection:
        return psycopg.connect(self.gateway.dsn(who, PASSWORD, "mill"), autocommit=True)

    def on_each(self, who: str = "ada") -> tuple[psycopg.Connection, psycopg.Connection]:
        """A connection on each of the two workers: the system spreads them by chance."""
        found: dict[int, psycopg.Connection] = {}
        while len(found) < 2:
            connection = self.connect(who)
            worker = owner_of(connection.info.backend_pid)
            if worker in found:
                connection.close()
            found.setdefault(worker, connection)
        return found[1], found[2]

    def pid_of(self, worker: int) -> int:
        """The process that holds the worker's log."""
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = status.read_bytes()
            except OSError:
                continue
            if b"sluice.runtime.worker" in words and f'"number":{worker},'.encode() in words and self._mine(words):
                return int(status.parent.name)
        raise RuntimeError("no such worker")

    def _mine(self, words: bytes) -> bool:
        return str(self.gateway.config).encode() in words

    def says(self, *words: str) -> str:
        found = CliRunner().invoke(app, list(words), env={"SLUICE_CONFIG": str(self.gateway.config), "COLUMNS": "200"})
        assert found.exit_code == 0, found.output
        return found.output


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def mill(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mill]:
    folder: Path = tmp_path_factory.mktemp("mill")
    place, where = ground(postgres, "mill", folder, shared=request.param == "postgres")
    postgres.psql(SCHEMA, "mill")
    proof = verifier(PASSWORD)
    users = "".join(f'  {name}: {{groups: [work], scram: "{proof}"}}\n' for name in PEOPLE)
    config = (
        f"sources:\n  mill: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: mill_gateway}}\n"
        f"users:\n{users}masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit, origin: example.com/mill}}\n{where}"
        "limits: {auth_failures_per_minute_per_user: 3}\n"
    )
    files = {"policies/mill.cedar": POLICIES, "labels.yaml": LABELS}
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(folder / "notify"))
    environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000"}
    told: list[str] = []

    def listen() -> None:
        while text := heard.recv(4096):
            told.append(text.decode())

    listener = threading.Thread(target=listen)
    listener.start()
    with RunningGateway(folder, config, files=files, workers=2, environment=environment) as gateway:
        yield Mill(gateway, postgres, place, told)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(b"", str(folder / "notify"))
    listener.join()
    heard.close()


def test_systemd_hears_when_it_is_ready_well_and_when_it_reads_its_files_again(mill: Mill) -> None:
    mill.gateway.until(lambda: "WATCHDOG=1" in mill.told, "a word to the watchdog")
    mill.gateway.until(lambda: any(one.startswith("READY=1") for one in mill.told), "it to be ready")
    before = len(mill.told)
    mill.gateway.reload()
    mill.gateway.until(lambda: any(one.startswith("READY=1") for one in mill.told[before:]), "the reload to be over")
    said = [one for one in mill.told[before:] if one != "WATCHDOG=1"]
    assert said[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    reloads = [event for event in mill.gateway.events() if event["event"] == "config-reloaded"]
    assert len(reloads) >= 3


def test_a_cancel_request_finds_its_sessions_worker(mill: Mill) -> None:
    connections = [*mill.on_each(), *mill.on_each()]
    failed: list[str] = []

    def sleep(connection: psycopg.Connection) -> None:
        try:
            connection.execute("select pg_sleep(300)")
        except psycopg.errors.QueryCanceled:
            failed.append("canceled")

    threads = [threading.Thread(target=sleep, args=(each,)) for each in connections]
    for thread in threads:
        thread.start()
    asleep = "select count(*) from pg_stat_activity where datname = 'mill' and query like 'select pg_sleep%' and state = 'active'"
    mill.gateway.until(lambda: int(mill.server.psql(asleep)) == 4, "all to be asleep")
    for each in connections:
        each.cancel()
    for thread in threads:
        thread.join(30)
    assert failed == ["canceled"] * 4
    for each in connections:
        each.close()


def test_labels_taken_on_by_a_write_hold_in_the_other_worker_before_the_writer_goes_on(mill: Mill) -> None:
    one, two = mill.on_each()
    with one, two:
        two.execute("select name from copies").fetchall()
        one.execute("insert into copies select id, name from people")
        one.execute("select 1")
        (shown,) = two.execute("select name from copies").fetchall()
        assert "Person" not in str(shown[0])


def test_a_catalog_that_changed_elsewhere_is_noticed_once_and_known_in_every_worker(mill: Mill) -> None:
    one, two = mill.on_each()
    with one, two:
        for each in (one, two, one, two, one, two):
            assert each.execute("select id from shown").fetchall() == [(1,)]
        mill.server.psql("drop view shown; create view shown as select name as id from people", "mill")
        mill.server.psql("grant all on shown to mill_gateway", "mill")

        def hidden(connection: psycopg.Connection) -> bool:
            try:
                ((found,),) = connection.execute("select id from shown").fetchall()
            except psycopg.errors.SerializationFailure as withheld:
                assert "the schema has just changed" in str(withheld)
                return False
            assert "Person" not in str(found)
            return bool(found != 1)

        for each in (one, two):
            mill.gateway.until(lambda each=each: hidden(each), "the new view")  # type: ignore[misc]


def test_a_revocation_ends_the_sessions_in_every_worker_and_nobody_elses(mill: Mill) -> None:
    mine, others = [*mill.on_each("ben"), *mill.on_each("ben")], mill.on_each("cyd")
    store = Store(mill.place)
    store.write(lambda c: revoke(c, "user", "ben", "left", "user:dee", time.time(), None), "revocations").result()
    store.close()

    def over(connection: psycopg.Connection) -> bool:
        try:
            connection.execute("select 1")
        except psycopg.Error:
            return True
        return False

    for each in mine:
        mill.gateway.until(lambda each=each: over(each), "a revoked session to end")  # type: ignore[misc]
    for each in others:
        assert not over(each)
        each.close()


def test_a_changed_policy_is_in_force_in_every_worker(mill: Mill) -> None:
    one, two = mill.on_each("dee")
    with one, two:
        more = (
            '@id("no-copies") forbid (principal, action in Action::"read", resource == Table::"mill.public.copies");\n'
        )
        before = len(reloads(mill))
        mill.gateway.write("policies/more.cedar", more)

        def refused(connection: psycopg.Connection) -> bool:
            try:
                connection.execute("select id from copies")
            except psycopg.errors.InsufficientPrivilege:
                return True
            return False

        # What runs when a policy that forbids it comes is cut off with its connection: others look out for it.
        mill.gateway.until(lambda: len(reloads(mill)) >= before + 3, "every process to have it")
        assert refused(one)
        assert refused(two)
        (mill.gateway.folder / "policies" / "more.cedar").unlink()
        for each in (one, two):
            mill.gateway.until(lambda each=each: not refused(each), "the old policies")  # type: ignore[misc]


def test_one_approval_lets_one_of_two_workers_go_on(mill: Mill) -> None:
    results: list[object] = []

    def write(connection: psycopg.Connection) -> None:
        try:
            results.append(connection.execute("insert into slips values (1)").rowcount)
        except psycopg.errors.InsufficientPrivilege as error:
            results.append(error.diag.message_detail or "")

    one, two = mill.on_each()
    store = Store(mill.place)
    with one, two:
        threads = [threading.Thread(target=write, args=(each,)) for each in (one, two)]
        for thread in threads:
            thread.start()
        held = [one.info.backend_pid, two.info.backend_pid]

        def waiting() -> bool:
            asked = [event for event in mill.gateway.events() if "insert into slips" in str(event.get("text"))]
            return len({event["connection"] for event in asked if event["outcome"] == "hold"}) == len(held)

        mill.gateway.until(waiting, "both to be held")
        mill.gateway.until(lambda: bool(store.read(lambda c: desk.listed(c, ("open",), 9)).result()), "a request")
        (request,) = store.read(lambda c: desk.listed(c, ("open",), 9)).result()
        lead = Identity("user", "lena", frozenset({"lead"}))
        store.write(
            lambda c: desk.vote(c, request.id, lead, "approve", "seen", "test", time.time()), "requests"
        ).result()
        mill.gateway.until(lambda: 1 in results, "one to go on")

        def both_answered() -> bool:
            # Who came when the approval was used up has asked anew.
            for each in store.read(lambda c: desk.listed(c, ("open",), 9)).result():
                no = lambda c, id=each.id: desk.vote(c, id, lead, "deny", "once", "test", time.time())  # noqa: E731
                store.write(no, "requests").result()
            return len(results) == len(held)

        mill.gateway.until(both_answered, "both to be answered")
        for thread in threads:
            thread.join(30)
    store.close()
    assert results.count(1) == 1
    assert len(results) == len(held)
    assert int(mill.server.psql("select count(*) from slips", "mill")) == 1


def test_failed_logins_are_counted_together(mill: Mill) -> None:
    def attempt() -> str:
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(mill.gateway.dsn("cyd", "wrong", "mill"))
        return str(caught.value)

    assert all("too many" not in attempt() for _ in range(3))
    mill.gateway.until(lambda: "too many" in attempt(), "the limit to hold")
    assert ["too many" in attempt() for _ in range(6)] == [True] * 6


def test_monitoring_and_commands_see_one_gateway(mill: Mill) -> None:
    one, two = mill.on_each()
    with one, two:
        for each in (one, two):
            each.execute("select 42 as answer").fetchall()
        mill.gateway.until(
            lambda: 'sluice_sessions{source="mill"} 2.0' in mill.gateway.fetch("/metrics")[1], "both to be counted"
        )
        assert "sluice_workers 2.0" in mill.gateway.fetch("/metrics")[1]
        assert mill.gateway.fetch("/healthz") == (200, "ok\n")
        assert mill.says("sessions").count("user:ada") == 2
    found = [e for e in mill.gateway.events() if "select 42" in str(e.get("text"))]
    assert {e["connection"] for e in found} == {e["connection"] for e in found[:1]} | {
        e["connection"] for e in found[1:]
    }
    said = mill.says("audit", "tail", "-n", "2000", "--as", "ada")
    assert said.count("select 42") == 2
    assert mill.says("audit", "show", found[0]["id"]).count(found[0]["id"]) >= 2


def test_one_head_is_published_over_all_logs_and_everything_holds(mill: Mill) -> None:
    head = mill.gateway.audit / "heads" / "checkpoint"
    mill.gateway.until(lambda: head.exists() and head.read_text().startswith("example.com/mill/heads\n"), "a head")
    said = mill.says("audit", "verify")
    for origin in ("example.com/mill:", "example.com/mill/worker-1:", "example.com/mill/worker-2:"):
        assert origin in said


def test_a_killed_worker_is_started_anew_its_statements_are_lost_and_nobody_else_notices(mill: Mill) -> None:
    one, two = mill.on_each()
    two.execute("select 1")
    failed: list[psycopg.Error] = []

    def sleep() -> None:
        try:
            one.execute("select pg_sleep(300), 'killed'")
        except psycopg.Error as error:
            failed.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    asked = mill.gateway.event(
        lambda e: e["event"] == "statement-asked" and "pg_sleep" in e["text"] and e["connection"] not in ended(mill)
    )
    os.kill(mill.pid_of(1), signal.SIGKILL)
    # Those who come now wait for the worker to be there again, if they are its.
    for _ in range(8):
        with mill.connect() as connection:
            assert connection.execute("select 1").fetchall() == [(1,)]
    thread.join(30)
    assert isinstance(failed[0], psycopg.OperationalError)
    assert two.execute("select 2").fetchall() == [(2,)]
    two.close()
    done = mill.gateway.event(lambda e: e["event"] == "statement-done" and e["id"] == asked["id"])
    assert done["outcome"] == "lost"
    assert asked["connection"] in ended(mill)
    mill.gateway.until(mill.gateway.ready, "the worker to be back")
    assert "sluice_worker_restarts_total 1.0" in mill.gateway.fetch("/metrics")[1]
    assert mill.says("audit", "verify").count("signed events are what was signed") >= 3


def reloads(mill: Mill) -> list[str]:
    return [event["id"] for event in mill.gateway.events() if event["event"] == "config-reloaded"]


def ended(mill: Mill) -> set[str]:
    return {event["connection"] for event in mill.gateway.events() if event["event"] == "disconnected"}


def test_without_its_control_process_a_worker_ends_in_good_order_and_a_new_gateway_goes_on(mill: Mill) -> None:
    one, two = mill.on_each()
    workers = [mill.pid_of(1), mill.pid_of(2)]
    mill.gateway.kill()
    for each in (one, two):
        said: list[str] = []
        each.add_notice_handler(lambda notice, said=said: said.append(notice.message_primary or ""))  # type: ignore[misc]
        with pytest.raises(psycopg.OperationalError):
            for _ in each.notifies(timeout=20):
                pass
        assert "the gateway is shutting down" in said
    mill.gateway.start()
    assert not {mill.pid_of(1), mill.pid_of(2)} & set(workers)
    with mill.connect() as connection:
        assert connection.execute("select 1").fetchall() == [(1,)]
    reasons = [event["reason"] for event in mill.gateway.events() if event["event"] == "gateway-stopped"]
    assert reasons == ["the control process is gone"] * 2
    mill.says("audit", "verify")


def test_it_ends_in_good_order_once_what_runs_is_over(mill: Mill) -> None:
    one, two = mill.on_each()
    result: list[object] = []
    said: list[str] = []
    one.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    thread = threading.Thread(target=lambda: result.append(one.execute("select pg_sleep(2), 7").fetchall()[0][1]))
    thread.start()
    asleep = "select count(*) from pg_stat_activity where datname = 'mill' and query like 'select pg_sleep(2)%' and state = 'active'"
    mill.gateway.until(lambda: int(mill.server.psql(asleep)) == 1, "it to be asleep")
    assert mill.gateway.stop() == 0
    thread.join(30)
    assert result == [7]
    with pytest.raises(psycopg.OperationalError):
        # It was told so when its statement was over, not when the time to wait for it was.
        for _ in one.notifies(timeout=1):
            pass
    assert "the gateway is shutting down" in said
    assert any(said.startswith("STOPPING=1") for said in mill.told)
    with pytest.raises(psycopg.OperationalError):
        two.execute("select 1")
    stopped = [event for event in mill.gateway.events() if event["event"] == "gateway-stopped"]
    assert len([event for event in stopped if event["reason"] == "SIGTERM"]) == 3
    assert mill.says("audit", "verify").count("signed events are what was signed") >= 3
