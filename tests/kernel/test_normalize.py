"""A key of a statement leaves out only what the server's own parser reads as values."""

from __future__ import annotations

from typing import Any

import pgparse
import pytest
from drawing import steady
from hypothesis import given
from hypothesis import strategies as st

from sluice import _kernel

WORDS = st.sampled_from(
    [
        "select", "a", "from", "t", "where", "b", "=", "1", "22", "1.5", "2e3", "'x'", "'it''s'", "''", '"A b"', "$1", "and", ",",
        "(", ")", "*", "-", "+", "::int", "in", "limit", "union", "as", "e", "n", "u&", "x", "b'1'", "e'\\n'", "$$a$$", "--", "/*",
        "*/", ";", ".", "..", ":", "[", "]", "<", ">", "@", "||", "like", "interval", "date", "null", "é", "\\", "?",
    ]
)  # fmt: skip
SPACES = st.sampled_from([" ", " ", " ", "", "\n", "\t"])
TEXTS = st.lists(st.tuples(WORDS, SPACES), max_size=14).map(lambda parts: "".join(w + s for w, s in parts))
STATEMENTS = st.builds(
    lambda columns, literal, rest: f"select {columns} from t where a = {literal} {rest}",
    st.sampled_from(
        ["a", "a, 1", "'x' || a, -2", "count(*), f(1, 'y')", "a[1:2]", "interval '1' day", "date '2026-01-01'"]
    ),
    st.sampled_from(
        ["1", "'x'", "1.25", "1e3", "-1", "'it''s'", "$1", "1 and 'y' <> 'z'", "1 limit 5", "1 order by 1"]
    ),
    TEXTS,
)

OTHER = {b"'": b"'other''s'", b"0": b"4711"}


def _tree(sql: bytes) -> Any:
    """What the server's parser reads, without values and places; None: nothing."""
    try:
        return _without_values(pgparse.parse(sql.decode()))
    except pgparse.PGQueryError:
        return None


def _without_values(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_values(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _without_values(one)
        for name, one in node.items()
        if name not in ("location", "stmt_len", "stmt_location")
    }
    if "A_Const" in kept:
        kind = next((name for name in ("sval", "ival", "fval") if name in kept["A_Const"]), "none")
        return {"A_Const": "text" if kind == "sval" else "number" if kind != "none" else kept["A_Const"]}
    return kept


def _with_other_values(sql: bytes, spans: list[tuple[int, int]]) -> bytes:
    for start, end in reversed(spans):
        sql = sql[:start] + OTHER[b"'" if sql[start : start + 1] == b"'" else b"0"] + sql[end:]
    return sql


@steady(300)
@given(TEXTS | STATEMENTS)
def test_texts_with_one_key_differ_only_in_values_for_the_server(text: str) -> None:
    sql = text.encode()
    found = _kernel.normalize(sql)
    if found is None:
        return
    key, spans = found
    other = _with_other_values(sql, spans)
    assert _kernel.normalize(other) is not None
    assert _kernel.normalize(other)[0] == key  # type: ignore[index]
    assert _tree(other) == _tree(sql)


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        (b"select a from t where b = 1", b"select a from t where b = ?0"),
        (b"select 'it''s', 1.5e-3", b"select ?', ?0"),
        (b'select "A b" from t1 where x=$1', b'select "A b" from t1 where x=$1'),
    ],
)
def test_ordinary_statements_have_a_key(sql: bytes, key: bytes) -> None:
    found = _kernel.normalize(sql)
    assert found is not None
    assert found[0] == key


@steady(200)
@given(st.binary(max_size=40))
def test_a_key_puts_the_text_together_again(sql: bytes) -> None:
    found = _kernel.normalize(sql)
    if found is not None:
        key, spans = found
        for start, end in spans:
            at = key.index(b"?")
            key = key[:at] + sql[start:end].replace(b"?", b"\0") + key[at + 2 :]
        assert key.replace(b"\0", b"?") == sql
