"""What a session keeps track of while it lives: labels that follow data and names, changes made elsewhere, duties, encodings."""

from __future__ import annotations

import psycopg
import pytest
from wire import SYNC, Wire, bind, error, execute, kinds, parse, query, rows, status

from sluice.testing.gateway import RunningGateway

MASKED = [[b"*******1001", b"p***@example.com"]]


def test_labels_follow_a_copy_and_every_new_name_of_it(gateway):
    with gateway.connect("app") as app:
        app.execute("create table copied as select id, ssn, email as mail from customers")
        wanted = [("*******1001",)]
        assert app.execute("select ssn from copied where id = 1").fetchall() == wanted
        app.execute("alter table copied rename ssn to plain")
        assert app.execute("select plain from copied where id = 1").fetchall() == wanted
        app.execute("alter table copied rename to moved")
        app.execute("create view seen as select plain as p, id from moved")
        assert app.execute("select p from seen where id = 1").fetchall() == wanted
        app.execute("create temp table kept as select * from seen")
        assert app.execute("select p from kept where id = 1").fetchall() == wanted
        app.execute("drop view seen")
        app.execute("drop table moved")


def test_labels_follow_a_copy_inside_its_transaction_and_leave_with_it(gateway):
    with Wire(gateway.dsn("app")) as app:
        app.ask(query("begin"))
        app.ask(query("create table fresh as select ssn as a, email as b from customers where id = 1"))
        assert rows(app.ask(query("select * from fresh"))) == MASKED
        app.ask(query("alter table fresh rename a to c"))
        assert rows(app.ask(query("select c, b from fresh"))) == MASKED
        app.ask(query("rollback"))
        assert error(app.ask(query("select * from fresh")))["C"] == "42P01"


def test_a_column_written_with_labelled_values_takes_on_their_labels(gateway):
    with gateway.connect("app") as app:
        app.execute("create temp table notes (id int, words text)")
        app.execute("insert into notes values (1, 'clear')")
        assert app.execute("select words from notes").fetchall() == [("clear",)]
        app.execute("insert into notes select id, ssn from customers where id = 1")
        assert ("clear",) not in app.execute("select words from notes").fetchall()
        assert all("900" not in str(row) for row in app.execute("select words from notes").fetchall())


def test_one_who_may_not_launder_may_not_copy(gateway):
    with gateway.connect("sam", "ticket") as sam, pytest.raises(psycopg.errors.InsufficientPrivilege):
        sam.execute("create temp table stolen as select ssn from customers")


def test_a_temporary_table_hides_the_real_one_and_gives_way_again(gateway):
    with gateway.connect("app") as app:
        wanted = [("*******1001",)]
        assert app.execute("select ssn from customers where id = 1").fetchall() == wanted
        app.execute("create temp table customers (id int, ssn text)")
        app.execute("insert into customers values (1, 'nobody')")
        assert app.execute("select ssn from customers where id = 1").fetchall() == [("nobody",)]
        assert app.execute("select ssn from public.customers where id = 1").fetchall() == wanted
        app.execute("drop table pg_temp.customers")
        assert app.execute("select ssn from customers where id = 1").fetchall() == wanted


def test_a_change_made_elsewhere_is_noticed(gateway):
    with gateway.connect("dana", "analytics") as dana, psycopg.connect(gateway.direct(), autocommit=True) as beside:
        beside.execute("create table outside (id int, email text); insert into outside values (1, 'x@example.com')")
        beside.execute("grant select on outside to shop_gateway")
        assert dana.execute("select id from outside").fetchall() == [(1,)]
        beside.execute("alter table outside add more text default 'm'")
        heard: list[object] = []

        def noticed() -> bool:
            try:
                heard.append(dana.execute("select more from outside").fetchone())
            except psycopg.errors.UndefinedColumn:
                return False
            return True

        gateway.gateway.until(noticed, "the new column")
        assert heard == [("m",)]
        beside.execute("drop table outside")
        with pytest.raises(psycopg.errors.UndefinedTable):
            dana.execute("select id from outside")


def test_a_labelled_column_renamed_elsewhere_is_never_in_clear(gateway):
    with gateway.connect("dana", "analytics") as dana, psycopg.connect(gateway.direct(), autocommit=True) as beside:
        beside.execute("alter table customers rename ssn to number_of_sorts")
        try:
            with Wire(gateway.dsn("dana", "analytics")) as wire:
                said = wire.ask(query("select * from customers where id = 1"))
            assert "900-10-1001" not in repr(said)
            gateway.gateway.until(
                lambda: dana.execute("select * from customers where id = 1").description[5].name == "number_of_sorts",
                "the new name",
            )
            assert dana.execute("select * from customers where id = 1").fetchone()[5] == "*******1001"
        finally:
            beside.execute("alter table customers rename number_of_sorts to ssn")
        gateway.gateway.until(
            lambda: dana.execute("select * from customers where id = 1").description[5].name == "ssn", "the old name"
        )
        assert dana.execute("select ssn from customers where id = 1").fetchone() == ("*******1001",)


def test_a_row_limit_cuts_and_says_so(gateway):
    said = []
    with gateway.connect("sam", "ticket") as sam:
        sam.add_notice_handler(lambda notice: said.append(notice.message_primary))
        found = sam.execute("select c.email from customers c cross join generate_series(1, 10) n").fetchall()
        assert len(found) == 1000
        assert said == ["the result was cut after 1000 rows"]
        assert sam.execute("select 1").fetchone() == (1,)


def test_a_row_limit_counts_a_portal_read_in_slices(gateway):
    with Wire(gateway.dsn("sam", "ticket")) as sam:
        sam.ask(query("begin"))
        text = "select c.email from customers c cross join generate_series(1, 10) n"
        said = sam.ask(parse(text), bind(portal="p"), execute("p", 700), SYNC)
        assert len(rows(said)) == 700


def test_masks_are_valid_in_latin1(gateway):
    with gateway.connect("dana", "analytics", client_encoding="LATIN1") as dana:
        row = dana.execute("select full_name, email, ssn, 'é' from customers where id = 1").fetchone()
        assert row == ("Zntokc 9", "p***@example.com", "*******1001", "é") or row[1:] == (
            "p***@example.com",
            "*******1001",
            "é",
        )
        assert dana.info.parameter_status("client_encoding") == "LATIN1"


def test_masks_in_an_encoding_that_hides_bytes_are_refused(gateway):
    with gateway.connect("dana", "analytics") as dana:
        dana.execute("set client_encoding to 'SJIS'")
        assert dana.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="SJIS"):
            dana.execute("select ssn from customers")
        dana.execute("set client_encoding to 'UTF8'")
        assert dana.execute("select ssn from customers where id = 1").fetchone() == ("*******1001",)


def test_a_text_is_read_by_the_settings_of_its_own_moment_even_in_a_pipeline(gateway):
    # With the setting on these are two strings and a comment, with it off a string and a column.
    hidden = r"select '\', ', reverse(ssn) from customers where id = 1 --'"
    with Wire(gateway.dsn("dana", "analytics")) as dana:
        said = dana.ask(query("set standard_conforming_strings = off"), query(hidden))
        assert "1001-01-009" not in repr(said)
        assert kinds(said) == "CSZEZ"
        dana.ask(query("set standard_conforming_strings = on"))
        said = dana.ask(
            parse("set standard_conforming_strings = off"), bind(), execute(), parse(hidden), bind(), execute(), SYNC
        )
        assert "1001-01-009" not in repr(said)
        assert kinds(said) == "12CEZ"


def test_a_long_pipeline_neither_stalls_nor_stops_the_client(gateway):
    with Wire(gateway.dsn("dana", "analytics")) as dana:
        for _ in range(3):
            said = dana.ask(*[query(f"select {number}, ssn from customers where id = 1") for number in range(300)])
            assert rows(said) == [[b"%d" % number, b"*******1001"] for number in range(300)]
            assert status(said) == "I" * 300


def test_read_only_stays_in_force_when_the_session_resets_it(gateway):
    with gateway.connect("app") as app:
        app.execute("set default_transaction_read_only = on")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            app.execute("update items set price = 1 where id = 1")
        app.execute("discard all")
        app.execute("update items set price = 1 where id = 1")


ONLY_READS = """
@id("connects") permit (principal, action == Action::"connect", resource);
@id("reads") @read_only permit (principal, action in Action::"read", resource);
"""
NOT_FOR_LONG = """
@id("connects") permit (principal, action == Action::"connect", resource);
@id("reads") @statement_timeout("300ms") permit (principal, action in Action::"read", resource);
"""


@pytest.fixture
def under(gateway, tmp_path):
    """Another gateway before the same database, under these policies alone."""
    running: list[RunningGateway] = []

    def start(policies: str) -> psycopg.Connection:
        labels = (gateway.gateway.folder / "labels.yaml").read_text()
        files = {"policies/only.cedar": policies, "labels.yaml": labels}
        config = gateway.gateway.config.read_text().split("\n", 2)[2]
        running.append(RunningGateway(tmp_path, config, files=files))
        running[0].start()
        return psycopg.connect(running[0].dsn("sam", gateway.password, "shop"), autocommit=True)

    yield start
    for one in running:
        one.stop()


def test_a_read_only_duty_survives_a_session_that_undoes_it(under):
    shown = "select current_setting('transaction_read_only'), count(*) > 0 from items"
    with under(ONLY_READS) as sam:
        assert sam.execute(shown).fetchone() == ("on", True)
        for undoing in ("set default_transaction_read_only = off", "discard all", "reset all", "select 1"):
            sam.execute(undoing)
            assert sam.execute(shown).fetchone() == ("on", True), undoing
        sam.execute("begin read write")
        assert sam.execute(shown).fetchone() == ("on", True)
        sam.execute("rollback")
        sam.execute("begin")
        sam.execute("set transaction_read_only = off")
        assert sam.execute(shown).fetchone() == ("on", True)
        sam.execute("rollback")
        assert sam.execute(shown).fetchone() == ("on", True)


def test_a_statement_that_takes_longer_than_policy_allows_is_cancelled(under):
    with under(NOT_FOR_LONG) as sam:
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            sam.execute("select count(*) from generate_series(1, 100000000000) n")
        assert "reads" in caught.value.diag.message_detail
        assert sam.execute("select 1").fetchone() == (1,)
