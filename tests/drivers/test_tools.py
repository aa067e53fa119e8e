"""What graphical tools, ORMs and dashboards ask of the catalogs, in the form they ask it: the answers are the server's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

ASKED = [
    "\n".join(line for line in text.splitlines() if not line.startswith("-- "))
    for text in (Path(__file__).parent / "tools.sql").read_text().split("\n;;\n")
]
HIDDEN = {"prosrc", "prosqlbody", "source"}
"""Texts of functions, which may hold secrets: NULL for whoever may not see them."""


@pytest.fixture(scope="module")
def beside(gateway) -> Iterator[psycopg.Connection]:
    with psycopg.connect(gateway.beside(), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module", params=["dana", "dora"])
def through(gateway, request) -> Iterator[psycopg.Connection]:
    with gateway.connect(request.param) as connection:
        yield connection


@pytest.mark.parametrize("text", ASKED, ids=range(len(ASKED)))
def test_a_tool_is_answered_as_the_server_answers(
    through: psycopg.Connection, beside: psycopg.Connection, text: str
) -> None:
    expected, found = beside.pgconn.exec_params(text.encode(), []), through.pgconn.exec_params(text.encode(), [])
    assert expected.status == psycopg.pq.ExecStatus.TUPLES_OK, expected.error_message.decode()
    assert found.status == psycopg.pq.ExecStatus.TUPLES_OK, found.error_message.decode()
    assert found.ntuples == expected.ntuples
    for column in range(expected.nfields):
        values = [found.get_value(row, column) for row in range(found.ntuples)]
        assert found.fname(column) == expected.fname(column)
        if (expected.fname(column) or b"").decode() in HIDDEN:
            assert set(values) == {None}
        else:
            assert values == [expected.get_value(row, column) for row in range(found.ntuples)], expected.fname(column)
