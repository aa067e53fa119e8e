"""Lists of what was taken out and what has to stay are believed by their signatures alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import Signer
from sluice.edges.evidence.erasing import erase
from sluice.edges.evidence.lists import add, entries
from sluice.edges.evidence.redact import Redaction, redact
from sluice.edges.evidence.retention import Removed, holds, lift, place, prune
from sluice.edges.evidence.verify import verify
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import segments

from .conftest import Ledger
from .test_retention import START, dated  # noqa: F401

SIGNER = Signer("a-log", Ed25519PrivateKey.generate())


def made(path: Path, count: int = 4, signer: Signer = SIGNER) -> list[Redaction]:
    found = [Redaction(f"c-{n}", n, 1, "2026-01-01", f"reason {n}") for n in range(count)]
    for one in found:
        add(path, one, signer)
    return found


def test_what_was_added_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "redactions.jsonl"
    assert entries(path, Redaction, SIGNER.verifier) == []
    assert made(path) == entries(path, Redaction, SIGNER.verifier)


def test_a_torn_last_line_was_never_added(tmp_path: Path) -> None:
    path = tmp_path / "redactions.jsonl"
    known = made(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert entries(path, Redaction, SIGNER.verifier) == known[:-1]
    add(path, known[-1], SIGNER)
    assert entries(path, Redaction, SIGNER.verifier) == known


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace(b"reason 0", b"reason 9"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, b'{"event":"c-9","index":9,"segment":1,"time":"","reason":""}\n'],
    ],
)
def test_nothing_can_be_altered_taken_moved_or_put_in(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = tmp_path / "redactions.jsonl"
    made(path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(LogFailed, match=r"line \d of .* (is not what the log's key signed|does not follow)"):
        entries(path, Redaction, SIGNER.verifier)
    with pytest.raises(LogFailed, match=r"line \d of"):
        add(path, Redaction("c-9", 9, 1, "", ""), SIGNER)


def test_a_line_of_another_list_or_of_another_log_is_none_of_this(tmp_path: Path) -> None:
    made(tmp_path / "redactions.jsonl", 1)
    (tmp_path / "removed.jsonl").write_bytes((tmp_path / "redactions.jsonl").read_bytes())
    with pytest.raises(LogFailed, match="is not what the log's key signed"):
        entries(tmp_path / "removed.jsonl", Removed, SIGNER.verifier)
    for other in (Signer("another", Ed25519PrivateKey.generate()), Signer("a-log", Ed25519PrivateKey.generate())):
        with pytest.raises(LogFailed, match="is not what the log's key signed"):
            entries(tmp_path / "redactions.jsonl", Redaction, other.verifier)


def test_a_segment_that_somebody_took_away_is_no_retention(dated: Ledger) -> None:  # noqa: F811
    number = min(segments(dated.folder))
    for path in dated.folder.glob(f"audit-{number:06d}*"):
        path.unlink()
    report = verify(dated.folder, dated.notary.verifier)
    assert report.problems == [f"segment {number} is not here, and no list that was signed says why"]
    (dated.folder / "removed.jsonl").write_text(
        '{"segment":1,"first":0,"lines":9,"last":"2026-01-01","removed":"2026-01-01"}\n'
    )
    report = verify(dated.folder, dated.notary.verifier)
    assert any("is not what the log's key signed" in one for one in report.problems)
    assert any("no list that was signed says why" in one for one in report.problems)


def test_a_hold_that_was_struck_from_its_list_keeps_everything(dated: Ledger) -> None:  # noqa: F811
    for name in ("case-7", "case-8"):
        place(dated.folder, name, "litigation", START, START + timedelta(days=9), dated.signer)
    path = dated.folder / "holds.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"case-7", b"case-0"))
    for work in (
        lambda: prune(dated.folder, START + timedelta(days=200), dated.signer),
        lambda: erase(dated.folder, 3, "no", dated.signer),
        lambda: lift(dated.folder, "case-8", dated.signer),
    ):
        with pytest.raises(LogFailed, match="is not what the log's key signed"):
            work()
    assert any("holds.jsonl" in one for one in verify(dated.folder, dated.notary.verifier).problems)
    path.write_bytes(whole)
    assert lift(dated.folder, "case-7", dated.signer)
    assert [one.name for one in holds(dated.folder, dated.notary.verifier)] == ["case-8"]
    assert verify(dated.folder, dated.notary.verifier).problems == []
    assert b"lifted" in path.read_bytes()


def test_a_list_that_nobody_signed_is_not_gone_by_silently(dated: Ledger) -> None:  # noqa: F811
    (dated.folder / "holds.json").write_text("[]")
    with pytest.raises(LogFailed, match="remove it and place them anew"):
        prune(dated.folder, datetime.now(UTC), dated.signer)


def test_what_was_struck_out_is_counted_by_signed_lines(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=4096)
    ledger.write(200)
    assert len(redact(ledger.folder, "c-31", "asked for", ledger.signer)) == 1
    report = verify(ledger.folder, ledger.notary.verifier)
    assert (report.problems, len(report.notes)) == ([], 1)
    path = ledger.folder / "redactions.jsonl"
    path.write_bytes(path.read_bytes().replace(b"asked for", b"for no one"))
    assert not verify(ledger.folder, ledger.notary.verifier).holds
