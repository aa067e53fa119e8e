"""The gateway on the wire, frame by frame: for one who may do everything it says, byte for byte, what the server says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from wire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    Message,
    Wire,
    bind,
    cells,
    close,
    columns,
    copy_data,
    copy_fail,
    describe,
    execute,
    fields,
    parse,
    query,
)

SELECT = "select id, email, tags, birth_date, note from customers order by id limit 5"

SCRIPTS: dict[str, Sequence[Sequence[bytes]]] = {
    "a simple query": [[query(SELECT)]],
    "several statements in one query": [[query("select 1; select 2 as two; select plan from customers where id = 3")]],
    "an empty query": [[query("")], [query(" ; ;")], [query("-- nothing\n")], [query("select 1;;")]],
    "an error inside several statements": [[query("select 1; select 1/0; select 2")], [query("select 3")]],
    "an error in a transaction, and its end": [
        [query("begin")],
        [query("select 1/0")],
        [query("select 1")],
        [query("rollback")],
        [query("select 1")],
    ],
    "an error in a transaction, and commit": [
        [query("begin")],
        [query("select 1/0")],
        [query("commit")],
        [query("select 1")],
    ],
    "savepoints": [
        [query("begin; savepoint a")],
        [query("select 1/0")],
        [query("rollback to a")],
        [query("select 2")],
        [query("release a; commit")],
    ],
    "a transaction in one message": [[query("begin; select 1; commit; select 2")]],
    "an implicit transaction that fails late": [[query("create temp table z (a int); select 1/0")], [query("select * from z")]],
    "parse, bind, describe, execute": [[parse(SELECT), bind(), describe("P"), execute(), SYNC]],
    "execute without describe": [[parse(SELECT), bind(), execute(), SYNC]],
    "a described statement": [
        [parse("select id, email from customers where id = $1 and plan = $2", "s", [23]), describe("S", "s"), SYNC],
        [bind(b"7", b"team", statement="s"), execute(), SYNC],
        [bind(b"7", b"free", statement="s"), execute(), bind(b"8", b"business", statement="s"), execute(), SYNC],
        [close("S", "s"), SYNC],
        [bind(b"7", b"free", statement="s"), SYNC],
    ],
    "no rows to describe": [[parse("set work_mem = '4MB'", "n"), describe("S", "n"), bind(statement="n"), describe("P"), execute(), SYNC]],
    "an empty statement": [[parse(""), describe("S"), bind(), describe("P"), execute(), SYNC]],
    "binary results": [
        [parse(SELECT), bind(wanted=[1]), describe("P"), execute(), SYNC],
        [parse(SELECT), bind(wanted=[1]), execute(), SYNC],
        [parse(SELECT), bind(wanted=[1, 0, 1, 0, 1]), execute(), SYNC],
        [parse(SELECT), bind(wanted=[0, 1]), execute(), SYNC],
    ],
    "binary parameters": [
        [
            parse("select $1::int4 + 1, $2::text", "", [23, 25]),
            bind(b"\0\0\0\7", b"x", given=[1, 0]),
            describe("P"),
            execute(),
            SYNC,
        ],
        [parse("select $1::int4", "", [23]), bind(None), execute(), SYNC],
    ],
    "execute with a row limit": [
        [parse(SELECT), bind(), describe("P"), execute(rows=2), execute(rows=2), execute(rows=2), execute(rows=2), SYNC],
        [query("begin")],
        [parse("select id from customers order by id"), bind(portal="p"), execute("p", 3), SYNC],
        [execute("p", 2), SYNC],
        [execute("p", 2), close("P", "p"), SYNC],
        [execute("p", 2), SYNC],
        [query("rollback")],
    ],
    "a portal is gone with its transaction": [
        [parse("select id from customers order by id"), bind(portal="q"), execute("q", 3), SYNC],
        [execute("q", 3), SYNC],
    ],
    "a portal read by FETCH": [
        [query("begin")],
        [parse("select id, email from customers order by id"), bind(portal="p"), execute("p", 1), SYNC],
        [query("fetch 2 from p")],
        [query("move 3 in p")],
        [query("fetch 1 from p; close p")],
        [query("commit")],
    ],
    "an error skips to Sync": [
        [parse("select 1"), bind(), execute(), parse("select nonsense from nowhere"), bind(), execute(), SYNC],
        [parse("select 1/0"), bind(), execute(), parse("select 2"), bind(), execute(), SYNC],
        [query("select 3")],
    ],
    "several syncs": [
        [parse("select 1"), bind(), execute(), SYNC, parse("select 1/0"), bind(), execute(), SYNC, query("select 3"), SYNC],
    ],
    "a failed Parse leaves no name": [
        [parse("select nothing", "gone"), SYNC],
        [bind(statement="gone"), SYNC],
        [parse("select 5", "gone"), bind(statement="gone"), execute(), SYNC],
        [parse("select 6", "gone"), SYNC],
        [bind(statement="gone"), execute(), SYNC],
    ],
    "the unnamed statement goes with a failed Parse and with a simple query": [
        [parse("select 1"), SYNC],
        [parse("select nothing"), SYNC],
        [bind(), SYNC],
        [parse("select 2"), SYNC],
        [query("select 3")],
        [bind(), execute(), SYNC],
    ],
    "a pipeline is one transaction": [
        [
            parse("create temp table piped (a int)"),
            bind(),
            execute(),
            parse("insert into piped values (1)"),
            bind(),
            execute(),
            parse("select 1/0"),
            bind(),
            execute(),
            SYNC,
        ],
        [query("select * from piped")],
    ],
    "DDL and its use in one pipeline": [
        [
            parse("create temp table piped2 (a int, b text)"),
            bind(),
            execute(),
            parse("insert into piped2 values (1, 'x'), (2, null)"),
            bind(),
            execute(),
            parse("select * from piped2"),
            bind(),
            describe("P"),
            execute(),
            SYNC,
        ],
        [query("drop table piped2")],
    ],
    "what does not exist": [
        [describe("S", "none"), SYNC],
        [describe("P", "none"), SYNC],
        [execute("none"), SYNC],
        [bind(statement="none"), SYNC],
        [close("S", "none"), close("P", "none"), SYNC],
    ],
    "a bind that does not fit": [
        [parse("select $1::int", "one"), bind(statement="one"), SYNC],
        [bind(b"x", statement="one"), execute(), SYNC],
        [bind(b"1", statement="one", wanted=[0, 0]), execute(), SYNC],
    ],
    "PREPARE, EXECUTE and DEALLOCATE": [
        [query("prepare e (int) as select id, email, plan from customers where id = $1")],
        [query("execute e (3)")],
        [bind(b"4", statement="e"), describe("P"), execute(), SYNC],
        [parse("execute e (5)"), bind(), describe("P"), execute(), SYNC],
        [parse("execute e (6)"), bind(wanted=[1]), execute(), SYNC],
        [query("explain (costs off) execute e (3)")],
        [query("deallocate e")],
        [query("execute e (3)")],
        [query("prepare a as select 1; prepare b as select 2; execute b; deallocate all; execute a")],
        [query("execute a")],
    ],
    "cursors": [
        [query("declare c cursor for select 1")],
        [query("begin; declare c scroll cursor for select id, email from customers order by id")],
        [query("fetch 2 from c")],
        [query("fetch backward 1 from c")],
        [query("move forward 3 in c")],
        [query("fetch absolute 10 in c; fetch next in c; fetch all in c; fetch 1 in c")],
        [parse("fetch first in c"), bind(), describe("P"), execute(), SYNC],
        [parse("fetch 2 in c"), bind(wanted=[1]), execute(), SYNC],
        [query("close c")],
        [query("fetch 1 in c")],
        [query("rollback")],
    ],
    "cursors that outlive their transaction": [
        [query("declare h cursor with hold for select id, email from customers order by id")],
        [query("fetch 2 in h")],
        [query("begin; fetch 1 in h; rollback")],
        [query("fetch 1 in h")],
        [query("close h")],
        [query("begin; declare g cursor with hold for select 1; rollback")],
        [query("fetch 1 in g")],
    ],
    "binary cursors": [
        [query("begin; declare b binary cursor for select id, email, birth_date from customers order by id")],
        [query("fetch 3 in b")],
        [parse("fetch 1 in b"), bind(), describe("P"), execute(), SYNC],
        [query("commit")],
    ],
    "COPY out": [
        [query("copy (select id, email, note from customers order by id limit 4) to stdout")],
        [query("copy (select id, email, note from customers order by id limit 4) to stdout (format csv, header)")],
        [query("copy (select id, email, note from customers order by id limit 4) to stdout (format binary)")],
        [query("copy staff (id, salary) to stdout (delimiter '|', null '-')")],
        [parse("copy (select 1, 'a') to stdout"), bind(), describe("P"), execute(), SYNC],
        [query("select 1; copy (select 2) to stdout; select 3")],
    ],
    "COPY in": [
        [query("begin; create temp table taken (a int, b text)")],
        [query("copy taken from stdin"), copy_data(b"1\tx\n2\t"), copy_data(b"\\N\n"), COPY_DONE],
        [query("copy taken from stdin (format csv)"), copy_data(b'3,"a,b"\n'), COPY_DONE],
        [parse("copy taken from stdin"), bind(), execute(), copy_data(b"4\tz\n"), COPY_DONE, SYNC],
        [query("select * from taken order by a")],
        [query("savepoint s")],
        [query("copy taken from stdin"), copy_data(b"5\tx\n"), copy_fail("changed my mind")],
        [query("rollback to s")],
        [query("copy taken from stdin"), copy_data(b"nonsense\n"), COPY_DONE],
        [query("rollback")],
        [COPY_DONE, copy_data(b"late"), query("select 'still here'")],
    ],
    "DISCARD ALL": [
        [query("prepare d as select 1; set work_mem = '3MB'; create temp table dd (a int)")],
        [parse("select 2", "kept"), SYNC],
        [query("discard all")],
        [query("execute d")],
        [bind(statement="kept"), SYNC],
        [query("select * from dd")],
    ],
    "settings that are reported": [
        [query("set application_name = 'by hand'; set timezone = 'Europe/Berlin'; show timezone")],
        [query("begin; set local datestyle = 'German'; select date '2026-02-03'")],
        [query("rollback; show datestyle")],
        [query("reset timezone; show timezone")],
    ],
    "search_path": [
        [query("begin; create schema other; create table other.items (id int, other_thing text); insert into other.items values (1, 'o')")],
        [query("select * from items order by id limit 1")],
        [query("set local search_path = other, public")],
        [query("select * from items")],
        [query("select pg_catalog.set_config('search_path', 'public', true)")],
        [query("select * from items order by id limit 1")],
        [parse("select pg_catalog.set_config('search_path', 'other, public', true)"), bind(), describe("P"), execute(), SYNC],
        [query("select * from items")],
        [query("select pg_catalog.set_config('search_path', 'public', true); select * from items order by id limit 1")],
        [query("select * from items order by id limit 1")],
        [query("set local search_path = other, public")],
        [parse("select * from items", "i"), describe("S", "i"), SYNC],
        [query("rollback")],
        [query("select * from items order by id limit 1")],
        [bind(statement="i"), SYNC],
    ],
    "DDL in a transaction": [
        [query("begin")],
        [query("create table brandnew (a int, b text); insert into brandnew values (1, 'x')")],
        [query("select * from brandnew")],
        [query("alter table brandnew rename b to c; alter table brandnew add d int default 5")],
        [query("select c, d from brandnew")],
        [query("alter table brandnew rename to renamed; select * from renamed")],
        [query("rollback")],
        [query("select * from brandnew")],
    ],
    "values of every sort": [
        [
            query(
                "select null, null::int[], array[1,null,3], array[[1,2],[3,4]], '{}'::text[], row(1,'a',null), 'x'::bytea, true,"
                " 1.5::numeric, 'NaN'::float8, '12:00'::time, interval '1 day', '{\"a\": [1]}'::jsonb, int4range(1, 5), point(1, 2),"
                " '10.0.0.1'::inet, 'a=>b'::text, 'happy ünïcode ☃'"
            )
        ],
        [parse("select array[1,null,3], '{}'::text[], '{\"a\": [1]}'::jsonb, 2::int8"), bind(wanted=[1]), execute(), SYNC],
    ],
    "notices": [[query("drop table if exists nowhere_at_all")], [query("select 1")]],
    "writes with RETURNING": [
        [query("begin")],
        [query("insert into items (id, name, price) values (900, 'n', 2) returning *")],
        [parse("update items set price = price + $1 where id = 900 returning id, price"), bind(b"1"), execute(), SYNC],
        [query("delete from items where id = 900")],
        [query("insert into items (id, name) values (1, 'twice')")],
        [query("rollback")],
    ],
    "MERGE": [
        [query("begin")],
        [query("merge into items i using (values (1, 9.5), (901, 1)) v(id, price) on i.id = v.id"
               " when matched then update set price = v.price when not matched then insert (id, name, price) values (v.id, 'm', v.price)"
               " returning merge_action(), i.id")],
        [query("rollback")],
    ],
    "flush in the middle": [[parse("select 1"), bind(), FLUSH, execute(), FLUSH, SYNC]],
    "EXPLAIN": [[query("explain (costs off) select * from items where id = 1")]],
    "LISTEN and NOTIFY": [[query("unlisten *")], [query("notify nobody_there, 'x'")]],
    "LOCK, VACUUM and the like": [[query("begin; lock table items in share mode; rollback")], [query("analyze items")]],
}  # fmt: skip


def _played(dsn: str, script: Sequence[Sequence[bytes]]) -> list[list[tuple[object, ...]]]:
    with Wire(dsn) as wire:
        return [_said(wire.ask(*frames)) for frames in script]


_LATER = 16_384
"""Objects from here on are a user's own: a table that a script makes has another number at every run."""


def _said(messages: Sequence[Message]) -> list[tuple[object, ...]]:
    """What a client can tell apart: of errors the code and text, of columns all but the number of a new table."""
    found: list[tuple[object, ...]] = []
    for message in messages:
        if message.kind in "EN":
            said = fields(message)
            found.append((message.kind, said["V"], said["C"], said["M"]))
        elif message.kind == "T":
            found.append(("T", *[column._replace(table=min(column.table, _LATER)) for column in columns(message)]))
        elif message.kind == "D":
            found.append(("D", *cells(message)))
        else:
            found.append(tuple(message))
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_one_who_may_do_everything_hears_the_server_byte_for_byte(gateway, name):
    through, beside = _played(gateway.dsn("olga", "incident"), SCRIPTS[name]), _played(gateway.beside(), SCRIPTS[name])
    for step, (heard, server) in enumerate(zip(through, beside, strict=True)):
        assert heard == server, (step, SCRIPTS[name][step])
