"""What is past its time goes, what is held stays, and what is left still verifies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sluice.edges.evidence.retention import holds, lift, place, prune
from sluice.edges.evidence.verify import verify
from sluice.edges.sinks.jsonl import LogFailed, segments

from .conftest import Ledger

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def dated(begin: Callable[..., Ledger]) -> Ledger:
    """An event a day for 300 days, in segments of about 36 days."""
    ledger = begin(segment_bytes=2500)
    for day in range(300):
        at = (START + timedelta(days=day)).isoformat().encode()
        ledger.log.append(b'{"event":"x","id":"c-%d","time":"%b"}\n' % (day, at))
    ledger.sign()
    return ledger


def _holds(ledger: Ledger) -> None:
    report = verify(ledger.folder, ledger.notary.verifier)
    assert (report.problems, report.events) == ([], 300)


def test_segments_past_their_time_are_removed_and_the_rest_verifies(dated: Ledger) -> None:
    cutoff = START + timedelta(days=100)
    planned, _ = prune(dated.folder, cutoff, dated.signer, dry=True)
    assert min(segments(dated.folder)) == 1
    removed, kept = prune(dated.folder, cutoff, dated.signer)
    assert ([one.segment for one in removed], kept) == ([one.segment for one in planned], [])
    assert 0 < len(removed) < 5
    assert all(one.last < cutoff for one in removed)
    assert min(segments(dated.folder)) == removed[-1].segment + 1
    assert len(list(dated.folder.glob("*.salts"))) == len(segments(dated.folder))
    _holds(dated)
    dated.restart()
    _holds(dated)
    assert prune(dated.folder, cutoff, dated.signer) == ([], [])


def test_the_newest_segment_is_never_removed(dated: Ledger) -> None:
    prune(dated.folder, START + timedelta(days=9999), dated.signer)
    assert len(segments(dated.folder)) == 1
    _holds(dated)


def test_a_hold_keeps_what_it_is_about_until_it_is_lifted(dated: Ledger) -> None:
    held = place(
        dated.folder, "case-7", "litigation", START + timedelta(days=50), START + timedelta(days=60), dated.signer
    )
    cutoff = START + timedelta(days=250)
    removed, kept = prune(dated.folder, cutoff, dated.signer)
    assert kept == [held]
    assert all(one.last < START + timedelta(days=50) for one in removed)
    assert holds(dated.folder, dated.notary.verifier) == [held]
    with pytest.raises(LogFailed, match="a hold `case-7` already"):
        place(dated.folder, "case-7", "again", START, START, dated.signer)
    assert lift(dated.folder, "case-7", dated.signer)
    assert not lift(dated.folder, "case-7", dated.signer)
    assert len(prune(dated.folder, cutoff, dated.signer)[0]) > 2
    _holds(dated)


def test_holds_that_cannot_be_read_keep_everything(dated: Ledger) -> None:
    (dated.folder / "holds.jsonl").write_text("?\n")
    with pytest.raises(LogFailed, match="is not what the log's key signed"):
        prune(dated.folder, START + timedelta(days=9999), dated.signer)
    assert min(segments(dated.folder)) == 1
