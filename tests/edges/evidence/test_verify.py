"""Whatever is done to a log's files, verification says what."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.audit.note import Checkpoint, open_note
from sluice.edges.evidence.verify import Report, logs_in, verify
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger

SEGMENT = 9000


@pytest.fixture
def signed(begin: Callable[..., Ledger]) -> Ledger:
    """700 events in several segments, signed on the way."""
    ledger = begin(segment_bytes=SEGMENT)
    for _ in range(7):
        ledger.write(100)
    return ledger


def _verify(ledger: Ledger, against: Checkpoint | None = None) -> Report:
    return verify(ledger.folder, ledger.notary.verifier, against)


def _segments(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.glob("*.jsonl"))[:-1]


def _rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def test_a_log_that_nobody_touched_holds(signed: Ledger) -> None:
    report = _verify(signed)
    assert (report.problems, report.notes) == ([], [])
    assert (report.events, report.signed) == (700, 700)
    assert len(_segments(signed)) > 3


def test_what_is_not_signed_yet_is_said(signed: Ledger) -> None:
    signed.write(3, sign=False)
    report = _verify(signed)
    assert report.holds
    assert report.notes == ["3 events have no checkpoint yet"]


def test_an_altered_event_is_named(signed: Ledger) -> None:
    _rewrite(_segments(signed)[1], lambda lines: [line.replace(b'"n":200', b'"n":999') for line in lines])
    report = _verify(signed)
    assert report.problems[0] == "the events do not make up the tree that was signed"
    assert report.problems[1].startswith("event 200 (segment 2, line ")
    assert len(report.problems) == 2


def test_an_altered_text_is_named(signed: Ledger) -> None:
    _rewrite(_segments(signed)[0], lambda lines: [line.replace(b"select '1'", b"select '7'") for line in lines])
    assert "event 1 (segment 1, line 2) is not what was signed" in _verify(signed).problems


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("removed", lambda lines: lines[:5] + lines[6:]),
        ("put in", lambda lines: [*lines[:5], b'{"id":"x"}\n', *lines[5:]]),
        ("reordered", lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]]),
    ],
)
def test_a_line_that_was_moved_is_found(
    signed: Ledger, what: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    _rewrite(_segments(signed)[2], change)
    report = _verify(signed)
    assert "the events do not make up the tree that was signed" in report.problems or what == "removed"
    assert not report.holds


def test_a_log_that_was_cut_off_is_found(signed: Ledger) -> None:
    last = sorted(signed.folder.glob("*.jsonl"))[-2]
    _rewrite(last, lambda lines: lines[:-1])
    assert "cut off: 700 events were signed, 699 are here" in _verify(signed).problems


def test_a_log_put_back_to_an_older_state_is_found_by_a_kept_checkpoint(begin: Callable[..., Ledger]) -> None:
    ledger = begin()
    ledger.write(50)
    old = ledger.folder.parent / "old"
    shutil.copytree(ledger.folder, old)
    ledger.write(50)
    kept = Checkpoint.parse(open_note((ledger.folder / "checkpoint").read_bytes(), (ledger.notary.verifier,)).text)
    assert _verify(ledger, kept).notes == ["it continues the checkpoint of 100 events"]
    report = verify(old, ledger.notary.verifier, kept)
    assert report.problems == ["cut off: a checkpoint of 100 events was signed, the log's own has 50"]


def test_a_log_written_anew_with_the_key_is_found_by_a_kept_checkpoint(signed: Ledger) -> None:
    other = Checkpoint(signed.notary.verifier.name, 300, bytes(32))
    assert _verify(signed, other).problems == ["the first 300 events are not those of the checkpoint to compare with"]
    foreign = Checkpoint("example.com/other", 3, bytes(32))
    assert "is of another log" in _verify(signed, foreign).problems[0]


def test_an_older_checkpoint_in_the_middle_of_a_tile_is_continued(signed: Ledger, begin: Callable[..., Ledger]) -> None:
    ledger = begin("other")
    ledger.write(300)
    kept = ledger.notary.signed
    ledger.write(333)
    assert _verify(ledger, kept).notes == ["it continues the checkpoint of 300 events"]


@pytest.mark.parametrize(("name", "index"), [("entries", 0), ("entries", 300), ("entries", 699), ("1", 0), ("1", 1)])
def test_a_changed_tree_is_found(signed: Ledger, name: str, index: int) -> None:
    tree = bytearray((signed.folder / "tree" / name).read_bytes())
    tree[index * 32 + 8] ^= 1
    (signed.folder / "tree" / name).write_bytes(tree)
    (problem,) = _verify(signed).problems
    expected = f"differs from event {index}" if name == "entries" else "is not what the events make it"
    assert problem == f"`tree/{name}` {expected}"


def test_a_lost_or_shortened_tree_is_found(signed: Ledger) -> None:
    path = signed.folder / "tree/entries"
    path.write_bytes(path.read_bytes()[:-32])
    assert "ends before entry 700" in _verify(signed).problems[0]
    path.unlink()
    assert "cannot be read" in _verify(signed).problems[0]


def test_a_checkpoint_of_another_key_is_refused(signed: Ledger, begin: Callable[..., Ledger]) -> None:
    other = begin("other")
    other.write(1)
    shutil.copy(other.folder / "checkpoint", signed.folder / "checkpoint")
    assert "does not hold" in _verify(signed).problems[0]


def test_a_log_without_a_checkpoint_proves_nothing(ledger: Ledger) -> None:
    assert "nothing in it was signed" in _verify(ledger).problems[0]


def test_a_segment_that_is_not_here_is_said_and_the_rest_is_held_to_its_leaves(signed: Ledger) -> None:
    _segments(signed)[0].unlink()
    report = _verify(signed)
    assert report.problems == ["segment 1 is not here, and no list that was signed says why"]
    assert report.notes[0].startswith("segment 1 (events 0 to ")


def test_logs_of_several_writers_are_found_in_one_folder(tmp_path: Path, begin: Callable[..., Ledger]) -> None:
    for name in ("all/one", "all/two"):
        begin(name).write(1)
        (tmp_path / name / "audit").rename(tmp_path / name / "moved")
        shutil.move(tmp_path / name / "moved", tmp_path / "logs" / name.rpartition("/")[2])
    assert [one.name for one in logs_in(tmp_path / "logs")] == ["one", "two"]
    with pytest.raises(LogFailed, match="there is no log"):
        logs_in(tmp_path / "all")
