"""Labelled values that are written elsewhere, and what the server's own words could tell of them, through the real gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from wire import SYNC as THEN_SYNC
from wire import Wire, bind, error, execute, fields, parse, query

from sluice.testing.gateway import RunningGateway

VALUE = re.compile(r"900|-009|(?<!\*{7})1001")
"""Any piece of customer 1's number, forwards or backwards, but for its last four digits behind the mask of the column itself."""

FORMS = {
    "insert from a select": "insert into taker (id, v) select id, ssn from customers where id = 1",
    "insert of a subquery": "insert into taker values (1, (select ssn from customers where id = 1))",
    "insert, computed": "insert into taker (id, v) select id, reverse(ssn) from customers where id = 1",
    "insert of an element": "insert into taker (id, list[1], list[2]) select id, ssn, 'x' from customers where id = 1",
    "update from a join": "update taker set v = c.ssn from customers c where c.id = 7 and taker.id = 7",
    "update by a subquery": "update taker set v = (select ssn from customers where id = 1) where id = 7",
    "update of an element": "update taker set list[2] = (select ssn from customers where id = 1) where id = 7",
    "update of several columns": "update taker set (v, list) = (select ssn, tags from customers where id = 1) where id = 7",
    "merge": "merge into taker t using customers c on t.id = c.id when matched then update set v = c.ssn",
    "merge that inserts": "merge into taker t using customers c on t.id = c.id and c.id = 1"
    " when not matched then insert (id, v) values (c.id + 1000, c.ssn)",
    "on conflict": "insert into taker (id, v) select id, ssn from customers where id = 7"
    " on conflict (id) do update set v = excluded.v",
    "on conflict by a subquery": "insert into taker (id) values (7)"
    " on conflict (id) do update set v = (select ssn from customers where id = 1)",
    "a write inside WITH": "with w as (insert into taker (id, v) select id, ssn from customers where id = 1 returning v)"
    " select count(*) from w",
    "a prepared write": "prepare writing as insert into taker (id, v) select id, ssn from customers where id = 1;"
    "execute writing; deallocate writing",
    "a table of a query": "drop table taker; create table taker as select id, ssn as v, tags as list from customers",
    "a table of a prepared statement": "drop table taker; prepare making as select id, ssn as v, tags as list"
    " from customers; create table taker as execute making; deallocate making",
    "select into": "drop table taker; select id, ssn as v, tags as list into taker from customers",
    "a materialized view": "drop table taker; create materialized view taker as select id, ssn as v, tags as list"
    " from customers",
    "a union": "insert into taker (id, v) select 1, 'x' union all select 2, ssn from customers where id = 1",
    "a filter that tells": "insert into taker (id, v) select id, case when ssn like '900%' then 'y' else 'n' end"
    " from customers where id = 1",
}
"""Ways to write the value into a table without labels. Their tables come with a row of id 7."""

REFUSED = frozenset(
    {"insert of an element", "update of an element", "update of several columns", "a filter that tells"}
)
"""Those whose success tells something of the value: they take the right to filter by it."""


@pytest.fixture
def app(gateway) -> Iterator[psycopg.Connection]:
    """A service that may write anything and see nothing labelled, and an empty table to write into."""
    with gateway.connect("app") as app:
        app.execute("create table taker (id int primary key, v text, list text[])")
        app.execute("insert into taker values (7, 'plain', '{a}')")
        yield app
    with psycopg.connect(gateway.beside(), autocommit=True) as beside:
        beside.execute(
            "do 'begin drop table if exists taker; exception when wrong_object_type then drop materialized view taker; end'"
        )


def _run(connection: psycopg.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        connection.execute(statement)


def _everything(connection: psycopg.Connection, table: str = "taker") -> str:
    return str(connection.execute(f"select v, list from {table}").fetchall())


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_hidden_where_it_was_written_to(app, form):
    assert "plain" in _everything(app)
    if form in REFUSED:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _run(app, FORMS[form])
    else:
        _run(app, FORMS[form])
    assert not VALUE.search(_everything(app))
    assert not re.search(r"'[yn]'", _everything(app))


@pytest.mark.parametrize("form", [form for form in FORMS if "drop table" not in FORMS[form] and form not in REFUSED])
def test_a_write_that_is_rolled_back_leaves_no_label(app, form):
    app.execute("begin")
    _run(app, FORMS[form])
    assert not VALUE.search(_everything(app))
    app.execute("rollback")
    assert "plain" in _everything(app)


def test_a_table_that_is_rolled_back_takes_its_labels_with_it(app):
    app.execute("begin")
    app.execute("create table brief as select ssn as v, tags as list from customers")
    assert not VALUE.search(_everything(app, "brief"))
    app.execute("rollback")
    app.execute("create table brief as select plan as v, tags as list from customers where id = 1")
    assert "team" in _everything(app, "brief")
    app.execute("drop table brief")


def test_the_label_stays_with_the_column_when_names_change(app):
    app.execute("begin")
    app.execute("alter table taker rename v to w")
    app.execute("insert into taker (id, w) select id, ssn from customers where id = 1")
    app.execute("alter table taker rename w to v")
    app.execute("commit")
    assert not VALUE.search(_everything(app))
    app.execute("alter table taker rename to elsewhere")
    assert not VALUE.search(_everything(app, "elsewhere"))
    app.execute("create table taker (id int, v text, list text[])")
    app.execute("insert into taker values (1, 'plain', null)")
    assert "plain" in _everything(app)
    app.execute("drop table elsewhere")


REWORKED = ("reverse(ssn)", "'xxxxxxxxxxxx' || substr(ssn, 1, 4)", "substr(ssn, 5) || substr(ssn, 1, 4)", "lower(ssn)")


@pytest.mark.parametrize("expression", REWORKED)
def test_a_part_of_a_computed_value_is_not_shown_wherever_it_is_kept(gateway, app, expression):
    app.execute(f"insert into taker (id, v) select id, {expression} from customers where id = 1")
    assert app.execute("select v from taker where id = 1").fetchone() == (None,)
    app.execute("begin")
    app.execute(f"update customers set ssn = {expression} where id = 1")
    assert app.execute("select ssn from customers where id = 1").fetchone() == (None,)
    app.execute("rollback")
    assert app.execute("select ssn from customers where id = 1").fetchone() == ("*******1001",)


def test_nothing_is_generated_from_what_one_may_not_compute_by(gateway, app):
    app.execute("create table mirrored (id int, ssn text, other text generated always as (reverse(ssn)) stored)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="computing"):
        app.execute("insert into mirrored select id, ssn from customers where id = 1")
    app.execute("drop table mirrored")


@pytest.mark.parametrize(
    "sneaking",
    [
        "alter table customers add column twin text generated always as (ssn) stored",
        "alter table customers alter column plan type text using ssn",
    ],
)
def test_a_table_rewritten_by_an_expression_takes_the_right_to_run_anything(app, sneaking):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(sneaking)


NO_LAUNDERING = """
@id("connects") permit (principal, action == Action::"connect", resource);
@id("works") permit (principal, action in [Action::"read", Action::"write", Action::"define", Action::"destroy"], resource);
@id("finds") permit (principal, action in Action::"use", resource);
"""


@pytest.fixture(scope="module")
def strict(gateway, tmp_path_factory) -> Iterator[RunningGateway]:
    """A gateway before the same database where nobody may launder."""
    labels = (gateway.gateway.folder / "labels.yaml").read_text()
    config = gateway.gateway.config.read_text().split("\n", 2)[2]
    files = {"policies/only.cedar": NO_LAUNDERING, "labels.yaml": labels}
    with RunningGateway(tmp_path_factory.mktemp("strict"), config, files=files) as running:
        yield running


@pytest.mark.parametrize("form", FORMS)
def test_without_the_right_to_launder_every_way_is_refused(gateway, app, strict, form):
    first, _, last = FORMS[form].rpartition("; create") if "; create" in FORMS[form] else ("", "", FORMS[form])
    dsn = strict.dsn("app", gateway.password, "shop")
    with psycopg.connect(dsn, autocommit=True) as held, pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        for statement in FORMS[form].replace("drop table taker;", "drop table if exists taker;").split(";"):
            held.execute(statement)
    assert "launder" in str(caught.value) or "label" in str(caught.value), (first, last)


QUOTING = {
    "a cast": "select ssn::int from customers where id = 1",
    "a cast in a condition": "select 1 from customers where id = 1 and ssn::int > 0",
    "a date": "select to_date(ssn, 'YYYY') + ssn::date from customers where id = 1",
    "a key that is there": "insert into taker select 7, ssn from customers where id = 1",
    "a column of another type": "insert into taker (id) select ssn::int from customers where id = 1",
    "json": "select ('[' || ssn || 'x')::json from customers where id = 1",
    "an index": "create index on customers ((ssn::int))",
    "a check": "alter table customers add check (ssn::int > 0)",
    "a unique index": "create table twins as select ssn from customers where id = 1 union all select ssn from customers"
    " where id = 1; create unique index on twins (ssn)",
    "a foreign key": "create table twins as select ssn from customers where id = 1; create table keys (k text primary key);"
    "alter table twins add foreign key (ssn) references keys (k)",
}
"""Statements that fail with a value in the server's own words. What the app may not even ask is refused in other words."""


@pytest.mark.parametrize("how", QUOTING)
def test_an_error_that_quotes_a_value_is_withheld(app, how):
    try:
        with pytest.raises(psycopg.Error) as caught:
            _run(app, QUOTING[how])
        said = " ".join(str(part) for part in (caught.value, *(getattr(caught.value.diag, name) for name in _PARTS)))
        assert not VALUE.search(said), said
    finally:
        app.execute("drop table if exists twins, keys")


_PARTS = ("message_primary", "message_detail", "message_hint", "context", "internal_query")

LATE = "create table taker_late (v text, constraint late unique (v) deferrable initially deferred)"


@pytest.fixture
def late(gateway, app) -> Iterator[None]:
    """A table whose constraint is looked at when the transaction ends."""
    app.execute(LATE)
    yield
    with psycopg.connect(gateway.beside(), autocommit=True) as beside:
        beside.execute("drop table if exists taker_late")


TWICE = "insert into taker_late select ssn from customers where id = 1 union all select ssn from customers where id = 1"


def test_a_constraint_put_off_to_the_end_tells_nothing(gateway, app, late):
    ends: dict[str, list[tuple[bytes, ...]]] = {
        "a statement by itself": [(query(TWICE),)],
        "the end of a pipeline": [(parse(TWICE), bind(), execute(), THEN_SYNC)],
        "commit": [(query("begin"),), (query(TWICE),), (query("commit"),)],
        "commit in a pipeline": [(query("begin"),), (query(TWICE),), (parse("commit"), bind(), execute(), THEN_SYNC)],
        "looking at once": [
            (query("begin"),),
            (query(TWICE),),
            (query("set constraints all immediate"),),
            (query("rollback"),),
        ],
    }
    for where, steps in ends.items():
        for _ in range(4):
            # Several times: what went once is recognised and takes a shorter way.
            with Wire(gateway.dsn("app")) as wire:
                heard = [message for step in steps for message in wire.ask(*step)]
            assert "23505" in str([fields(message) for message in heard if message.kind == "E"]), where
            assert not VALUE.search(b"".join(message.body for message in heard).decode()), where


def test_errors_of_statements_without_labelled_values_keep_their_words(gateway, app):
    with Wire(gateway.dsn("app")) as wire:
        assert "1/0" not in str(error(wire.ask(query("select 1/0"))))
        assert error(wire.ask(query("select 1/0")))["M"] == "division by zero"
        assert error(wire.ask(query("select 'x'::int")))["M"] == 'invalid input syntax for type integer: "x"'
