"""What a text may have before it is parsed: limits that no quoting gets around."""

from __future__ import annotations

import pytest

from sluice.engines.postgres.dialect.limits import CHAINED, COMMENTS, DEEPEST, LONGEST, excess


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1",
        "select " + "(" * DEEPEST + "1" + ")" * DEEPEST,
        "select '" + "(" * 2 * DEEPEST + "'",
        "select " + "1+" * CHAINED + "1",
        "insert into t values " + ", ".join(["(-1, 'a-b')"] * CHAINED),
        "select '" + "+" * 2 * CHAINED + "'",
        "/*" * COMMENTS + "*/" * COMMENTS + " select 1" + " " * CHAINED,
    ],
    ids=range(8),
)
def test_a_text_within_the_limits_is_parsed(text: str) -> None:
    assert excess(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\0not utf-8", "22021"),
        ("\0too long", "54000"),
        ("select '\0'", "22021"),
        ("x" * (LONGEST + 1), "54000"),
        ("(" * (DEEPEST + 1), "54001"),
        ("select " + "1+" * (CHAINED + 1) + "1", "54001"),
        ("select " + "not " * (CHAINED + 1) + "true", "54001"),
        ("/*" * (COMMENTS + 1) + " " * CHAINED, "54001"),
    ],
    ids=range(8),
)
def test_a_text_beyond_them_is_not(text: str, code: str) -> None:
    found = excess(text)
    assert found is not None
    assert found[1] == code


DEEP = "(" * 2 * DEEPEST + "1" + ")" * 2 * DEEPEST
LONG = "1" + "+1" * 2 * CHAINED


@pytest.mark.parametrize("hostile", [DEEP, LONG], ids=["deep", "long"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("select $$'$$, ", ", $$'$$"),
        ("select $a$'$a$, ", ", $a$'$a$"),
        ("select -- '\n", " -- '"),
        ("select /* ' */ ", " /* ' */"),
        (r"select E'\'\\', ", ", ''"),
        ('select $$"$$, ', ', $$"$$'),
    ],
)
def test_no_quote_hides_what_stands_outside_of_strings(hostile: str, before: str, behind: str) -> None:
    assert excess(before + hostile + behind) is not None
