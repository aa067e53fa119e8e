"""A slow side never makes the gateway hold more than its window: results, COPY in both directions, single rows beyond any limit."""

from __future__ import annotations

import psycopg
import pytest
from wire import COPY_DONE, Wire, copy_data, error, kinds, query

GROWTH = 32 << 20
"""More than the window, both sockets and what Python and its allocator take on the way; far less than what is sent."""


def _waits(gateway, name: str, event: str) -> bool:
    with psycopg.connect(gateway.direct()) as connection:
        asked = "select wait_event from pg_stat_activity where application_name like %s"
        return (event,) in connection.execute(asked, [name + "%"]).fetchall()


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("olga", "select rpad('', 10000, 'x') from generate_series(1, 20000)"),
        ("app", "select rpad('', 10000, 'x'), ssn from generate_series(1, 20000) g, customers where id = 1"),
        ("olga", "copy (select rpad('', 10000, 'x') from generate_series(1, 20000)) to stdout"),
        (
            "app",
            "copy (select rpad('', 10000, 'x'), ssn from generate_series(1, 20000) g, customers where id = 1) to stdout",
        ),
    ],
    ids=["rows", "masked rows", "copy", "masked copy"],
)
def test_a_result_of_two_hundred_megabytes_waits_for_its_reader(gateway, user, text):
    name = f"slow reader of {user}"
    with Wire(gateway.dsn(user, application_name=name)) as wire:
        wire.ask(query("select 1"))
        before = gateway.gateway.resident()
        wire.send(query(text))
        gateway.gateway.until(lambda: _waits(gateway, name, "ClientWrite"), "the database to wait for the reader")
        assert gateway.gateway.resident() - before < GROWTH
        rows = size = 0
        while (message := wire.read()).kind != "Z":
            rows += message.kind in "Dd"
            size += len(message.body)
            assert b"900-10" not in message.body
        assert rows in (20_000, 20_001)
        assert size > 200_000_000
        assert gateway.gateway.resident() - before < GROWTH


def test_a_copy_waits_for_a_database_that_does_not_take_it(gateway):
    chunk = copy_data(b"x" * 9_999 + b"\n")
    with psycopg.connect(gateway.direct(), autocommit=True) as direct:
        direct.execute(
            "create table slowly (a text); grant all on slowly to shop_gateway;"
            "create function wait_for_it() returns trigger language plpgsql as"
            " 'begin perform pg_advisory_xact_lock(77); return null; end';"
            "create trigger slow before insert on slowly for each row execute function wait_for_it();"
            "select pg_advisory_lock(77)"
        )
        try:
            with Wire(gateway.dsn("olga", "incident", application_name="quick writer")) as wire:
                wire.send(query("copy slowly from stdin"))
                assert wire.read().kind == "G"
                before = gateway.gateway.resident()
                sent = wire.send_what_fits(chunk, 20_000)
                assert sent < 10_000
                assert _waits(gateway, "quick writer", "advisory")
                assert gateway.gateway.resident() - before < GROWTH
                direct.execute("select pg_advisory_unlock(77)")
                wire.send(*[chunk] * 100, COPY_DONE)
                assert kinds(wire.until("Z")) == "CZ"
        finally:
            direct.execute("select pg_advisory_unlock_all(); drop table slowly; drop function wait_for_it")


def test_rows_beyond_every_limit_stream_in_parts(gateway):
    with Wire(gateway.dsn("olga", "incident")) as wire:
        wire.ask(query("select 1"))
        before = gateway.gateway.resident()
        wire.send(query("select rpad('', 80 * 1024 * 1024, 'wide') from generate_series(1, 2)"))
        seen = wire.until("Z")
        assert [len(message.body) for message in seen if message.kind == "D"] == [6 + (80 << 20)] * 2
        assert gateway.gateway.resident() - before < GROWTH


def test_a_masked_row_beyond_the_limit_ends_the_connection_and_nothing_of_it_is_seen(gateway):
    with Wire(gateway.dsn("app")) as wire:
        wire.send(query("select ssn, rpad('', 80 * 1024 * 1024, 'wide') from customers where id = 1"))
        seen = wire.ended()
        assert kinds(seen) == "TE"
        assert "row_bytes" in error(seen)["M"]
