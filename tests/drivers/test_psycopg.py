"""psycopg 3 through the gateway: every way it has of asking, and masks that its types can read."""

from __future__ import annotations

import asyncio
import datetime
import threading
import uuid
from decimal import Decimal
from io import BytesIO

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

MASKED = ("p***@example.com", "*************01", datetime.date(1980, 1, 1), "*******1001")
ONE = "select email, phone, birth_date, ssn from customers where id = %s"


@pytest.mark.parametrize("binary", [False, True])
def test_masks_are_valid_in_text_and_binary_and_every_time_it_runs(gateway, binary):
    with gateway.connect("dana", "analytics") as dana:
        for prepare in (False, True, True, True):
            assert dana.execute(ONE, (1,), prepare=prepare, binary=binary).fetchone() == MASKED


def test_the_same_statement_shows_each_caller_what_they_may_see(gateway):
    with gateway.connect("sam", "ticket") as sam, gateway.connect("olga", "incident") as olga:
        assert sam.execute(ONE, (1,)).fetchone() == ("person1@example.com", "+1 555-100-1001", MASKED[2], MASKED[3])
        clear = ("person1@example.com", "+1 555-100-1001", datetime.date(1980, 1, 2), "900-10-1001")
        assert olga.execute(ONE, (1,)).fetchone() == clear


def test_without_its_purpose_a_caller_sees_masks(gateway):
    with gateway.connect("sam") as sam:
        assert sam.execute(ONE, (1,)).fetchone() == MASKED


def test_simple_client_side_binding(gateway):
    with gateway.connect("sam", "ticket", cursor_factory=psycopg.ClientCursor) as sam:
        assert sam.execute(ONE, (2,)).fetchone()[0] == "person2@example.com"


def test_several_statements_give_several_results(gateway):
    with gateway.connect("dana", "analytics") as dana:
        cursor = dana.execute("select 1; select ssn from customers where id = 1; select 3")
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    assert found == [[(1,)], [("*******1001",)], [(3,)]]


def test_a_pipeline(gateway):
    with gateway.connect("dana", "analytics") as dana, dana.pipeline() as pipeline:
        cursors = [dana.execute(ONE, (1,)) for _ in range(20)]
        pipeline.sync()
        assert [cursor.fetchone() for cursor in cursors] == [MASKED] * 20


def test_a_refusal_in_a_pipeline_aborts_what_follows_up_to_its_sync(gateway):
    with gateway.connect("dana", "analytics") as dana:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), dana.pipeline() as pipeline:
            first = dana.execute("select 1")
            dana.execute("delete from items")
            after = dana.execute("select 2")
            pipeline.sync()
        assert first.fetchone() == (1,)
        with pytest.raises(psycopg.Error):
            after.fetchone()
        assert dana.execute("select 3").fetchone() == (3,)


def test_executemany(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table many (a int primary key, b text)")
        with app.cursor() as cursor:
            cursor.executemany(
                "insert into many values (%s, %s) returning a", [(n, f"x{n}") for n in range(50)], returning=True
            )
            found = [cursor.fetchone()]
            while cursor.nextset():
                found.append(cursor.fetchone())
        assert found == [(n,) for n in range(50)]
        assert app.execute("select count(*) from many").fetchone() == (50,)


def test_transactions_and_savepoints(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table tx (a int)")
        with app.transaction():
            app.execute("insert into tx values (1)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
                app.execute("insert into tx values (2)")
                app.execute("select count(*) from customers where ssn > '5'")
            app.execute("insert into tx values (3)")
        assert app.execute("select a from tx order by a").fetchall() == [(1,), (3,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute("insert into tx values (4)")
            app.execute("select count(*) from customers where ssn > '5'")
        assert app.execute("select count(*) from tx").fetchone() == (2,)


@pytest.mark.parametrize("binary", [False, True])
def test_server_side_cursors(gateway, binary):
    with gateway.connect("dana", "analytics", autocommit=False) as dana:
        with dana.cursor("named", scrollable=True, binary=binary) as cursor:
            cursor.execute("select id, ssn from customers order by id")
            cursor.itersize = 30
            assert cursor.fetchone() == (1, "*******1001")
            assert cursor.fetchmany(2) == [(2, "*******1002"), (3, "*******1003")]
            cursor.scroll(10)
            assert cursor.fetchone() == (14, "*******1014")
            cursor.scroll(0, mode="absolute")
            assert list(cursor) == [(n, f"*******{1000 + n}") for n in range(1, 201)]
        dana.rollback()


def test_a_cursor_that_outlives_its_transaction(gateway):
    with gateway.connect("dana", "analytics", autocommit=False) as dana:
        cursor = dana.cursor("kept", withhold=True)
        cursor.execute("select id, ssn from customers order by id")
        dana.commit()
        assert cursor.fetchone() == (1, "*******1001")
        cursor.close()
        dana.commit()


# What is masked stands in quotes in csv, which never changes its meaning; all else is as the server wrote it.
FORMATS = {
    "text": (b"1\tp***@example.com\t1980-01-01\t*******1001\t\\N\n", ""),
    "csv": (
        b'id,email,birth_date,ssn,note\n1,"p***@example.com","1980-01-01","*******1001",\n',
        "(format csv, header)",
    ),
    "quoted csv": (
        b'"1";"p***@example.com";"1980-01-01";"*******1001";\n',
        "(format csv, delimiter ';', force_quote *)",
    ),
    "csv quoted in part": (
        b'1,"p***@example.com","1980-01-01","*******1001",\n',
        "(format csv, force_quote (ssn, note))",
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_copy_out_is_masked_in_every_format(gateway, name):
    wanted, options = FORMATS[name]
    text = f"copy (select id, email, birth_date, ssn, note from customers where id = 1) to stdout {options}"
    with gateway.connect("dana", "analytics") as dana, dana.cursor().copy(text) as copy:
        assert b"".join(copy) == wanted


def test_copy_out_in_binary_is_masked_and_typed(gateway):
    text = "copy (select id, email, birth_date, ssn, note from customers where id < 3 order by id) to stdout (format binary)"
    with gateway.connect("dana", "analytics") as dana, dana.cursor().copy(text) as copy:
        copy.set_types(["int4", "varchar", "date", "text", "text"])
        found = list(copy.rows())
    assert found[0] == (1, "p***@example.com", datetime.date(1980, 1, 1), "*******1001", None)
    assert found[1] == (2, "p***@example.com", datetime.date(1980, 1, 1), "*******1002", "note 2")


def test_a_table_copied_by_name_is_masked(gateway):
    with gateway.connect("dana", "analytics") as dana, dana.cursor().copy("copy staff to stdout") as copy:
        lines = b"".join(copy).decode().splitlines()
    assert len(lines) == 20
    assert not any("Worker" in line for line in lines)
    assert {int(line.split("\t")[2]) % 10_000 for line in lines} == {0}


def test_a_copy_in_another_encoding_is_refused_and_the_connection_lives(gateway):
    text = "copy (select id, ssn from customers where id = 1) to stdout (encoding 'LATIN1')"
    with gateway.connect("dana", "analytics") as dana:
        with pytest.raises(psycopg.Error) as caught, dana.cursor().copy(text) as copy:
            list(copy)
        assert "UTF" in str(caught.value)
        assert "1001" not in str(caught.value)
        assert dana.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("options", ["", "(format csv)", "(format binary)"])
def test_copy_in(gateway, options):
    rows = [(1, "a,b\tc", None, Decimal("1.50")), (2, "", datetime.date(2026, 2, 3), None)]
    with gateway.connect("app") as app:
        app.execute("create temp table loaded (a int, b text, c date, d numeric)")
        if options == "(format csv)":
            with app.cursor().copy(f"copy loaded from stdin {options}") as copy:
                copy.write('1,"a,b\tc",,1.50\n2,"",2026-02-03,\n')
        else:
            with app.cursor().copy(f"copy loaded from stdin {options}") as copy:
                if options:
                    copy.set_types(["int4", "text", "date", "numeric"])
                for row in rows:
                    copy.write_row(row)
        assert app.execute("select * from loaded order by a").fetchall() == rows


def test_a_copy_in_that_fails_or_is_given_up_leaves_the_connection_alive(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table half (a int)")
        with pytest.raises(psycopg.errors.DataError), app.cursor().copy("copy half from stdin") as copy:
            copy.write("1\nnot a number\n")
        with pytest.raises(ZeroDivisionError), app.cursor().copy("copy half from stdin") as copy:
            copy.write("1\n")
            raise ZeroDivisionError
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            app.cursor().copy("copy pg_authid from stdin") as copy,
        ):
            copy.write("1\n")
        assert app.execute("select count(*) from half").fetchone() == (0,)


def test_a_large_copy_both_ways(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table bulk (a int, b text)")
        with app.cursor().copy("copy bulk from stdin") as copy:
            for number in range(50_000):
                copy.write_row((number, "x" * 40))
        read = BytesIO()
        with app.cursor().copy("copy bulk to stdout") as copy:
            for data in copy:
                read.write(data)
        assert read.getvalue().count(b"\n") == 50_000


def test_notify_and_listen(gateway):
    with gateway.connect("olga", "incident") as listener, gateway.connect("olga", "incident") as speaker:
        listener.execute("listen shopfloor")
        speaker.execute("notify shopfloor, 'opened'")
        (heard,) = listener.notifies(timeout=20, stop_after=1)
    assert (heard.channel, heard.payload) == ("shopfloor", "opened")


def test_notices_arrive(gateway):
    said = []
    with gateway.connect("olga", "incident") as olga:
        olga.add_notice_handler(lambda notice: said.append((notice.severity, notice.message_primary)))
        olga.execute("do $$ begin raise notice 'hello'; end $$")
        olga.execute("drop table if exists nowhere_at_all")
    assert said == [("NOTICE", "hello"), ("NOTICE", 'table "nowhere_at_all" does not exist, skipping')]


def test_cancel_stops_the_statement_and_leaves_the_connection_alive(gateway):
    with gateway.connect("olga", "incident") as olga, psycopg.connect(gateway.direct(), autocommit=True) as beside:
        failed: list[BaseException] = []

        def sleep() -> None:
            try:
                olga.execute("select pg_sleep(60), 'a long sleep'")
            except psycopg.Error as error:
                failed.append(error)

        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        asleep = "select count(*) from pg_stat_activity where query like '%a long sleep%' and state = 'active' and pid <> pg_backend_pid()"
        gateway.gateway.until(lambda: beside.execute(asleep).fetchone() == (1,), "the statement to run")
        olga.cancel_safe(timeout=20)
        sleeper.join(30)
        assert [type(error) for error in failed] == [psycopg.errors.QueryCanceled]
        assert olga.execute("select 1").fetchone() == (1,)


VALUES = {
    "bool": True,
    "int2": 7,
    "int4": -7,
    "int8": 1 << 40,
    "float8": 1.25,
    "numeric": Decimal("12345.6789"),
    "text": "ünï ☃",
    "varchar": "v",
    "bytea": b"\0\1\2",
    "date": datetime.date(2026, 2, 3),
    "time": datetime.time(12, 30, 1),
    "timestamp": datetime.datetime(2026, 2, 3, 4, 5, 6),
    "timestamptz": datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
    "interval": datetime.timedelta(days=3, seconds=5),
    "uuid": uuid.UUID(int=7),
    "jsonb": {"a": [1, None, "x"]},
    "json": {"a": 1},
    "int4[]": [1, None, 3],
    "text[]": ["a", None, 'c,"d'],
    "numeric[]": [Decimal("1.5")],
    "inet": "10.0.0.1",
}


def _given(kind: str) -> object:
    value = VALUES[kind]
    return Jsonb(value) if kind in ("json", "jsonb") else value


@pytest.mark.parametrize("binary", [False, True])
def test_values_of_every_type_pass_unchanged(gateway, binary):
    text = "select " + ", ".join(f"%s::{kind}" for kind in VALUES)
    with gateway.connect("dana", "analytics") as dana:
        dana.execute("set timezone = 'UTC'")
        row = dana.execute(text, [_given(kind) for kind in VALUES], binary=binary).fetchone()
    assert [str(value) if kind == "inet" else value for kind, value in zip(VALUES, row, strict=True)] == list(
        VALUES.values()
    )


@pytest.mark.parametrize("binary", [False, True])
def test_a_large_result_is_whole(gateway, binary):
    text = "select n, repeat('x', 100), array[n, null, n] from generate_series(1, 30000) n"
    with gateway.connect("dana", "analytics") as dana:
        found = dana.execute(text, binary=binary).fetchall()
    assert len(found) == 30_000
    assert found[-1] == (30_000, "x" * 100, [30_000, None, 30_000])


@pytest.mark.parametrize("factory", [psycopg.Cursor, psycopg.ClientCursor])
@pytest.mark.parametrize("user", ["dana", "olga"])
def test_rows_of_any_size_are_whole_and_counted(gateway, factory, user):
    text = "select n, repeat('abc', 1000000 * n) from generate_series(1, 3) n"
    with gateway.connect(user, "incident" if user == "olga" else "analytics", cursor_factory=factory) as connection:
        found = connection.execute(text).fetchall()
        assert [(n, len(value)) for n, value in found] == [(1, 3_000_000), (2, 6_000_000), (3, 9_000_000)]
        assert connection.execute("select 1").fetchone() == (1,)
    done = [
        event
        for event in gateway.gateway.events()
        if event["event"] == "statement-done" and 18_000_000 < event["bytes"] < 19_000_000
    ]
    assert done
    assert {event["rows"] for event in done} == {3}


def test_a_large_value_in_a_copy_and_a_masked_row_behind_it(gateway):
    with gateway.connect("dana", "analytics") as dana:
        with dana.cursor().copy("copy (select repeat('abc', 2000000)) to stdout") as copy:
            assert sum(len(data) for data in copy) == 6_000_001
        cursor = dana.execute("select repeat('abc', 2000000); select ssn from customers where id = 1")
        assert len(cursor.fetchone()[0]) == 6_000_000
        assert cursor.nextset()
        assert cursor.fetchone() == ("*******1001",)
        assert (
            len(dana.execute("select repeat('ab', 2000000), ssn from customers where id = 1").fetchone()[0])
            == 4_000_000
        )


def test_sixteen_hundred_columns(gateway):
    names = ", ".join(f"{n} as c{n}" for n in range(1599))
    with gateway.connect("dana", "analytics") as dana:
        row = dana.execute(f"select {names}, ssn from customers where id = 1").fetchone()
    assert row == (*range(1599), "*******1001")


def test_a_table_of_sixteen_hundred_columns(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table broad (" + ", ".join(f"c{n} int" for n in range(1600)) + ")")
        app.execute("insert into broad (c0, c1599) values (1, 2)")
        row = app.execute("select * from broad").fetchone()
    assert (row[0], row[1], row[1599]) == (1, None, 2)


def test_rows_by_name(gateway):
    with gateway.connect("sam", "ticket") as sam:
        row = (
            sam.cursor(row_factory=namedtuple_row)
            .execute("select id, email as mail from customers where id = 1")
            .fetchone()
        )
    assert (row.id, row.mail) == (1, "person1@example.com")


def test_what_psycopg_asks_of_the_catalog(gateway):
    with gateway.connect("app") as app:
        app.execute("create type pg_temp.mood as enum ('low', 'high')")
        found = psycopg.types.enum.EnumInfo.fetch(app, "pg_temp.mood")
        assert found is not None
        assert list(found.labels) == ["low", "high"]
        assert psycopg.types.TypeInfo.fetch(app, "numeric").oid == 1700


async def _asynchronously(dsn: str) -> tuple[object, ...]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(ONE, (1,))
        return await cursor.fetchone()


def test_the_asynchronous_connection(gateway):
    assert asyncio.run(_asynchronously(gateway.dsn("dana", "analytics"))) == MASKED
