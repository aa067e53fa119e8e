"""The server's description of a result is a second witness: it can add labels, and another number of columns is a refusal."""

from __future__ import annotations

import pytest
from test_lane import CLIENTS, ID, READY, SSN, Play, described, frame, row

from sluice.engines.postgres.engine import POSTGRES
from sluice.session.events import ClientBytes, UpstreamBytes

DONE = frame(b"C", b"SELECT 1\0") + READY
VALUE = b"900-10-1234"


@pytest.fixture
def play() -> Play:
    play = Play(POSTGRES)
    play.happens(ClientBytes(CLIENTS[0](1), 2.0))
    play.to_client.clear()
    return play


def _heard(play: Play, said: bytes) -> bytes:
    play.happens(UpstreamBytes(said, 3.0))
    return b"".join(play.to_client)


def test_a_result_as_it_was_foreseen_passes(play: Play) -> None:
    assert _heard(play, ID + row(b"17") + DONE) == ID + row(b"17") + DONE


def test_a_column_that_the_server_says_is_labelled_is_masked_whatever_the_analysis_said(play: Play) -> None:
    heard = _heard(play, SSN + row(VALUE) + DONE)
    assert VALUE not in heard
    # In place of a number nothing would be valid but NULL.
    assert heard.count(b"\xff\xff\xff\xffC") == 1
    assert [line["event"] for line in play.lines].count("disagreement") == 1


@pytest.mark.parametrize(
    "said",
    [
        described((b"id", 1, 23), (b"name", 3, 25)) + row(b"17", VALUE),
        described() + row(),
    ],
    ids=["more", "fewer"],
)
def test_another_number_of_columns_is_refused_before_one_row_passes(play: Play, said: bytes) -> None:
    heard = _heard(play, said + DONE)
    assert VALUE not in heard
    assert b"C42501\0" in heard or b"C0A000\0" in heard or b"C55000\0" in heard
    assert b"SELECT 1" not in heard


def test_a_row_that_does_not_fit_its_description_ends_the_connection(play: Play) -> None:
    heard = _heard(play, SSN + row(b"17", VALUE) + DONE)
    assert VALUE not in heard
    assert play.closed
