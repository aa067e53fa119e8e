"""A gateway as its operators have it: files that are wrong, a stop in the middle of work, descriptors that run out, its pages."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

POLICIES = """\
@id("app") permit (principal in Group::"a", action in [Action::"connect", Action::"read"], resource);
@id("owner") permit (principal in Group::"owner", action, resource);
"""
SEES = '@id("sees") permit (principal in Group::"a", action == Action::"reveal", resource);'
LABELS = "labels: {pii: redact}\ncolumns: {run: {public.people.name: pii}}\n"
ASKED = "select name from people"
HIDDEN = [("[redacted]",)]


@dataclass(frozen=True)
class Run:
    gateway: RunningGateway
    config: str

    def connect(self, user: str = "ada") -> psycopg.Connection:
        return psycopg.connect(self.gateway.dsn(user, "sesame", "run"), autocommit=True)

    def told(self, event: str) -> list[dict[str, str]]:
        return [each for each in self.gateway.events() if each["event"] == event]

    def after(self, event: str, change) -> dict[str, str]:
        """The event that comes of a change."""
        before = len(self.told(event))
        change()
        self.gateway.until(lambda: len(self.told(event)) > before, f"an event {event}")
        return self.told(event)[-1]

    def counted(self, name: str) -> float:
        """A number of `/metrics`."""
        lines = self.gateway.fetch("/metrics")[1].splitlines()
        return next((float(line.split(" ")[-1]) for line in lines if line.startswith(name + " ")), 0.0)


@pytest.fixture(scope="module")
def run(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    postgres.psql("create role run_gateway login")
    postgres.psql("create database run")
    postgres.psql(
        "create table people (name text); insert into people values ('Canary'); grant select on people to public", "run"
    )
    word = verifier("sesame")
    config = (
        f"sources:\n  run: {{host: 127.0.0.1, port: {postgres.port}, environment: test, user: run_gateway}}\n"
        f'users:\n  ada: {{groups: [a], scram: "{word}"}}\n  olga: {{groups: [owner], scram: "{word}"}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {"policies/all.cedar": POLICIES, "labels.yaml": LABELS}
    with RunningGateway(tmp_path_factory.mktemp("run"), config, files=files) as running:
        yield Run(running, config)
    postgres.psql("drop database run with (force)")


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("sluice.yaml", "limts: {}\n", "sluice.yaml:11: unknown key `limts`; did you mean `limits`"),
        ("sluice.yaml", "\t{", "sluice.yaml"),
        ("policies/all.cedar", 'permit (principal, action == Action::"reed", resource);\n', "all.cedar"),
        ("policies/all.cedar", "permit (principal", "all.cedar"),
        ("labels.yaml", "lables: {}\n", "labels.yaml:3"),
        ("labels.yaml", "labels: {pii: scramble}\n", "labels.yaml"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_leaves_the_old_rules_in_force(run, name, bad, said):
    path = run.gateway.folder / name
    good = path.read_text()
    counted = run.counted('sluice_reloads_total{outcome="rejected"}')
    with run.connect() as open_before:
        rejected = run.after("config-rejected", lambda: run.gateway.write(name, good + bad).chmod(0o600))
        with run.connect() as opened_after:
            for connection in (open_before, opened_after):
                assert connection.execute(ASKED).fetchall() == HIDDEN
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("create table t (i int)")
        run.after("config-reloaded", lambda: run.gateway.write(name, good).chmod(0o600))
        assert open_before.execute(ASKED).fetchall() == HIDDEN
    assert said in rejected["reason"]
    assert said in run.gateway.said.read_text()
    assert run.counted('sluice_reloads_total{outcome="rejected"}') > counted


def test_a_file_that_is_right_is_in_force_on_open_sessions(run):
    with run.connect() as connection:
        assert connection.execute(ASKED).fetchall() == HIDDEN
        run.after("config-reloaded", lambda: run.gateway.write("policies/all.cedar", POLICIES + SEES))
        assert connection.execute(ASKED).fetchall() == [("Canary",)]
        run.after("config-reloaded", lambda: run.gateway.write("policies/all.cedar", POLICIES))
        assert connection.execute(ASKED).fetchall() == HIDDEN


def test_the_pages_of_the_admin_port_say_what_is(run):
    assert run.gateway.fetch("/healthz") == (200, "ok\n")
    assert run.gateway.fetch("/readyz") == (200, "ok\n")
    assert run.gateway.fetch("/elsewhere")[0] == 404
    admitted = run.counted('sluice_connections_total{outcome="admitted"}')
    with run.connect() as connection:
        connection.execute("select 1")
        assert run.counted('sluice_sessions{source="run"}') == 1.0
    assert run.counted('sluice_connections_total{outcome="admitted"}') == admitted + 1
    run.gateway.until(lambda: run.counted('sluice_sessions{source="run"}') == 0.0, "the session to be over")
    run.gateway.until(lambda: run.counted("sluice_log_signed_events") > 0, "events to be signed")


def test_a_gateway_without_descriptors_goes_on_when_there_are_some_again(run):
    limits = resource.prlimit(run.gateway.pid, resource.RLIMIT_NOFILE)
    with run.connect() as held:
        assert held.execute("select 1").fetchone() == (1,)
        taken = max(int(one.name) for one in Path(f"/proc/{run.gateway.pid}/fd").iterdir()) + 1
        resource.prlimit(run.gateway.pid, resource.RLIMIT_NOFILE, (taken, limits[1]))
        try:
            waiting = [socket.create_connection(("127.0.0.1", run.gateway.port)) for _ in range(taken + 1)]
            run.gateway.until(lambda: "cannot be accepted" in run.gateway.said.read_text(), "the gateway to say so")
        finally:
            resource.prlimit(run.gateway.pid, resource.RLIMIT_NOFILE, limits)
        for each in waiting:
            each.close()
        run.gateway.until(lambda: _answers(run), "connections to be accepted again")
        run.gateway.until(lambda: run.gateway.fetch("/healthz")[0] == 200, "the log to be written")
        assert held.execute("select 2").fetchone() == (2,)


def _answers(run: Run) -> bool:
    try:
        with run.connect() as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def test_a_stop_lets_statements_finish_and_turns_newcomers_away(run):
    heard: list[object] = []
    with run.connect("olga") as busy, run.connect() as idle:

        def work() -> None:
            try:
                heard.extend(busy.execute("select pg_sleep(2)::text, 'finished'").fetchall())
            except psycopg.Error as error:
                heard.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        run.gateway.event(lambda each: "pg_sleep" in each.get("text", "") and each["event"] == "statement-asked")
        codes: list[int] = []
        stopping = threading.Thread(target=lambda: codes.append(run.gateway.stop()))
        stopping.start()
        run.gateway.until(lambda: '"draining"' in run.gateway.said.read_text(), "the gateway to drain")
        with pytest.raises(psycopg.OperationalError, match=r"shutting down|refused|closed"):
            run.connect()
        thread.join(30)
        stopping.join(60)
        assert heard == [("", "finished")]
        assert codes == [0]
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
    (stopped,) = run.told("gateway-stopped")
    assert stopped["reason"] == "SIGTERM"
    run.gateway.start()
    assert _answers(run)
