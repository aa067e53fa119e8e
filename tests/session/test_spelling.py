"""What bytes mean on a connection, and in which encodings a result can be masked."""

from __future__ import annotations

import pytest
from test_lane import Play

from sluice.engines.postgres.engine import POSTGRES
from sluice.session.spelling import codec_of, readable
from sluice.session.state import State


@pytest.fixture
def state() -> State:
    return Play(POSTGRES).session._state


@pytest.mark.parametrize(
    ("encoding", "codec"), [("UTF8", "utf-8"), ("LATIN1", "latin-1"), ("SJIS", "ascii"), ("", "ascii")]
)
def test_an_encoding_that_is_not_read_is_read_as_ascii_alone(state: State, encoding: str, codec: str) -> None:
    state.encoding = encoding
    assert codec_of(state) == codec


def test_a_text_is_read_as_the_server_reads_it(state: State) -> None:
    assert readable(state, "select 'é'".encode()) == "select 'é'"
    state.encoding = "LATIN1"
    assert readable(state, "select 'é'".encode("latin-1")) == "select 'é'"


@pytest.mark.parametrize("encoding", ["UTF8", "SJIS", "BIG5"])
def test_what_cannot_be_read_with_certainty_becomes_what_no_parser_accepts(state: State, encoding: str) -> None:
    state.encoding = encoding
    assert readable(state, b"select '\x95\x5c'").startswith("\0")


def test_a_backslash_is_not_read_where_it_may_hide_the_end_of_a_string(state: State) -> None:
    state.plain_strings = False
    assert readable(state, rb"select '\'").startswith("\0")
    assert readable(state, b"select 'x'") == "select 'x'"


def test_a_text_that_is_too_long_is_not_read(state: State) -> None:
    assert readable(state, b"x" * (state.world.limits.statement + 1)).startswith("\0")
