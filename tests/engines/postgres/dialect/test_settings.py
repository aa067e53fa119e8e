"""Which calls of `current_setting` and `set_config` do no more than a harmless SHOW or SET."""

from __future__ import annotations

from typing import Any

import pgparse
import pytest

from sluice.engines.postgres.dialect.settings import harmless_setting


def _call(text: str) -> tuple[str, list[dict[str, Any]]]:
    call = pgparse.parse(f"select {text}")[0]["stmt"]["SelectStmt"]["targetList"][0]["ResTarget"]["val"]["FuncCall"]
    return call["funcname"][-1]["String"]["sval"], call.get("args", [])


@pytest.mark.parametrize(
    "text",
    [
        "current_setting('TimeZone')", "current_setting('work_mem', true)", "set_config('application_name', 'x', false)",
        "set_config('DateStyle', $1, true)",
    ],
)  # fmt: skip
def test_reading_a_setting_and_setting_a_harmless_one_is_harmless(text: str) -> None:
    assert harmless_setting(*_call(text))


@pytest.mark.parametrize(
    "text",
    [
        "current_setting('sluice.secret')", "current_setting(name)", "current_setting($1)", "current_setting(null)", "current_setting()",
        "current_setting('primary_conninfo')", "current_setting('Archive_Command', true)",
        "set_config('search_path', 'x', false)", "set_config('SEARCH_PATH', 'x', false)", "set_config('row_security', 'off', false)",
        "set_config('standard_conforming_strings', 'off', false)", "set_config('client_encoding', 'SJIS', false)",
        "set_config('role', 'postgres', false)", "set_config('session_authorization', 'postgres', false)",
        "set_config('custom.var', 'x', false)", "set_config($1, 'x', false)", "set_config('application_name', ssn, false)",
        "set_config('application_name', 'a' || ssn, false)", "set_config('application_name', 'x', flag)",
        "set_config('default_transaction_read_only', 'off', false)", "pg_sleep(1)", "set_config('nobody_knows_this', 'x', false)",
    ],
)  # fmt: skip
def test_whatever_else_it_is_is_not(text: str) -> None:
    assert not harmless_setting(*_call(text))
