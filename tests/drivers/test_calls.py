"""The fast-path protocol: a function called by its number is governed as the SQL that calls it is."""

from __future__ import annotations

import struct

import psycopg
import pytest
from wire import SYNC, Wire, bind, error, execute, frame, kinds, parse, query, status


def call(oid: int, *values: bytes | None, binary: bool = False) -> bytes:
    """A FunctionCall with its arguments in text (or all in binary)."""
    body = struct.pack("!Ihhh", oid, 1, int(binary), len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return frame(b"F", body + struct.pack("!h", int(binary)))


def _oid(gateway, name: str) -> int:
    with psycopg.connect(gateway.direct()) as connection:
        found = connection.execute("select %s::regprocedure::oid::int8", [name]).fetchone()
    assert found is not None
    return int(found[0])


@pytest.fixture(scope="module")
def secrets(gateway):
    """A function of the shop's own that reads a labelled column, as any might."""
    with psycopg.connect(gateway.direct(), autocommit=True) as connection:
        connection.execute(
            "create function ssn_of(int) returns text language sql as 'select ssn from public.customers where id = $1';"
            " grant execute on function ssn_of(int) to shop_gateway"
        )
        yield "ssn_of(int)"
        connection.execute("drop function ssn_of(int)")


MD5, ADD, DIVIDE = "md5(text)", "int4pl(int,int)", "int4div(int,int)"


@pytest.mark.parametrize("name", ["results", "nothing there", "a failed transaction", "wrong number of arguments"])
def test_one_who_may_do_everything_hears_what_the_server_says(gateway, name):
    md5 = _oid(gateway, MD5)
    frames = {
        "results": [call(md5, b"abc"), call(md5, None), call(_oid(gateway, ADD), b"\0\0\0\1", b"\0\0\0\2", binary=True)],
        "nothing there": [call(4_000_000_000, b"x"), query("select 1")],
        "a failed transaction": [query("begin"), call(_oid(gateway, DIVIDE), b"1", b"0"), call(md5, b"abc"), query("rollback")],
        "wrong number of arguments": [call(md5), query("select 1")],
    }[name]  # fmt: skip
    with Wire(gateway.dsn("olga", "incident")) as through, Wire(gateway.beside()) as beside:
        for each in frames:
            heard, said = through.ask(each), beside.ask(each)
            assert kinds(heard) == kinds(said)
            if "E" in kinds(heard):
                assert {k: error(heard)[k] for k in "SCM"} == {k: error(said)[k] for k in "SCM"}
            else:
                assert heard == said


def test_a_plain_function_may_be_called_by_who_may_read_and_is_recorded_as_a_call(gateway):
    with Wire(gateway.dsn("app")) as wire:
        answered = wire.ask(call(_oid(gateway, "md5(text)"), b"fast path"))
    assert kinds(answered) == "VZ"
    assert answered[0].body[4:] == b"fb0fce811abce01a2246bef0162a711e"
    asked = gateway.gateway.event(
        lambda e: e["event"] == "statement-asked" and e.get("step") == "call" and e["identity"]["name"] == "app"
    )
    assert "pg_catalog" in asked["normalized"]
    assert "md5" in asked["normalized"]
    done = gateway.gateway.event(lambda e: e["event"] == "statement-done" and e["id"] == asked["id"])
    assert (done["outcome"], done["rows"]) == ("completed", 1)


def test_a_function_that_may_read_anything_is_refused_to_who_may_not_see_everything(gateway, secrets):
    with Wire(gateway.dsn("app")) as wire:
        refused = wire.ask(call(_oid(gateway, secrets), b"1"))
        assert error(refused)["C"] == "42501"
        assert "ssn_of" in error(refused)["D"]
        assert kinds(wire.ask(query("select 1"))) == "TDCZ"


def test_what_reads_a_table_by_itself_is_refused_where_its_result_would_be_masked(gateway):
    # One who may run opaque code and yet not see everything: the result cannot be masked, so it is not made.
    oid = _oid(gateway, "query_to_xml(text,boolean,boolean,text)")
    with Wire(gateway.dsn("dora")) as wire:
        answered = wire.ask(call(oid, b"select ssn from customers", b"f", b"f", b""))
    assert error(answered)["C"] == "42501"
    assert b"900-10" not in b"".join(message.body for message in answered)


def test_one_who_sees_everything_may_call_any_function(gateway, secrets):
    with Wire(gateway.dsn("olga", "incident")) as wire:
        answered = wire.ask(call(_oid(gateway, secrets), b"1"))
    assert answered[0].body[4:] == b"900-10-1001"


def test_a_refused_call_inside_a_transaction_fails_it_and_in_a_skipped_pipeline_is_skipped(gateway, secrets):
    oid = _oid(gateway, secrets)
    with Wire(gateway.dsn("app")) as wire:
        assert status([*wire.ask(query("begin")), *wire.ask(call(oid, b"1")), *wire.ask(query("rollback"))]) == "TEI"
        wire.send(parse("select nonsense"), bind(), execute(), call(oid, b"1"), SYNC)
        assert kinds(wire.until("Z")) == "EZ"
        assert kinds(wire.ask(query("select 1"))) == "TDCZ"


@pytest.mark.parametrize(
    "body", [b"", b"\0\0\0\1", struct.pack("!Ihh", 871, 0, 1), struct.pack("!Ihhih", 871, 0, 1, -2, 0)]
)
def test_a_malformed_call_is_a_violation_of_the_protocol(gateway, body):
    with Wire(gateway.dsn("app")) as wire:
        wire.send(frame(b"F", body))
        assert error(wire.ended())["C"] == "08P01"
