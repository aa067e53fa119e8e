"""A sealed segment is the segment: to verification, proofs, searches, and whoever strikes out or erases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from sluice.edges.evidence import sealing
from sluice.edges.evidence.erasing import erase, erasures
from sluice.edges.evidence.prove import check_proof, find, prove
from sluice.edges.evidence.redact import redact
from sluice.edges.evidence.retention import place, prune
from sluice.edges.evidence.sealing import seal_closed
from sluice.edges.evidence.verify import Report, verify
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.jsonl import read
from sluice.edges.sinks.sealed import Sealed, sealed_path
from sluice.edges.sinks.segments import segment_path, segments

from .conftest import Ledger
from .test_retention import START, dated  # noqa: F401


@pytest.fixture(params=["plain", "encrypted"])
def key_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "sealing.key" if request.param == "encrypted" else None


@pytest.fixture
def ledger(begin: Callable[..., Ledger]) -> Ledger:
    """700 signed events in several closed segments and an open one."""
    made = begin(segment_bytes=9000)
    for _ in range(7):
        made.write(100)
    return made


def _verify(ledger: Ledger) -> Report:
    return verify(ledger.folder, ledger.notary.verifier)


def _sealed(folder: Path) -> list[int]:
    return sorted(number for number in segments(folder) if sealed_path(folder, number).exists())


def test_lines_come_back_to_the_byte_and_everything_verifies(ledger: Ledger, key_file: Path | None) -> None:
    before = list(read(ledger.folder))
    made = list(seal_closed(ledger.folder, key_file))
    assert [one.segment for one in made] == _sealed(ledger.folder) == sorted(segments(ledger.folder))[:-1]
    assert all(one.after < one.before / 2 and one.encrypted is (key_file is not None) for one in made)
    assert not list(ledger.folder.glob("*.new"))
    assert len(list(ledger.folder.glob("*.salts"))) == 1
    assert list(read(ledger.folder)) == before
    report = _verify(ledger)
    assert (report.problems, report.notes, report.events) == ([], [], 700)
    assert list(seal_closed(ledger.folder, key_file)) == []
    (found,) = find(ledger.folder, "c-31")
    text = prove(ledger.folder, ledger.notary.verifier, found).text()
    assert check_proof(text, (ledger.notary.verifier,))[0] == found.line
    ledger.restart()
    ledger.write(300)
    assert _verify(ledger).events == 1000


def test_what_is_not_encrypted_is_read_by_zstd_alone_and_what_is_by_nobody(
    ledger: Ledger, key_file: Path | None
) -> None:
    lines = segment_path(ledger.folder, 1).read_bytes()
    list(seal_closed(ledger.folder, key_file))
    stored = sealed_path(ledger.folder, 1).read_bytes()
    reader = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
    assert reader.read() == (lines if key_file is None else b"")
    if key_file is not None:
        assert key_file.stat().st_mode & 0o777 == 0o600
        key = bytes.fromhex(key_file.read_text())
        wrapped = b"".join(path.read_bytes() for path in (ledger.folder / "keys").iterdir())
        assert key not in wrapped + stored


def test_an_altered_sealed_segment_is_found(ledger: Ledger, key_file: Path | None) -> None:
    list(seal_closed(ledger.folder, key_file))
    path = sealed_path(ledger.folder, 2)
    stored = bytearray(path.read_bytes())
    block = Sealed(path).index.blocks[0]
    stored[block.at + block.length // 2] ^= 1
    path.write_bytes(stored)
    with pytest.raises(LogFailed, match="is damaged"):
        list(read(ledger.folder))
    assert "is damaged" in _verify(ledger).problems[0]
    shutil.copy(sealed_path(ledger.folder, 3), path)
    assert not _verify(ledger).holds
    path.write_bytes(stored[:100])
    with pytest.raises(LogFailed, match="does not end as a sealed segment does"):
        Sealed(path)


def test_without_the_key_the_rest_verifies_and_what_is_not_read_is_said(ledger: Ledger, tmp_path: Path) -> None:
    key_file = tmp_path / "sealing.key"
    list(seal_closed(ledger.folder, key_file))
    key_file.rename(tmp_path / "away")
    report = _verify(ledger)
    assert (report.problems, report.events) == ([], 700)
    assert all("cannot be read here" in note and note.endswith("its leaves are here") for note in report.notes)
    assert len(report.notes) == len(_sealed(ledger.folder))
    with pytest.raises(LogFailed, match=r"the sealing key .* cannot be read"):
        list(find(ledger.folder, "c-31"))
    key_file.write_text("00" * 32)
    key_file.chmod(0o600)
    with pytest.raises(LogFailed, match="sealed with another key"):
        list(read(ledger.folder))
    key_file.chmod(0o640)
    with pytest.raises(LogFailed, match="chmod 600"):
        list(read(ledger.folder))


def test_a_text_is_struck_out_of_a_sealed_segment(ledger: Ledger, key_file: Path | None) -> None:
    list(seal_closed(ledger.folder, key_file))
    (before,) = find(ledger.folder, "c-31")
    old, keys = sealed_path(ledger.folder, before.segment).read_bytes(), set(ledger.folder.glob("keys/*"))
    assert len(redact(ledger.folder, "c-31", "asked for by its subject", ledger.signer)) == 1
    (found,) = find(ledger.folder, "c-31")
    assert b"select '31'" not in found.line
    assert found.salt == bytes(16)
    assert [b"select '%d'" % n in next(find(ledger.folder, f"c-{n}")).line for n in (29, 32)] == [True, True]
    assert _verify(ledger).problems == []
    # A copy from before is noise now: the key it was sealed with is gone.
    sealed_path(ledger.folder, before.segment).write_bytes(old)
    if key_file is not None:
        assert len(keys - set(ledger.folder.glob("keys/*"))) == 1
        with pytest.raises(LogFailed, match="its key is not here"):
            list(find(ledger.folder, "c-31"))


def test_an_erased_segment_is_gone_everything_else_holds_and_it_is_said(ledger: Ledger, key_file: Path | None) -> None:
    list(seal_closed(ledger.folder, key_file))
    copy = sealed_path(ledger.folder, 2).read_bytes()
    (inside,) = find(ledger.folder, "c-200")
    assert inside.segment == 2
    (other,) = find(ledger.folder, "c-500")
    old = prove(ledger.folder, ledger.notary.verifier, inside).text()
    (ledger.folder / "columns").mkdir()
    (ledger.folder / "columns/state.json").write_text("{}")
    erased = erase(ledger.folder, 2, "asked for by its subject", ledger.signer)
    assert (erased.segment, erased.by_key) == (2, key_file is not None)
    assert erasures(ledger.folder, ledger.notary.verifier) == {2: erased}
    assert not (ledger.folder / "columns/state.json").exists()
    assert not list(ledger.folder.glob("keys/audit-000002-*"))
    report = _verify(ledger)
    assert (report.problems, report.events) == ([], 700)
    last = erased.first + erased.lines - 1
    (note,) = report.notes
    assert note.startswith(f"segment 2 (events {erased.first} to {last}) was erased on 20")
    assert note.endswith("(asked for by its subject); its leaves are here")
    assert list(find(ledger.folder, "c-200")) == []
    (again,) = find(ledger.folder, "c-500")
    known = (ledger.notary.verifier,)
    assert again == other
    assert check_proof(prove(ledger.folder, ledger.notary.verifier, again).text(), known)[1].index == 500
    assert check_proof(old, known)[1].index == 200
    ledger.restart()
    ledger.write(10)
    assert _verify(ledger).problems == []
    if key_file is not None:
        sealed_path(ledger.folder, 2).write_bytes(copy)
        with pytest.raises(LogFailed, match="its key is not here"):
            list(find(ledger.folder, "c-200"))
        assert _verify(ledger).problems == []


def test_what_is_not_closed_not_here_or_held_is_not_erased(dated: Ledger) -> None:  # noqa: F811
    for _ in seal_closed(dated.folder):
        pass
    with pytest.raises(LogFailed, match="is not closed"):
        erase(dated.folder, max(segments(dated.folder)), "no", dated.signer)
    place(dated.folder, "case-7", "litigation", START, START, dated.signer)
    with pytest.raises(LogFailed, match="kept by the legal hold `case-7`: litigation"):
        erase(dated.folder, 1, "no", dated.signer)
    erase(dated.folder, 2, "past its time", dated.signer)
    with pytest.raises(LogFailed, match="segment 2 is not here"):
        erase(dated.folder, 2, "again", dated.signer)


def test_retention_and_holds_go_by_sealed_segments_too(dated: Ledger, tmp_path: Path) -> None:  # noqa: F811
    list(seal_closed(dated.folder, tmp_path / "sealing.key"))
    (tmp_path / "sealing.key").unlink()
    removed, _ = prune(dated.folder, START.replace(month=4), dated.signer)
    assert [one.segment for one in removed] == [1, 2]
    assert 1 not in segments(dated.folder)
    assert not list(dated.folder.glob("keys/audit-000001-*"))
    assert (
        verify(dated.folder, dated.notary.verifier).notes[0].endswith("was removed by retention; its leaves are here")
    )


def test_lines_without_their_salts_are_not_sealed(ledger: Ledger) -> None:
    (ledger.folder / "audit-000001.salts").write_bytes(b"")
    with pytest.raises(LogFailed, match="not all of its lines have their salts"):
        list(seal_closed(ledger.folder))
    assert _sealed(ledger.folder) == []


@pytest.mark.parametrize("nth", range(1, 12))
def test_sealing_that_is_cut_short_anywhere_is_done_by_the_next_run(
    ledger: Ledger, key_file: Path | None, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    before = list(read(ledger.folder))
    calls = 0

    def failing(whole: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(28, "No space left on device")
            return whole(*args, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(os.fsync))
        patched.setattr(sealing, "put", failing(sealing.put))
        patched.setattr(Path, "unlink", failing(Path.unlink))
        patched.setattr(Path, "replace", failing(Path.replace))
        with pytest.raises((LogFailed, OSError)):
            list(seal_closed(ledger.folder, key_file))
    assert list(read(ledger.folder)) == before
    assert _verify(ledger).problems == []
    list(seal_closed(ledger.folder, key_file))
    assert list(read(ledger.folder)) == before
    assert (_verify(ledger).problems, _verify(ledger).events) == ([], 700)
    assert not list(ledger.folder.glob("*.new"))
    kept = {Sealed(sealed_path(ledger.folder, number)).index.key for number in _sealed(ledger.folder)} - {""}
    assert {path.name.rpartition("-")[2] for path in ledger.folder.glob("keys/*")} == kept


def test_a_lost_list_of_closed_segments_is_made_again_from_sealed_ones(ledger: Ledger, key_file: Path | None) -> None:
    before = (ledger.folder / "closed.jsonl").read_bytes()
    list(seal_closed(ledger.folder, key_file))
    (ledger.folder / "closed.jsonl").unlink()
    (ledger.folder / "tree/entries").unlink()
    ledger.restart()
    assert (ledger.folder / "closed.jsonl").read_bytes() == before
    assert _verify(ledger).problems == []


def test_a_segment_larger_than_a_block_is_read_from_anywhere(begin: Callable[..., Ledger], tmp_path: Path) -> None:
    ledger = begin(segment_bytes=3 << 20)
    line = b'{"event":"x","id":"c-%d","text":"' + b"%d," * 1 + b"x" * 4000 + b'"}\n'
    for n in range(900):
        ledger.log.append(line % (n, n))
    ledger.sign()
    whole = segment_path(ledger.folder, 1).read_bytes()
    list(seal_closed(ledger.folder, tmp_path / "sealing.key"))
    sealed = Sealed(sealed_path(ledger.folder, 1))
    assert len(sealed.index.blocks) > 2
    for start in (0, len(line % (0, 0)), whole.index(b"\n", 2 << 20) + 1, len(whole)):
        assert b"".join(_runs(sealed, start)) == whole[start:]
    sealed.close()


def _runs(sealed: Sealed, start: int) -> Iterator[bytes]:
    return sealed.runs(start)
