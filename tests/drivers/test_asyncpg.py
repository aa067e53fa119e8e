"""asyncpg through the gateway: it prepares everything, reads everything in binary and asks the catalog for types."""

from __future__ import annotations

import asyncio
import datetime
import io
from collections.abc import Awaitable, Callable
from decimal import Decimal

import asyncpg
import pytest

ONE = "select email, phone, birth_date, ssn, tags from customers where id = $1"
MASKED = ("p***@example.com", "*************01", datetime.date(1980, 1, 1), "*******1001", ["t1", "all"])

Work = Callable[[asyncpg.Connection], Awaitable[object]]


@pytest.fixture
def run(gateway):
    """Runs a coroutine function on a connection of this user's."""

    def runner(user: str, work: Work, purpose: str = "") -> object:
        async def connected() -> object:
            connection = await asyncpg.connect(
                host="127.0.0.1",
                port=gateway.gateway.port,
                user=user,
                password=gateway.password,
                database="shop",
                server_settings={"sluice.purpose": purpose} if purpose else {},
            )
            try:
                return await asyncio.wait_for(work(connection), 60)
            finally:
                await connection.close()

        return asyncio.run(connected())

    return runner


def test_every_run_of_a_prepared_statement_is_masked(run):
    async def work(connection):
        statement = await connection.prepare(ONE)
        assert [column.name for column in statement.get_attributes()] == ["email", "phone", "birth_date", "ssn", "tags"]
        return [tuple(await statement.fetchrow(1)) for _ in range(3)] + [tuple(await connection.fetchrow(ONE, 1))]

    assert run("dana", work, "analytics") == [MASKED] * 4


def test_the_purpose_comes_with_the_connection(run):
    async def work(connection):
        return await connection.fetchval("select email from customers where id = 1")

    assert run("sam", work, "ticket") == "person1@example.com"
    assert run("sam", work) == "p***@example.com"


def test_a_simple_query_of_several_statements(run):
    async def work(connection):
        await connection.execute("create temp table t (a int)")
        await connection.execute("insert into t values (1); insert into t values (2)")
        return await connection.fetchval("select sum(a) from t")

    assert run("app", work) == 3


def test_cursors_read_in_slices(run):
    async def work(connection):
        found = []
        async with connection.transaction():
            async for record in connection.cursor("select id, ssn from customers order by id", prefetch=30):
                found.append(tuple(record))
            cursor = await connection.cursor("select id, ssn from customers order by id")
            await cursor.forward(4)
            found.append(tuple(await cursor.fetchrow()))
            found += [tuple(record) for record in await cursor.fetch(2)]
        return found

    numbers = [*range(1, 201), 5, 6, 7]
    assert run("dana", work, "analytics") == [(number, f"*******{1000 + number}") for number in numbers]


def test_transactions_and_savepoints(run):
    async def work(connection):
        await connection.execute("create temp table tx (a int)")
        async with connection.transaction():
            await connection.execute("insert into tx values (1)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute("insert into tx values (2)")
                    await connection.fetch("select count(*) from customers where ssn > '5'")
            await connection.execute("insert into tx values ($1)", 3)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute("insert into tx values (4)")
                await connection.fetch("select count(*) from customers where ssn > '5'")
        assert not connection.is_in_transaction()
        return [record["a"] for record in await connection.fetch("select a from tx order by a")]

    assert run("app", work) == [1, 3]


def test_a_refusal_says_who_refused_and_the_connection_lives(run):
    async def work(connection):
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
            await connection.execute("delete from items where id = 1")
        assert caught.value.hint
        return str(caught.value), await connection.fetchval("select 1")

    message, one = run("dana", work, "analytics")
    assert "items" in message
    assert one == 1


ROWS = [(1, "a,b\t", None, Decimal("1.5")), (2, "ü☃", datetime.date(2026, 2, 3), None)]


def test_copy_records_to_a_table_and_back(run):
    async def work(connection):
        await connection.execute("create temp table loaded (a int, b text, c date, d numeric)")
        assert await connection.copy_records_to_table("loaded", records=ROWS) == "COPY 2"
        out = io.BytesIO()
        await connection.copy_from_table("loaded", output=out, format="csv")
        assert out.getvalue().decode() == '1,"a,b\t",,1.5\n2,ü☃,2026-02-03,\n'
        await connection.copy_to_table("loaded", source=io.BytesIO(out.getvalue()), format="csv")
        return [tuple(record) for record in await connection.fetch("select * from loaded order by a")]

    assert run("app", work) == [ROWS[0], ROWS[0], ROWS[1], ROWS[1]]


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_copy_from_query_is_masked(run, form):
    async def work(connection):
        out = io.BytesIO()
        query = "select id, email, ssn, birth_date from customers where id <= $1"
        assert await connection.copy_from_query(query, 3, output=out, format=form) == "COPY 3"
        return out.getvalue()

    data = run("dana", work, "analytics")
    assert data.count(b"p***@example.com") == 3
    assert data.count(b"*******100") == 3
    assert b"person" not in data


def test_composite_enum_domain_and_array_types_are_introspected(run):
    async def work(connection):
        await connection.execute("create type pg_temp.mood as enum ('low', 'high')")
        await connection.execute("create type pg_temp.pair as (a int, b text)")
        await connection.execute("create domain pg_temp.small as int check (value < 10)")
        await connection.execute("create temp table odd (m mood, p pair, s small, ms mood[])")
        await connection.execute("insert into odd values ('low', row(1, 'x'), 5, '{low,high}')")
        record = await connection.fetchrow("select * from odd")
        assert tuple(record["p"]) == (1, "x")
        return record["m"], record["s"], record["ms"]

    assert run("app", work) == ("low", 5, ["low", "high"])


def test_ranges_json_intervals_and_bytes(run):
    async def work(connection):
        return tuple(
            await connection.fetchrow(
                "select $1::int4range, $2::jsonb, $3::interval, $4::bytea, $5::int[], $6::timestamptz, '{}'::text[], null::uuid",
                asyncpg.Range(1, 5), '{"a": 1}', datetime.timedelta(days=1), b"\0\1", [1, None],
                datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
            )
        )  # fmt: skip

    assert run("dana", work, "analytics") == (
        asyncpg.Range(1, 5), '{"a": 1}', datetime.timedelta(days=1), b"\0\1", [1, None],
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), [], None,
    )  # fmt: skip


def test_executemany(run):
    async def work(connection):
        await connection.execute("create temp table many (a int, b text)")
        await connection.executemany("insert into many values ($1, $2)", [(n, f"x{n}") for n in range(1000)])
        return await connection.fetchval("select count(*) from many")

    assert run("app", work) == 1000


def test_listeners(run, gateway):
    async def work(connection):
        heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        await connection.add_listener("news", lambda _c, _p, channel, payload: heard.put_nowait((channel, payload)))
        await connection.execute("notify news, 'hello'")
        found = await asyncio.wait_for(heard.get(), 20)
        await connection.reset()
        return found

    assert run("olga", work, "incident") == ("news", "hello")


def test_a_timeout_of_the_driver_cancels_and_the_connection_lives(run):
    async def work(connection):
        with pytest.raises(TimeoutError):
            await connection.execute("select pg_sleep(60)", timeout=0.2)
        return await connection.fetchval("select 1")

    assert run("olga", work, "incident") == 1


def test_a_pool_resets_its_connections(gateway):
    async def work() -> list[int]:
        async with asyncpg.create_pool(
            host="127.0.0.1", port=gateway.gateway.port, user="olga", password=gateway.password, database="shop",
            min_size=1, max_size=2, server_settings={"sluice.purpose": "incident"},
        ) as pool:  # fmt: skip
            return await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(10)))

    assert asyncio.run(asyncio.wait_for(work(), 60)) == list(range(10))


def test_a_changed_table_is_noticed_by_its_prepared_statements(run):
    async def work(connection):
        await connection.execute("create temp table changing (a int)")
        assert await connection.fetch("select * from changing") == []
        await connection.execute("alter table changing add b text")
        await connection.execute("insert into changing values (1, 'x')")
        return [tuple(record) for record in await connection.fetch("select * from changing")]

    assert run("app", work) == [(1, "x")]
