"""A refused statement looks like a server's error: transaction, pipeline and connection are as after any other."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest
from wire import FLUSH, SYNC, Wire, bind, describe, error, execute, fields, kinds, parse, query, rows, status

REFUSED = "select count(*) from customers where ssn like '900%'"
FAILING = "select 1/0"
"""Each script is told once with a refused statement and once with one that fails by itself."""

SCRIPTS: dict[str, Sequence[Sequence[bytes | str]]] = {
    "outside a transaction": [["?"], ["select 1"]],
    "in a transaction": [["begin"], ["select 1"], ["?"], ["select 2"], ["commit"], ["select 3"]],
    "in a transaction rolled back": [["begin"], ["?"], ["rollback"], ["select 3"]],
    "after a savepoint": [
        ["begin; savepoint a"],
        ["?"],
        ["select 1"],
        ["rollback to savepoint a"],
        ["select 2"],
        ["?"],
        ["rollback to savepoint a; release savepoint a"],
        ["select 3"],
        ["commit"],
    ],
    "parsed by itself": [[parse("?"), SYNC], ["select 1"]],
    "in a pipeline": [
        [parse("select 1"), bind(), execute(), parse("?"), bind(), execute(), parse("select 2"), bind(), execute(), SYNC],
        [parse("select 3"), bind(), describe("P"), execute(), SYNC],
    ],
    "in the first of two pipelines": [
        [parse("?"), bind(), execute(), SYNC, parse("select 2"), bind(), execute(), SYNC],
    ],
    "in a pipeline within a transaction": [
        ["begin"],
        [parse("select 1"), bind(), execute(), parse("?"), bind(), execute(), SYNC],
        [parse("select 2"), bind(), execute(), SYNC],
        ["rollback"],
        ["select 4"],
    ],
    "before a flush": [[parse("?"), FLUSH, bind(), execute(), FLUSH, SYNC]],
    "before a query in the same pipeline": [[parse("?"), bind(), execute(), SYNC, query("select 5")]],
}  # fmt: skip


def _played(dsn: str, script: Sequence[Sequence[bytes | str]], statement: str) -> list[tuple[str, str]]:
    """Message letters and transaction status of each step. A simple query fails before its first row either way."""
    heard: list[tuple[str, str]] = []
    with Wire(dsn) as wire:
        for step in script:
            frames = [
                query(one.replace("?", statement))
                if isinstance(one, str)
                else parse(statement)
                if one == parse("?")
                else one
                for one in step
            ]
            said = wire.ask(*frames)
            heard.append((kinds(said), status(said)))
    return heard


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_follows_a_refusal_is_what_follows_a_servers_error(gateway, name):
    refused = _played(gateway.dsn("sam", "ticket"), SCRIPTS[name], REFUSED)
    # The server finds out in Parse too when a name does not exist.
    failed = _played(gateway.beside(), SCRIPTS[name], "select nowhere")
    assert refused == failed


def test_a_refusal_says_what_was_refused_by_which_policy_and_how_to_ask(gateway):
    with Wire(gateway.dsn("sam", "ticket")) as wire:
        said = error(wire.ask(query(REFUSED)))
    assert said["S"] == said["V"] == "ERROR"
    assert said["C"] == "42501"
    assert "pii.national_id" in said["M"] + said["D"]
    assert "customers" in said["M"] + said["D"]
    assert said["H"]


def test_a_forbidding_policy_is_named_in_the_detail(gateway):
    with Wire(gateway.dsn("dana", "analytics")) as wire:
        said = error(wire.ask(query("select rolpassword from pg_authid where rolpassword like 'a%'")))
    assert said["C"] == "42501"
    assert "secrets-stay-secret" in said["D"]


def test_a_refused_write_names_its_table(gateway):
    with gateway.connect("dana", "analytics") as dana, pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        dana.execute("update items set price = 0 where id = 1")
    assert "items" in caught.value.diag.message_primary


def test_several_statements_in_one_message_run_whole_or_not_at_all(gateway):
    with Wire(gateway.dsn("app")) as app:
        assert status(app.ask(query("create temp table whole (a int)"))) == "I"
        said = app.ask(query(f"insert into whole values (1); {REFUSED}; insert into whole values (2)"))
        assert kinds(said) == "EZ"
        assert rows(app.ask(query("select count(*) from whole"))) == [[b"0"]]
        assert kinds(app.ask(query("insert into whole values (1); commit; insert into whole values (2)"))) != "EZ"
        said = app.ask(query(f"begin; insert into whole values (3); commit; {REFUSED}"))
        assert (kinds(said), status(said)) == ("EZ", "I")
        assert rows(app.ask(query("select count(*) from whole"))) == [[b"2"]]


def test_a_refused_statement_does_nothing_even_late_in_a_pipeline(gateway):
    with Wire(gateway.dsn("app")) as app:
        app.ask(query("create temp table piece (a int)"))
        said = app.ask(
            parse("insert into piece values (1)"), bind(), execute(), parse(REFUSED), bind(), execute(), SYNC
        )
        assert kinds(said) == "12CEZ"
        assert rows(app.ask(query("select count(*) from piece"))) == [[b"0"]]


def test_a_prepared_statement_is_ruled_upon_each_time_it_runs(gateway):
    with Wire(gateway.dsn("sam", "ticket")) as sam:
        said = sam.ask(parse("select email from customers where id = $1", "s"), describe("S", "s"), SYNC)
        assert kinds(said) == "1tTZ"
        for number in (b"1", b"2"):
            (row,) = rows(sam.ask(bind(number, statement="s"), execute(), SYNC))
            assert row == [b"person" + number + b"@example.com"]


def test_a_refusal_inside_sql_prepare_and_declare_is_one_of_the_whole(gateway):
    with Wire(gateway.dsn("sam", "ticket")) as sam:
        assert error(sam.ask(query(f"prepare p as {REFUSED}")))["C"] == "42501"
        assert error(sam.ask(query("execute p")))["C"] in ("26000", "42501")
        sam.ask(query("begin"))
        assert error(sam.ask(query(f"declare c cursor for {REFUSED}")))["C"] == "42501"
        assert status(sam.ask(query("rollback"))) == "I"


def test_an_error_that_names_only_what_the_caller_wrote_keeps_its_text(gateway):
    texts = {
        "select nonsense from customers": 'column "nonsense" does not exist',
        "selct 1": 'syntax error at or near "selct"',
        "select plan + 1 from customers": "operator does not exist: text + integer",
        "drop table pg_class": "must be owner of table pg_class",
        "drop table nowhere_either": 'table "nowhere_either" does not exist',
        "create table items (a int)": 'relation "items" already exists',
        "alter table items rename to staff": "must be owner of table items",
        "execute never_prepared": 'prepared statement "never_prepared" does not exist',
        "fetch 1 from never_declared": 'cursor "never_declared" does not exist',
        "alter table items add column name text": "must be owner of table items",
        "create schema public": 'schema "public" already exists',
        "drop view customers": '"customers" is not a view',
        "comment on column items.nothing is 'x'": 'column "nothing" of relation "items" does not exist',
    }
    heard = {}
    with gateway.connect("dora") as dora:
        for text in texts:
            with pytest.raises(psycopg.Error) as caught:
                dora.execute(text)
            heard[text] = caught.value.diag.message_primary
    assert heard == texts


@pytest.mark.parametrize(("text", "code"), [("execute never", "26000"), ("fetch 1 from never", "34000")])
def test_a_name_that_stands_for_nothing_is_said_as_the_server_would(gateway, text, code):
    with Wire(gateway.dsn("dana", "analytics")) as dana:
        said = error(dana.ask(query(text)))
    assert said["C"] == code
    assert '"never" does not exist' in said["M"]


def test_an_error_of_a_statement_that_runs_is_withheld_where_it_could_quote_a_masked_value(gateway):
    leaks = [
        "select ssn::int from customers",
        "select ssn::date from customers",
        "select ssn::regclass from customers",
        "select (ssn || '.a.b.c.d')::regclass from customers",
        "select (full_name || '-')::regoper from customers",
        "select ssn::regtype from customers",
        "select cast(full_name as uuid) from customers",
    ]
    with Wire(gateway.dsn("dora")) as dora:
        for text in leaks:
            said = dora.ask(query(text))
            assert not any(piece in repr(said) for piece in ("900-", "1001", "Person")), text
            if "E" in kinds(said):
                assert "withheld" in error(said)["M"] or error(said)["C"] == "42501", text


def test_one_who_may_see_the_values_sees_them_in_errors_too(gateway):
    with gateway.connect("olga", "incident") as olga, pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught:
        olga.execute("select ssn::int from customers where id = 1")
    assert "900-10-1001" in caught.value.diag.message_primary


def test_a_violated_constraint_does_not_quote_the_row(gateway):
    with Wire(gateway.dsn("dora")) as dora:
        said = dora.ask(query("insert into customers (id, full_name, email, ssn) values (1, 'x', 'y', 'z')"))
        assert error(said)["C"] in ("23502", "23505")
        assert "D" not in error(said)


def test_notices_of_a_statement_reach_the_client(gateway):
    with Wire(gateway.dsn("olga", "incident")) as olga:
        said = olga.ask(query("drop table if exists nowhere_at_all"))
    (notice,) = [message for message in said if message.kind == "N"]
    assert fields(notice)["M"] == 'table "nowhere_at_all" does not exist, skipping'
