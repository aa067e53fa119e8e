"""What is meant to hurt: texts that exhaust parsers, a gateway killed in the middle of traffic, a log that takes no more."""

from __future__ import annotations

import re
import resource
import threading
from collections.abc import Iterator
from random import Random

import psycopg
import pytest
from wire import Wire, error, query, status

from sluice.edges.sinks.jsonl import read
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

DEEP = {"54001", "54000", "42601", "0A000"}

TEXTS = {
    "a sum of 100,000 terms": "select " + "1+" * 100_000 + "1",
    "signs upon signs": "select " + "+-" * 50_000 + "1",
    "tests upon tests": "select 1" + " isnull" * 100_000,
    "parentheses": "select " + "(" * 50_000 + "1" + ")" * 50_000,
    "subselects": "select " + "(select " * 5_000 + "1" + ")" * 5_000,
    "cases": "select " + "case when true then " * 5_000 + "1" + " end" * 5_000,
    "arrays": "select " + "array[" * 5_000 + "1" + "]" * 5_000,
    "joins": "select 1 from items" + " join items on true" * 5_000,
    "unions": "select 1" + " union all select 1" * 5_000,
    "comments in comments": "/*" * 20_000 + "*/" * 20_000 + "select 1",
    "recursion in recursion": "with recursive "
    + "c(n) as ((with recursive " * 14 + "c(n) as (select 1)" + " select n from c) union all select n from c)" * 14
    + " select n from c",
    "a statement too long": "select 1 /*" + "x" * (2 << 20) + "*/",
    "fifty megabytes": "select '" + "x" * (50 << 20) + "'",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_could_exhaust_the_parser_is_refused_and_nobody_else_notices(gateway, text):
    with Wire(gateway.dsn("app")) as hostile, gateway.connect("olga") as other:
        hostile.send(query(TEXTS[text]))
        assert other.execute("select count(*) from items").fetchone() is not None
        assert error(hostile.until("Z"))["C"] in DEEP
        # The connection lives, and knows what it is about.
        assert status(hostile.ask(query("select 1"))) == "I"


def test_a_large_text_is_parsed_while_others_are_answered(gateway):
    rows = ",".join(["(1,'a'::text)"] * 4_000)
    with Wire(gateway.dsn("app")) as busy, gateway.connect("olga") as other:
        busy.send(query(f"select count(*) from (values {rows}) v"))
        for _ in range(5):
            assert other.execute("select count(*) from items").fetchone() is not None
        assert {message.kind for message in busy.until("Z")} >= {"Z"}


@pytest.mark.parametrize(
    ("text", "code"), [(b"select 'a\xff'", "22021"), (b"select '\xc3'", "22021"), (b"select 1 as \xff", "22021")]
)
def test_bytes_that_are_no_text_are_refused(gateway, text, code):
    with Wire(gateway.dsn("app")) as wire:
        heard = wire.ask(b"Q" + (len(text) + 5).to_bytes(4, "big") + text + b"\0")
        assert error(heard)["C"] == code
        assert status(wire.ask(query("select 1"))) == "I"


def test_control_characters_in_a_text_forge_no_line_of_the_log(gateway):
    line = '{"event":"forged"}'
    forged = f'select 1 as "x\n{line.replace(chr(34), "")}" /*\n{line}\r\n\x1b[2K{line}\n*/'
    with gateway.connect("app") as app:
        app.execute(forged)
    gateway.gateway.event(lambda event: "forged" in str(event), "the statement's own event")
    assert all(event["event"] != "forged" for event in gateway.gateway.events())


USERS = '@id("all") permit (principal, action, resource);'


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, RunningGateway]]:
    """A server that writes down every statement, and a gateway of its own before it."""
    with PostgresServer(settings={"log_statement": "all"}) as server:
        server.psql("create role shop_gateway login")
        server.psql("create database shop owner shop_gateway")
        config = (
            f"sources:\n  shop: {{host: 127.0.0.1, port: {server.port}, environment: staging, user: shop_gateway}}\n"
            f'users:\n  ada: {{groups: [a], scram: "{verifier("sesame")}"}}\n'
            "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
        )
        files = {"policies/all.cedar": USERS, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
        with RunningGateway(tmp_path_factory.mktemp("stand"), config, files=files) as running:
            yield server, running
            running.kill()


def test_a_log_that_takes_no_more_refuses_statements_and_goes_on_when_it_does(stand):
    server, running = stand
    dsn = running.dsn("ada", "sesame", "shop")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    with psycopg.connect(dsn, autocommit=True) as held:
        held.execute("select 1 as before")
        # For the gateway, no file takes a byte more: what a full disk says of each, in another word.
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1, hard))
        try:
            with pytest.raises(psycopg.OperationalError, match="event log"):
                for number in range(10_000):
                    held.execute(f"select 1 as mark_t9_{number}")
            assert not _answers(dsn)
            running.until(lambda: running.fetch("/healthz")[0] == 503, "the gateway to say so")
            assert "the event log cannot be written" in running.fetch("/healthz")[1]
        finally:
            resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (hard, hard))
    running.until(lambda: _answers(dsn), "the log to go on")
    running.until(
        lambda: running.fetch("/healthz")[0] == 200, f"the gateway to be well: {running.fetch('/healthz')[1]}"
    )
    # What the server saw nevertheless had been recorded before: its completion is what the log could not take.
    assert _marks((server.folder / "log").read_text()) <= _recorded(running)


def _marks(text: str) -> set[str]:
    return set(re.findall(r"mark_t\d+_\d+", text))


def _recorded(running: RunningGateway) -> set[str]:
    """The marks in the log, lines that still wait in its spool among them."""
    return _marks(b"\n".join(read(running.audit)).decode())


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _traffic(dsn: str, name: str, enough: int, going: threading.Event) -> None:
    """Statements one after the other until the connection breaks: simple, prepared, and several in a pipeline."""
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for number in range(1_000_000):
                if number == enough:
                    going.set()
                text = f"select 1 as mark_{name}_{number}"
                if number % 5 == 4:
                    with connection.pipeline():
                        for each in range(3):
                            connection.execute(f"{text}{each}")
                else:
                    connection.execute(text, prepare=number % 3 == 0)
    except psycopg.OperationalError:
        return


@pytest.mark.parametrize("round_", range(3))
def test_a_gateway_that_is_killed_loses_no_event_of_what_reached_the_server(stand, round_):
    server, running = stand
    random = Random(round_)
    dsn = running.dsn("ada", "sesame", "shop")
    threads, started = [], []
    for n in range(4):
        started.append(threading.Event())
        enough = random.randrange(5, 150)
        threads.append(threading.Thread(target=_traffic, args=(dsn, f"t{round_}{n}", enough, started[n])))
        threads[n].start()
    for going in started:
        assert going.wait(60)
    running.kill()
    for thread in threads:
        thread.join(60)
    reached = {mark for mark in _marks((server.folder / "log").read_text()) if mark.startswith(f"mark_t{round_}")}
    assert len(reached) > 20
    assert reached <= _recorded(running)
    running.start()
    # Nor are they lost when the next process has put the log in order.
    assert reached <= _recorded(running)
