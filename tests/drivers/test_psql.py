"""psql through the gateway: what people type, and what its backslash commands ask of the catalog."""

from __future__ import annotations

import os
import subprocess

import pytest

from sluice.testing.postgres import EMBEDDED

COMMANDS = [
    r"\d", r"\dt", r"\dt+", r"\d customers", r"\d+ orders", r"\d items", r"\dv", r"\di", r"\ds", r"\dn", r"\df", r"\dT", r"\du", r"\l",
    r"\dp", r"\z items", r"\d plans", r"\d+ plans", r"\sv plans", r"\conninfo", r"\encoding", r"\dx", r"\dx+", r"\db", r"\dC", r"\do", r"\dD", r"\dF",
    r"\dconfig work_mem",
]  # fmt: skip


def _psql(dsn: str, *commands: str, check: bool = True, quiet: str = "-qAtX", typed: str | None = None) -> str:
    asked = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(
        [EMBEDDED / "psql", quiet, "-d", dsn, *asked],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PAGER": "cat", "LC_ALL": "C.UTF-8"},
        input=typed,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_backslash_command_shows_what_it_shows_at_the_server(gateway, command):
    through = _psql(gateway.dsn("dana", "analytics"), command, quiet="-X")
    if command == r"\conninfo":
        assert "dana" in through
        return
    assert through == _psql(gateway.beside(), command, quiet="-X")


def test_of_settings_that_nobody_named_the_names_are_shown(gateway):
    shown = _psql(gateway.dsn("dana", "analytics"), r"\dconfig *")
    names = [line.partition("|")[0] for line in _psql(gateway.beside(), r"\dconfig *").splitlines()]
    assert [line.partition("|")[0] for line in shown.splitlines()] == names
    assert {line.partition("|")[2] for line in shown.splitlines()} == {""}


def test_select_is_masked_and_gdesc_describes(gateway):
    dsn = gateway.dsn("dana", "analytics")
    assert _psql(dsn, "select id, email, ssn from customers where id = 1") == "1|p***@example.com|*******1001\n"
    assert _psql(dsn, typed=r"select id, email, birth_date from customers \gdesc") == (
        "id|integer\nemail|character varying(60)\nbirth_date|date\n"
    )


def test_several_statements_and_a_file_of_them(gateway):
    assert (
        _psql(gateway.dsn("app"), "select 1; select 2; select ssn from customers where id = 1") == "1\n2\n*******1001\n"
    )


def test_copy_out_and_in_by_backslash_copy(gateway, tmp_path):
    file = tmp_path / "out.csv"
    dsn = gateway.dsn("app")
    _psql(dsn, rf"\copy (select id, plan, ssn from customers where id < 3 order by id) to '{file}' with csv header")
    assert file.read_text() == 'id,plan,ssn\n1,team,"*******1001"\n2,business,"*******1002"\n'
    file.write_text("1,a\n2,\n")
    said = _psql(
        dsn, "create temp table t (a int, b text)", rf"\copy t from '{file}' with csv", "select count(b) from t"
    )
    assert said == "1\n"


def test_errors_are_shown_whole(gateway):
    said = _psql(gateway.dsn("dana", "analytics"), "delete from items where id = 1", check=False)
    assert "ERROR:" in said
    assert "items" in said
    assert "HINT:" in said
    said = _psql(gateway.dsn("dana", "analytics"), "selct 1", check=False)
    assert 'ERROR:  syntax error at or near "selct"' in said


def test_variables_and_prepared_statements_of_psql(gateway):
    dsn = gateway.dsn("dana", "analytics")
    assert _psql(dsn, typed=r"select $1::int + 1 \bind 4 \g") == "5\n"
    assert _psql(dsn, typed=r"select email from customers where id = $1 \bind 1 \g") == "p***@example.com\n"
    assert _psql(dsn, typed="select email from customers where id = 1 \\gset\n\\echo :email\n") == "p***@example.com\n"


def test_a_wrong_password_and_an_unknown_database_are_said_clearly(gateway):
    wrong = gateway.gateway.dsn("dana", "not it", "shop")
    assert "authentication failed" in _psql(wrong, "select 1", check=False)
    assert "not permitted" in _psql(gateway.dsn("nobody"), "select 1", check=False)
