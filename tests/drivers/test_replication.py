"""Replication connections: recorded, passed on to those who may see everything, refused to everybody else."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from wire import COPY_DONE, SYNC, Message, Wire, copy_data, error, kinds, parse, query, rows

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import EMBEDDED, PostgresServer

PASSWORD = "open sesame"
POLICIES = """
@id("all-connect") permit (principal, action == Action::"connect", resource);
@id("readers-read") permit (principal in Group::"reader", action in [Action::"read", Action::"replication"], resource);
@id("standby-streams")
permit (
  principal in Group::"standby",
  action in [Action::"read", Action::"replication", Action::"setting", Action::"execute", Action::"reveal"],
  resource
);
@id("limited-streams") @row_limit("10")
permit (principal in Group::"limited", action in [Action::"read", Action::"replication", Action::"reveal"], resource);
"""
USERS = {"standby": "standby", "reader": "reader", "limited": "limited"}
LABELS = "labels: {pii: redact}\ncolumns: {shop: {public.people.ssn: pii}}\n"


@dataclass(frozen=True)
class Stand:
    gateway: RunningGateway
    server: PostgresServer
    config: str

    def dsn(self, user: str, replication: str = "database", **more: str) -> str:
        words = {"replication": replication} if replication else {}
        return self.gateway.dsn(user, PASSWORD, "shop", **words, **more)


@pytest.fixture(scope="module")
def stand(tmp_path_factory) -> Iterator[Stand]:
    hba = ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
    with PostgresServer(settings={"wal_level": "logical", "wal_sender_timeout": "0"}, hba=hba) as server:
        server.psql("create role gate login replication")
        server.psql("create database shop")
        server.psql(
            "create table people (id int primary key, ssn text, big text);"
            "insert into people values (1, '900-10-1001', ''); grant all on people to gate",
            "shop",
        )
        users = "".join(
            f'  {name}: {{groups: [{group}], scram: "{verifier(PASSWORD)}"}}\n' for name, group in USERS.items()
        )
        config = (
            f"sources:\n  shop: {{host: 127.0.0.1, port: {server.port}, environment: staging, user: gate}}\n"
            f"users:\n{users}masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n"
        )
        files = {"policies/p.cedar": POLICIES, "labels.yaml": LABELS}
        with RunningGateway(tmp_path_factory.mktemp("replication"), config, files=files) as running:
            yield Stand(running, server, config)


def _status(position: int) -> bytes:
    """A standby's word that it has everything up to a position."""
    return copy_data(b"r" + struct.pack("!QQQqB", position, position, position, 0, 0))


def _streamed(wire: Wire, wanted: bytes) -> list[Message]:
    """Messages up to and with the one that carries this."""
    found: list[Message] = []
    while not (found and found[-1].kind == "d" and wanted in found[-1].body):
        found.append(wire.read())
    return found


def test_the_same_commands_are_answered_as_by_the_server(stand):
    script = [query("IDENTIFY_SYSTEM"), query("SHOW wal_segment_size"), query("IDENTIFY_SYSTEM nonsense")]
    for mode in ("true", "database"):
        with (
            Wire(stand.dsn("standby", mode)) as through,
            Wire(stand.server.dsn("shop", "gate") + f" replication={mode}") as beside,
        ):
            for each in script:
                assert kinds(heard := through.ask(each)) == kinds(beside.ask(each))
                assert not rows(heard) or rows(heard)[0]


@pytest.mark.parametrize("mode", ["true", "database"])
@pytest.mark.parametrize("user", ["reader", "limited"])
def test_one_who_may_not_see_everything_gets_no_replication_connection(stand, user, mode):
    if user == "reader":
        with pytest.raises(psycopg.OperationalError, match="not every column may be seen in clear"):
            psycopg.connect(stand.dsn(user, mode))
        failed = stand.gateway.event(lambda e: e["event"] == "authentication-failed" and e["user"] == user)
        assert "policy" in failed["reason"]
        return
    with Wire(stand.dsn(user, mode)) as wire:
        refused = wire.ask(query("IDENTIFY_SYSTEM"))
        assert error(refused)["C"] == "42501"
        assert "rows" in error(refused)["M"]


def test_the_source_is_named_by_a_setting_where_a_client_names_no_database(stand):
    dsn = stand.dsn("standby", "true", options="-c sluice.source=shop").replace("dbname='shop'", "dbname='replication'")
    with Wire(dsn) as wire:
        assert kinds(wire.ask(query("IDENTIFY_SYSTEM"))) == "TDCZ"


def test_a_physical_connection_takes_no_sql(stand):
    with Wire(stand.dsn("standby", "true")) as wire:
        assert error(wire.ask(query("select ssn from people")))["C"] == "0A000"
        assert error(wire.ask(parse("select 1"), SYNC))["C"] == "08P01"
        assert kinds(wire.ask(query("IDENTIFY_SYSTEM"))) == "TDCZ"


def test_sql_on_a_logical_connection_goes_the_way_of_all_sql(stand):
    with Wire(stand.dsn("standby")) as wire:
        assert rows(wire.ask(query("select ssn from people"))) == [[b"900-10-1001"]]
        assert "drop" in error(wire.ask(query("drop table people")))["M"]
        assert error(wire.ask(query("identify_system")))["C"] == "42601"
        assert error(wire.ask(parse("select 1"), SYNC))["C"] == "08P01"
    stand.gateway.event(lambda e: e["event"] == "statement-asked" and "ssn from people" in e["normalized"])


def test_changes_stream_to_a_standby_and_their_amount_is_recorded_before_the_end_is_said(stand):
    with Wire(stand.dsn("standby")) as wire:
        created = wire.ask(query("CREATE_REPLICATION_SLOT streamed TEMPORARY LOGICAL test_decoding"))
        assert kinds(created) == "TDCZ"
        wire.send(query("START_REPLICATION SLOT streamed LOGICAL 0/0"))
        assert wire.read().kind == "W"
        stand.server.psql("insert into people values (2, '900-10-2002', 'x')", "shop")
        seen = _streamed(wire, b"900-10-2002")
        wire.send(_status(struct.unpack_from("!Q", seen[-1].body, 1)[0]), COPY_DONE)
        ended = wire.until("Z")
        assert kinds(ended).replace("d", "") == "cCCZ"
        asked = stand.gateway.event(
            lambda e: e["event"] == "statement-asked" and "START_REPLICATION SLOT streamed" in e.get("text", "")
        )
        assert asked["identity"]["name"] == "standby"
        (done,) = [e for e in stand.gateway.events() if e["event"] == "statement-done" and e["id"] == asked["id"]]
        assert (done["outcome"], done["rows"] > 0, done["bytes"] > 0) == ("completed", True, True)
        assert kinds(wire.ask(query("DROP_REPLICATION_SLOT streamed"))) == "CZ"


def test_a_change_larger_than_any_window_streams_in_parts(stand):
    with Wire(stand.dsn("standby")) as wire:
        wire.ask(query("CREATE_REPLICATION_SLOT large TEMPORARY LOGICAL test_decoding"))
        wire.send(query("START_REPLICATION SLOT large LOGICAL 0/0"))
        wire.read()
        stand.server.psql(
            "insert into people values (3, '', repeat('large ', 2 * 1024 * 1024)); insert into people values (4, 'after', '')",
            "shop",
        )
        seen = _streamed(wire, b"'after'")
        assert max(len(message.body) for message in seen) > 12 * 1024 * 1024
        wire.send(COPY_DONE)
        wire.until("Z")


def test_a_policy_that_changes_ends_the_stream(stand):
    with Wire(stand.dsn("standby")) as wire:
        wire.ask(query("CREATE_REPLICATION_SLOT revoked TEMPORARY LOGICAL test_decoding"))
        wire.send(query("START_REPLICATION SLOT revoked LOGICAL 0/0"))
        wire.read()
        try:
            stand.gateway.write(
                "policies/p.cedar",
                POLICIES + '@id("stop") forbid (principal, action == Action::"replication", resource);',
            )
            stand.gateway.reload()
            said = wire.ended()
        finally:
            stand.gateway.write("policies/p.cedar", POLICIES)
            stand.gateway.reload()
        assert error(said)["C"] == "42501"
        asked = stand.gateway.event(
            lambda e: e["event"] == "statement-asked" and "SLOT revoked LOGICAL" in e.get("text", "")
        )
        done = stand.gateway.event(lambda e: e["event"] == "statement-done" and e["id"] == asked["id"])
        assert done["outcome"] == "cut"
    stand.gateway.until(lambda: _lets_in(stand), "the policies to be back")


def _lets_in(stand) -> bool:
    try:
        psycopg.connect(stand.dsn("standby")).close()
    except psycopg.OperationalError:
        return False
    return True


def _tool(stand, name: str, *arguments: str, options: str = "") -> subprocess.Popen[bytes]:
    env = {**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": options}
    return subprocess.Popen(
        [EMBEDDED / name, "-h", "127.0.0.1", "-p", str(stand.gateway.port), "-U", "standby", *arguments],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_pg_recvlogical_follows_the_changes(stand, tmp_path: Path):
    out = tmp_path / "changes"
    slot = ["-d", "shop", "--slot=tool"]
    made = _tool(stand, "pg_recvlogical", *slot, "--create-slot", "-P", "test_decoding")
    assert made.wait(60) == 0, made.communicate()[1]
    tool = _tool(stand, "pg_recvlogical", *slot, "--start", "-f", str(out), "--status-interval=1", "--fsync-interval=0")
    try:
        stand.server.psql("insert into people values (5, 'seen by the tool', '')", "shop")
        stand.gateway.until(lambda: out.exists() and "seen by the tool" in out.read_text(), "the change")
    finally:
        tool.send_signal(signal.SIGINT)
        tool.wait(30)
    assert _tool(stand, "pg_recvlogical", *slot, "--drop-slot").wait(60) == 0


def test_pg_basebackup_takes_a_backup_and_pg_receivewal_the_log(stand, tmp_path: Path):
    source = "-c sluice.source=shop"
    backup = _tool(stand, "pg_basebackup", "-D", str(tmp_path / "backup"), "-X", "stream", "-c", "fast", options=source)
    assert backup.wait(60) == 0, backup.communicate()[1]
    assert (tmp_path / "backup" / "PG_VERSION").exists()
    done = stand.gateway.event(lambda e: e["event"] == "statement-done" and e["tag"] == "BASE_BACKUP")
    assert (done["outcome"], done["bytes"] > 10 << 20) == ("completed", True)
    wal = tmp_path / "wal"
    wal.mkdir()
    tool = _tool(stand, "pg_receivewal", "-D", str(wal), "--no-loop", options=source)
    try:
        stand.gateway.until(lambda: any(wal.iterdir()), "the log")
        stand.server.psql("insert into people values (6, 'in the log', ''); select pg_switch_wal()", "shop")
        stand.gateway.until(
            lambda: any(b"in the log" in one.read_bytes() for one in wal.iterdir()), "the row in the log"
        )
    finally:
        tool.send_signal(signal.SIGINT)
        tool.wait(30)


def test_a_gateway_that_stops_does_not_wait_for_streams(stand, tmp_path: Path):
    files = {"policies/p.cedar": POLICIES, "labels.yaml": LABELS}
    with RunningGateway(tmp_path, stand.config, files=files) as other:
        with Wire(other.dsn("standby", PASSWORD, "shop", replication="database")) as wire:
            wire.ask(query("CREATE_REPLICATION_SLOT stopped TEMPORARY LOGICAL test_decoding"))
            wire.send(query("START_REPLICATION SLOT stopped LOGICAL 0/0"))
            wire.read()
            os.kill(other.pid, signal.SIGTERM)
            assert error(wire.ended())["C"] == "57P01"
        assert other.stop() == 0
