"""Clients that break the protocol after their login: told so, written down, and nobody else notices."""

from __future__ import annotations

import struct

import pytest
from wire import Wire, bind, error, frame, kinds, parse, query, rows

BREACHES = {
    "an unknown message": frame(b"!", b"x"),
    "a length that cannot be": b"Q\0\0\0\3",
    "a negative length": b"Q\xff\xff\xff\xff",
    "a message beyond every limit": b"Q\x7f\xff\xff\xff",
    "a text without its end": frame(b"Q", b"select 1"),
    "a text with two ends": frame(b"Q", b"select 1\0;\0"),
    "more than a message": frame(b"P", b"\0select 1\0\0\0\0"),
    "a Bind that is cut short": frame(b"B", bind(b"value")[5:-2]),
    "a parameter of negative length": frame(b"B", b"\0\0" + struct.pack("!hhih", 0, 1, -2, 0)),
    "neither statement nor portal": frame(b"D", b"X\0"),
    "a second start-up": struct.pack("!ii", 8, 80877103),
    "a password out of place": frame(b"p", b"again\0"),
}


@pytest.mark.parametrize("name", BREACHES)
@pytest.mark.parametrize("whole", [True, False], ids=["at once", "byte by byte"])
def test_a_breach_ends_that_connection_alone(gateway, name, whole):
    with (
        Wire(gateway.dsn("app", application_name=f"hostile {name} {whole}")) as other_than,
        Wire(gateway.dsn("sam")) as beside,
    ):
        assert kinds(beside.ask(query("begin; select 1"))) == "CTDCZ"
        breach = BREACHES[name]
        for part in [breach] if whole else [breach[at : at + 1] for at in range(len(breach))]:
            other_than.send(part)
        said = error(other_than.ended())
        assert (said["S"], said["C"]) == ("FATAL", "08P01")
        assert kinds(beside.ask(query("select 2; commit"))) == "TDCCZ"
    begun = gateway.gateway.event(lambda e: e["event"] == "connected" and f"hostile {name} {whole}" in str(e["client"]))
    broken = gateway.gateway.event(lambda e: e["event"] == "protocol-broken" and e["connection"] == begun["connection"])
    assert broken["side"] == "client"


def test_what_was_asked_before_a_breach_is_completed_in_the_log(gateway):
    with Wire(gateway.dsn("app", application_name="broke while it ran")) as wire:
        wire.send(query("select count(*) from generate_series(1, 1000000000)"), frame(b"!", b""))
        assert error(wire.ended())["C"] == "08P01"
    begun = gateway.gateway.event(lambda e: e["event"] == "connected" and "broke while it ran" in str(e["client"]))
    asked = gateway.gateway.event(lambda e: e["event"] == "statement-asked" and e["connection"] == begun["connection"])
    done = gateway.gateway.event(lambda e: e["event"] == "statement-done" and e["id"] == asked["id"])
    assert done["outcome"] == "lost"


@pytest.mark.parametrize("running", [False, True], ids=["idle", "while a statement runs"])
def test_a_client_that_closes_its_half_is_told_and_let_go(gateway, running):
    name = f"half closed {running}"
    with Wire(gateway.dsn("app", application_name=name)) as wire:
        if running:
            wire.send(query("select count(*) from generate_series(1, 1000000000)"))
        wire.half_close()
        assert error(wire.ended())["C"] == "08P01"
    begun = gateway.gateway.event(lambda e: e["event"] == "connected" and name in str(e["client"]))
    gateway.gateway.event(lambda e: e["event"] == "disconnected" and e["connection"] == begun["connection"])
    with gateway.connect("app") as connection:
        left = "select count(*) from pg_stat_activity where application_name like %s and state = 'active'"
        gateway.gateway.until(
            lambda: connection.execute(left, [name + "%"]).fetchone() == (0,), "the database to let go"
        )


def test_a_client_that_vanishes_takes_its_statement_with_it(gateway):
    wire = Wire(gateway.dsn("app", application_name="vanished"))
    wire.send(query("select count(*) from generate_series(1, 1000000000)"))
    gateway.gateway.event(lambda e: e["event"] == "statement-asked" and "1000000000" in str(e.get("text")))
    wire.reset()
    begun = gateway.gateway.event(lambda e: e["event"] == "connected" and "vanished" in str(e["client"]))
    asked = gateway.gateway.event(lambda e: e["event"] == "statement-asked" and e["connection"] == begun["connection"])
    done = gateway.gateway.event(lambda e: e["event"] == "statement-done" and e["id"] == asked["id"])
    assert done["outcome"] == "lost"
    with gateway.connect("app") as connection:
        left = "select count(*) from pg_stat_activity where application_name like 'vanished%' and state = 'active'"
        gateway.gateway.until(lambda: connection.execute(left).fetchone() == (0,), "the database to stop")


def test_a_message_of_any_cut_is_the_same_message(gateway):
    text = query("select 'cut' || ' anywhere'")
    with Wire(gateway.dsn("app")) as wire:
        for size in (1, 2, 3, 7):
            for at in range(0, len(text), size):
                wire.send(text[at : at + size])
            assert rows(wire.until("Z")) == [[b"cut anywhere"]]


def test_a_pipeline_of_thousands_neither_stalls_nor_grows(gateway):
    with Wire(gateway.dsn("app")) as wire:
        wire.send(*(parse("select 1") + bind() + frame(b"E", b"\0\0\0\0\0") + b"S\0\0\0\4" for _ in range(300)))
        assert len(wire.until("Z", 300)) == 300 * 5
