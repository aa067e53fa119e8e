"""Ways through the protocol itself: names that change their meaning, formats, portals, quotes, parameters."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from canaries import found
from playing import Stand, Tap, comparable, raw
from wire import FLUSH, SYNC, bind, close, describe, execute, frame, kinds, parse, query, rows

HIDDEN = "select ssn, salary, dob, email, tags, doc from people order by id"
PLAIN = "select name, id, id, name, name, name from people order by id"

SCRIPTS: dict[str, Sequence[Sequence[bytes]]] = {
    "an unnamed statement replaced after Bind": [
        [parse(PLAIN), bind(), parse(HIDDEN), execute(), SYNC],
        [parse(PLAIN), bind(portal="p"), parse(HIDDEN), bind(portal="q"), execute("q"), execute("p"), SYNC],
    ],
    "an unnamed statement replaced before Bind": [[parse(PLAIN), describe("S"), parse(HIDDEN), bind(), execute(), SYNC]],
    "a described statement closed and made anew under its name": [
        [parse(PLAIN, "s"), describe("S", "s"), SYNC],
        [close("S", "s"), parse(HIDDEN, "s"), bind(statement="s"), execute(), SYNC],
        [bind(statement="s", wanted=[1]), execute(), SYNC],
    ],
    "a protocol name taken over by PREPARE": [
        [parse(PLAIN, "s"), describe("S", "s"), SYNC],
        [query(f"deallocate s; prepare s as {HIDDEN}")],
        [bind(statement="s"), execute(), SYNC],
        [query("execute s")],
    ],
    "a name of PREPARE taken over by the protocol": [
        [query(f"prepare s as {PLAIN}")],
        [close("S", "s"), parse(HIDDEN, "s"), SYNC],
        [query("execute s")],
        [bind(statement="s"), describe("P"), execute(rows=1), execute(rows=1), SYNC],
    ],
    "a name freed by DISCARD ALL": [
        [parse(PLAIN, "s"), describe("S", "s"), SYNC],
        [query("discard all")],
        [parse(HIDDEN, "s"), bind(statement="s"), execute(), SYNC],
    ],
    "a name freed by DEALLOCATE ALL in a pipeline": [
        [parse(PLAIN, "s"), parse("deallocate all"), bind(), execute(), parse(HIDDEN, "s"), bind(statement="s"), execute(), SYNC],
    ],
    "a statement whose table changes under it": [
        [query("begin; create temp table people_now as select id, name from people"), parse("select * from people_now", "s"), SYNC],
        [query("drop table people_now; create temp table people_now as select id, ssn as name from people")],
        [bind(statement="s"), execute(), SYNC],
        [query("rollback")],
    ],
    "a statement read again under another search path": [
        [parse("select name from people", "s"), describe("S", "s"), SYNC],
        [query("set search_path = other"), bind(statement="s"), execute(), SYNC],
        [query("reset search_path")],
    ],
    "formats for each, for all, mixed and too few": [
        [parse(HIDDEN), bind(wanted=form), execute(), SYNC]
        for form in ([], [0], [1], [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [1, 1], [1] * 6, [2], [1] * 7)
    ],
    "a portal in slices": [
        [query("begin"), parse(HIDDEN), bind(portal="p"), execute("p", 1), SYNC],
        [execute("p", 1), SYNC],
        [query("fetch 1 from p")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "a portal read by FETCH in binary": [
        [query("begin"), parse(HIDDEN), bind(portal="p", wanted=[1]), SYNC],
        [query("fetch all from p"), query("move backward all in p"), query("rollback")],
    ],
    "a cursor of SQL executed as a portal": [
        [query(f"begin; declare c cursor for {HIDDEN}"), describe("P", "c"), execute("c", 1), SYNC],
        [execute("c"), SYNC, query("rollback")],
        [query(f"begin; declare c binary cursor for {HIDDEN}"), execute("c", 1), SYNC, query("fetch 1 from c"), query("rollback")],
    ],
    "a cursor that outlives a change of its name": [
        [query(f"declare h cursor with hold for {HIDDEN}")],
        [query("close h; declare h cursor with hold for select name from people"), query("fetch 1 from h")],
        [query(f"close h; declare h cursor with hold for {HIDDEN}"), query("fetch 1 from h"), query("close h")],
    ],
    "a column renamed in the same message": [
        [query("begin; alter table people rename column ssn to harmless; select harmless from people; rollback")],
        [query("rollback")],
    ],
    "a column renamed in the same pipeline": [
        [query("begin"), parse("alter table people rename column ssn to harmless"), bind(), execute(),
         parse("select harmless from people"), bind(), execute(), SYNC, query("rollback")],
    ],
    "a copy made and read in the same message": [
        [query("begin; create temp table c as select ssn as x from people; select x from c; rollback"), query("rollback")],
    ],
    "a search path set and used in the same message": [
        [query("set search_path = other; select name from people"), query("reset search_path")],
        [query("begin; set local search_path = other; table people; rollback"), query("rollback")],
    ],
    "parameters": [
        [parse("select id from people where ssn = $1"), bind(b"x"), execute(), SYNC],
        [parse("select $1 || ssn from people"), bind(b"x"), execute(), SYNC],
        [parse("select substr(ssn, $1, $2) from people"), bind(b"1", b"9"), execute(), SYNC],
        [parse("select set_config($1, ssn, false) from people"), bind(b"application_name"), execute(), SYNC],
        [parse("select current_setting($1)"), bind(b"primary_conninfo"), execute(), SYNC],
        [parse("select query_to_xml($1, true, true, '')"), bind(b"table people"), execute(), SYNC],
        [parse("select * from people where id = $1 limit $2"), bind(b"1", b"1"), execute(), SYNC],
    ],
    "a function called by number": [
        [frame(b"F", b"\0\0\x03\x73" + b"\0\0" + b"\0\1" + b"\0\0\0\x04" + b"\0\0\x10\x92" + b"\0\0")],
        [query("select 1")],
    ],
    "quotes and escapes": [
        [query("set standard_conforming_strings = off"), query(r"select '\', ', reverse(ssn) from people --'")],
        [query("set backslash_quote = on"), query(r"select '\', ', ssn from people --'")],
        [query("reset standard_conforming_strings"), query(r"select E'\', ', ssn from people --'")],
        [query("select U&'!0027' uescape '!', U&\"s!0073n\" uescape '!' from people")],
        [query('select U&"\\0073\\0073\\006E" from people')],
        [query("select 'a'\n'b', ssn from people"), query("select $a$ $b$ $a$, ssn from people")],
        [query("select ssn" + "/*" * 50 + "*/" * 50 + " from people"), query("select 1 /* ; select ssn from people")],
    ],
    "names that are cut, folded or look alike": [
        [query("select ssn as " + "x" * 80 + " from people"), query("select s." + "y" * 64 + " from (select ssn as " + "y" * 70 + " from people) s")],
        [query("select SSN, sSn from PeOpLe"), query('select "SSN" from people'), query("select \u017f\u017fn from people")],
        [query("select ssn as \"select\", ssn as \"a\"\"b\" from people"), query("select ｓｓｎ from people")],
    ],
    "bytes that are no text": [
        [frame(b"Q", b"select ssn from people\0 where false\0")],
        [frame(b"Q", b"select '\xff', ssn from people\0"), query("select 1")],
        [frame(b"Q", b"select '\xc0\xa7', ssn from people\0"), query("select 1")],
    ],
    "a padded statement": [[query("/*" + "x" * 300_000 + "*/ select ssn from people"), query(" " * 200_000 + "select ssn from people")]],
    "a statement in error that is executed all the same": [
        [parse("select nothing from people", "s"), parse(HIDDEN, "s"), bind(statement="s"), execute(), SYNC],
        [bind(statement="s"), execute(), SYNC, parse(HIDDEN, "s"), bind(statement="s"), execute(), SYNC],
    ],
    "a portal bound twice": [
        [query("begin"), parse(PLAIN, "s"), parse(HIDDEN, "h"), bind(portal="p", statement="s"), describe("P", "p"), SYNC],
        [close("P", "p"), bind(portal="p", statement="h", wanted=[1]), execute("p", 1), SYNC],
        [execute("p"), SYNC, query("rollback")],
    ],
    "a portal outlived by its statement": [
        [query("begin"), parse(HIDDEN, "s"), bind(portal="p", statement="s"), close("S", "s"), parse(PLAIN, "s"), SYNC],
        [describe("P", "p"), execute("p"), SYNC, query("rollback")],
    ],
    "a portal and a cursor of one name": [
        [query("begin"), parse(PLAIN), bind(portal="c"), SYNC],
        [query(f"close c; declare c cursor for {HIDDEN}"), execute("c"), SYNC, query("fetch all from c"), query("rollback")],
    ],
    "a portal across a change of role": [
        [query("begin"), parse(HIDDEN), bind(portal="p"), execute("p", 1), SYNC],
        [query("set local role owner_role"), execute("p", 1), SYNC, query("reset role"), execute("p"), SYNC, query("rollback")],
    ],
    "a holdable cursor across a change of role": [
        [query(f"declare h cursor with hold for {HIDDEN}"), query("set role owner_role"), query("fetch all from h")],
        [query("reset role"), query("fetch absolute 1 from h"), query("close all")],
    ],
    "a statement kept across DISCARD and a change of role": [
        [parse(HIDDEN, "s"), describe("S", "s"), SYNC, query("discard plans"), query("set role owner_role")],
        [bind(statement="s", wanted=[1]), execute(), SYNC, query("reset role"), bind(statement="s"), execute(), SYNC],
    ],
    "messages flushed one by one": [
        [parse(HIDDEN), FLUSH, describe("S"), FLUSH, bind(wanted=[0, 1, 0, 1, 0, 1]), FLUSH, execute(rows=1), FLUSH, execute(), SYNC],
    ],
    "an Execute of what was never bound": [[execute(), SYNC], [execute("p"), describe("P", "p"), SYNC, query("select 1")]],
    "a Bind with more values than it takes": [
        [parse("select ssn from people where id = $1"), bind(b"1", b"2"), execute(), SYNC],
        [parse("select ssn from people where id = $1"), bind(b"\0\0\0\1", given=[1], wanted=[1]), execute(), SYNC],
        [parse("select ssn from people where id = $1"), bind(None), execute(), SYNC],
        [parse("select $1 as x, ssn from people", types=[705]), bind(b"x"), execute(), SYNC],
    ],
    "names given by hidden values": [
        [query("select format('prepare %I as select 1', ssn) from people"), query("select ssn from people \\gexec")],
        [query("begin; create temp table x as select id from people; rollback")],
        [query("select ssn, * from ext.crosstab('select id, ssn, id from people') as t(a int, b int)")],
    ],
    "a portal whose names come to mean something else before it runs": [
        [query("begin")],
        [parse("copy people (name) to stdout"), bind(portal="p"), SYNC],
        [query("set search_path = other")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "the same in one pipeline": [
        [query("begin")],
        [parse("copy people (name) to stdout"), bind(portal="p"), parse("set search_path = other", "q"), bind(portal="r", statement="q"),
         execute("r"), execute("p"), SYNC, query("rollback")],
    ],
    "a portal over a table that a temporary one comes to hide": [
        [query("begin")],
        [parse("copy people (name) to stdout"), bind(portal="p"), SYNC],
        [query("create temp table people as select id, ssn as name from public.people")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "a portal over a column that is renamed": [
        [query("begin")],
        [parse("copy people (name) to stdout"), bind(portal="p"), SYNC],
        [query("alter table people rename column name to old"), query("alter table people rename column ssn to name")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "a portal that shows a setting into which code then puts a value": [
        [query("begin")],
        [parse("show application_name"), bind(portal="p"), SYNC],
        [query("insert into names_it values (1)")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "a portal of a statement of SQL": [
        [query("begin; prepare s as select upper(name) from people")],
        [parse("execute s"), bind(portal="p"), SYNC],
        [query("set search_path = other")],
        [execute("p"), SYNC, query("rollback")],
    ],
    "several statements in one message of the extended protocol": [
        [parse("select 1; select ssn from people"), bind(), execute(), SYNC],
        [parse("begin; select ssn from people; commit"), SYNC, query("rollback")],
    ],
    "a COPY by the extended protocol": [
        [parse("copy people to stdout"), bind(wanted=[1]), execute(), SYNC],
        [parse("copy (select ssn, people from people) to stdout (format csv)", "k"), SYNC],
        [bind(statement="k"), execute(rows=1), SYNC, bind(statement="k"), execute(), SYNC],
    ],
    "DML answers": [
        [query("begin"), parse("update people set name = name returning *"), bind(wanted=[1]), execute(), SYNC],
        [parse("insert into people (id, ssn) select id + 60, ssn from people returning ssn, people"), bind(), execute(), SYNC, query("rollback")],
    ],
}  # fmt: skip


def _played(dsn: str, script: Sequence[Sequence[bytes]]) -> Tap:
    with Tap(dsn) as tap:
        for frames in script:
            if not tap.ended():
                tap.converse(*frames)
    return tap


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_hidden_comes_by_the_protocol(stand: Stand, name: str) -> None:
    heard = _played(stand.through("shop"), SCRIPTS[name]).heard
    assert heard
    assert not found(raw(heard))
    assert comparable(heard) == comparable(_played(stand.through("twin"), SCRIPTS[name]).heard)
    assert not found(raw(_played(stand.through("shown"), SCRIPTS[name]).heard))


def test_past_the_gateway_most_of_these_tell(stand: Stand) -> None:
    telling = [name for name, script in SCRIPTS.items() if found(raw(_played(stand.past("shop"), script).heard))]
    assert len(telling) > 0.8 * len(SCRIPTS)


@pytest.mark.parametrize("wanted", [[], [1]])
def test_a_parameter_of_a_type_that_runs_code_tells_nothing(stand: Stand, wanted: list[int]) -> None:
    with Tap(stand.past("shop")) as past:
        (row,) = rows(past.simply("select 'telling'::regtype::oid"))
        telling = int(row[0] or b"")
        frames = (
            parse("select $1 is null", "s", types=[telling]),
            bind(b"x", statement="s", wanted=wanted),
            execute(),
            SYNC,
        )
        assert found(raw(past.converse(*frames)))
    with Tap(stand.through("shop")) as tap:
        tap.converse(*frames)
        tap.converse(bind(b"x", statement="s"), execute(), SYNC)
        assert not found(raw(tap.heard))
        assert kinds(tap.simply("select 1")) == "TDCZ"


@pytest.mark.parametrize("user", ["app", "trusted"])
def test_what_another_session_says_is_heard_only_by_who_may_see_everything(stand: Stand, user: str) -> None:
    with Tap(stand.through("shop", user)) as tap, Tap(stand.past("shop")) as past:
        tap.simply("listen c")
        past.simply("select pg_notify('c', ssn) from people where id = 1")
        heard = tap.simply("select 1")
        (said,) = [message for message in heard if message.kind == "A"]
        assert said.body[4:].startswith(b"c\0")
        assert bool(found(raw(heard))) is (user == "trusted")
