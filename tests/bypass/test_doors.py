"""What a client says before and around its statements: settings, encodings, COPY and its options, broken frames."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import psycopg
import pytest
from canaries import found
from playing import Stand, Tap, raw
from wire import SYNC, bind, execute, frame, kinds, parse, query

HIDDEN = "select ssn, salary, dob, email, tags, doc from people order by id"


@pytest.mark.parametrize(
    "encoding", ["SJIS", "BIG5", "GBK", "GB18030", "UHC", "JOHAB", "LATIN1", "EUC_JP", "SQL_ASCII", "WIN1252"]
)
def test_an_encoding_hides_nothing(stand: Stand, encoding: str) -> None:
    with Tap(stand.through("shop")) as tap:
        tap.simply(f"set client_encoding = '{encoding}'")
        # The second byte of these is a backslash or a quote for who reads bytes alone.
        tap.converse(frame(b"Q", b"select '\x95\x5c', ssn, salary from people --'\0"))
        tap.converse(frame(b"Q", b"select E'\x95\x5c', ssn, salary from people --'\0"))
        tap.converse(frame(b"Q", b"select '\xa1\x27 , ssn from people --\0"))
        tap.simply("select ssn, salary, dob, doc from people")
        tap.simply("copy people to stdout")
        tap.converse(parse(HIDDEN), bind(wanted=[1]), execute(), SYNC)
        assert not found(raw(tap.heard))


@pytest.mark.parametrize(
    "options",
    [
        "-c search_path=other",
        "-c search_path=other,public -c standard_conforming_strings=off",
        "-c client_encoding=SJIS",
        "-c bytea_output=escape -c datestyle=German -c intervalstyle=iso_8601",
        "-c role=keeper",
        "-c session_authorization=postgres",
        "-c session_replication_role=replica",
        "-c row_security=off",
        "-c default_transaction_read_only=on",
        "-c log_statement=all -c client_min_messages=debug5",
        "-c debug_print_plan=on -c client_min_messages=log",
        "-c local_preload_libraries=auto_explain",
    ],
)
def test_what_is_set_at_the_start_hides_nothing(stand: Stand, options: str) -> None:
    try:
        tap = Tap(stand.through("shop", options=options))
    except psycopg.OperationalError as refused:
        assert not found(str(refused).encode())
        return
    with tap:
        tap.simply("select * from people")
        tap.simply("select name, ssn from people")
        tap.simply(r"select '\', ', reverse(ssn) from people --'")
        tap.thoroughly("select ssn, dob, salary from public.people")
    assert not found(raw(tap.heard))


@pytest.mark.parametrize("value", ["database", "true", "on"])
def test_replication_is_not_to_be_had(stand: Stand, value: str) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        Tap(stand.through("shop", replication=value))
    assert not found(str(refused.value).encode())


@pytest.mark.parametrize(
    "options",
    [
        "", "(format csv)", "(format csv, header)", "(format csv, delimiter ';', quote '~', escape '~', force_quote *)",
        "(format csv, null '983')", "(format csv, delimiter '3')", "(format csv, quote '9', escape '8')", "(format binary)",
        "(delimiter '|', null '-')", "(delimiter '3', null '\\N')", "(encoding 'LATIN1')", "(encoding 'SJIS')", "(header match)",
        "(format csv, force_quote (ssn, email))", "(format csv, null '', header)", "(format text, header)", "binary", "csv header",
        "with null as '6' delimiter as '9'",
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", ["shop", "shown"])
def test_a_copy_hides_as_a_query_does(stand: Stand, source: str, options: str) -> None:
    with Tap(stand.through(source)) as tap:
        for what in (
            "people",
            "people (id, ssn, email, salary, dob, tags, doc)",
            "(select ssn || email, people from people)",
        ):
            tap.simply(f"copy {what} to stdout {options}")
        assert not tap.ended()
    assert not found(raw(tap.heard))


@pytest.fixture(scope="module")
def other(stand: Stand) -> Iterator[Tap]:
    """A connection that nothing of what another does may disturb."""
    with Tap(stand.through("shop")) as tap:
        yield tap


@pytest.mark.parametrize(
    "sent",
    [
        b"Q\0\0\0\3", b"Q\0\0\0\4", b"Q\x7f\xff\xff\xff", b"Q\xff\xff\xff\xff", b"z\0\0\0\4", b"B\0\0\0\x05\0", b"D\0\0\0\6Xs",
        b"P\0\0\0\x08abcd", b"\0\0\0\0\0\0\0\0", b"E\0\0\0\x05\0", b"p\0\0\0\x09pass\0", b"W\0\0\0\4", b"d\0\0\0\x08abcd",
        b"B\0\0\0\x0c\0\0\0\1\0\1\xff\xff", b"B\0\0\0\x10\0\0\0\0\0\1\x7f\xff\xff\xff\0\0", b"C\0\0\0\x06S", b"F\0\0\0\4",
    ],
)  # fmt: skip
def test_a_broken_frame_ends_its_own_connection_alone(stand: Stand, other: Tap, sent: bytes) -> None:
    with Tap(stand.through("shop")) as tap:
        tap.converse(query("select ssn from people"))
        with contextlib.suppress(ConnectionError):
            tap.send(sent, query("select ssn from people"), SYNC)
            tap.half_close()
        assert not found(raw([*tap.heard, *tap.until_the_end()]))
    assert kinds(other.simply("select 1")) == "TDCZ"


@pytest.mark.parametrize(
    "behind",
    [
        query("select ssn from people"), parse(HIDDEN) + bind() + execute() + SYNC, b"X\0\0\0\4", SYNC,
        struct.pack("!ii", 8, 80877103) + query("select ssn from people"),
        b"p\0\0\0\x08SCRA" + query("select ssn from people"), frame(b"p", b"let me in\0") + query("select ssn from people"),
    ],
    ids=["a query", "a pipeline", "a goodbye", "a sync", "a request for TLS", "half a proof", "the password in clear"],
)  # fmt: skip
def test_what_is_said_before_the_login_has_ended_is_not_done(stand: Stand, behind: bytes) -> None:
    body = struct.pack("!i", 196608) + b"user\0app\0database\0shop\0\0"
    with socket.create_connection(("127.0.0.1", stand.gateway.port), 30) as client:
        client.sendall(struct.pack("!i", len(body) + 4) + body + behind)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        with contextlib.suppress(ConnectionError):
            while more := client.recv(65536):
                heard += more
    assert not found(heard)
    # No login has succeeded, no row, no end of a statement.
    assert heard[:1] in (b"R", b"E")
    assert struct.pack("!cii", b"R", 8, 0) not in heard
    assert b"T\0\0\0" not in heard
    assert b"Z\0\0\0\5" not in heard


@pytest.mark.parametrize(
    "words", [{"dbname": "postgres"}, {"dbname": "template1"}, {"dbname": "keeper"}, {"dbname": ""}, {"user": "keeper"}]
)
def test_no_other_database_and_no_other_user_is_to_be_had(stand: Stand, words: dict[str, str]) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        Tap(psycopg.conninfo.make_conninfo(stand.through("shop"), **words))
    assert not found(str(refused.value).encode())


def test_a_session_cannot_be_led_to_another_database(stand: Stand) -> None:
    with Tap(stand.through("twin")) as tap:
        for text in (
            "select ssn from shop.public.people", "\\connect shop", "use shop", "set database = shop",
            "select * from ext.dblink('dbname=shop', 'select ssn from people') as t(x text)", "table people_foreign",
            "create foreign table pg_temp.f (ssn text) server loop options (table_name 'people'); select * from pg_temp.f",
            "alter server loop options (set dbname 'shop'); select * from people_foreign",
        ):  # fmt: skip
            tap.simply(text)
        assert not found(raw(tap.heard))
