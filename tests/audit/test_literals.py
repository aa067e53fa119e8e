"""String literals of a statement stand for what the server takes them for, however they are written."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.audit.literals import disguised, literals

WRITTEN = [
    r"'plain'", r"'it''s'", r"E'\x41\102\u0043\U00000044'", r"e'a\nb\'c\\d\q'", r"E'it''s'", r"U&'d\0061t\+000061'",
    r"u&'d!0061t!!a' UESCAPE '!'", "U&'d@0061' uescape  '@'", "$$it's$$", "$tag$a $$ b$tag$", "'one'\n  'two'", "E'\\x41'\n'\\x42'",
    "'one' -- said\n 'two'", r"E'\n'", "N'national'", "'é'", r"E'\303\251'", "''",
]  # fmt: skip


def test_a_literal_is_what_the_server_says_it_is(gateway) -> None:
    with psycopg.connect(gateway.direct(), autocommit=True) as direct:
        for text in WRITTEN:
            (said,) = direct.execute(f"select {text}::text").fetchone() or ("",)
            (found,) = literals(f"select {text}::text".encode())
            assert (found.value.decode(), text) == (said, text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("select X'41 42', b'0100000101000010'", [b"AB", b"AB"]),
        ("select \"it's\", 'a' -- it's\n, 'b' /* it's /* 'no' */ ' */ , 'c'", [b"a", b"b", b"c"]),
        ("select type'a', a$b$, $1, '$$', 'x'", [b"a", b"$$", b"x"]),
        ("select 'a' 'b'", [b"a", b"b"]),
        ("select 'never ends", []),
        ("select E'never ends\\'", []),
        ("select U&'\\+FFFFFF'", [b"?"]),
        ("select X'zz'", [b""]),
    ],
)
def test_what_is_no_literal_is_none(text: str, values: list[bytes]) -> None:
    assert [one.value for one in literals(text.encode())] == values


@pytest.mark.parametrize("text", [one for one in WRITTEN if "\\" in one or "!" in one or "@" in one or "\n" in one])
def test_a_literal_that_hides_what_it_stands_for_is_known_to(text: str) -> None:
    assert disguised(text.encode())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="eEuUxX&'$\"-/*\\ \n0a", max_size=40))
def test_any_text_has_literals_in_order_within_it(text: str) -> None:
    last = 0
    for one in literals(text.encode()):
        assert last <= one.start < one.end <= len(text)
        last = one.end
