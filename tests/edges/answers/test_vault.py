"""Columns of an encrypted log are encrypted: nothing of its lines is on the disk in clear but the segment that is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import Signer
from sluice.edges.answers import index
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up, read_state
from sluice.edges.answers.vault import PART, Vault, memory, place
from sluice.edges.evidence.erasing import erase
from sluice.edges.evidence.sealing import create_key_file
from sluice.edges.sinks.failed import LogFailed, SegmentLocked

from .conftest import ALICE, asked, done, seal, some

ALL = "select * from statements order by time, id"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    create_key_file(tmp_path / "sealing.key")
    return tmp_path / "sealing.key"


def rows(folder: Path, query: str = ALL) -> list[tuple[object, ...]]:
    answers = Answers([folder])
    try:
        return answers.rows(query)[1]
    finally:
        answers.close()


def on_disk(folder: Path) -> Iterator[Path]:
    """Files of the columns that say something to whoever has no key."""
    for path in (folder / "columns").iterdir():
        data = path.read_bytes()
        if any(word in data for word in (b"alice", b"customers", b"support-reads", b"PAR1")):
            yield path


def plain(folder: Path, tmp_path: Path) -> list[tuple[object, ...]]:
    """What the same log answers that is not encrypted."""
    other = tmp_path / "plain"
    other.mkdir()
    (other / "audit-000001.jsonl").write_bytes(some())
    catch_up(other)
    assert list(on_disk(other))
    return rows(other)


def test_answers_are_the_same_and_nothing_is_in_clear(folder: Path, key_file: Path, tmp_path: Path) -> None:
    assert catch_up(folder, key_file) == len(some())
    assert rows(folder) == plain(folder, tmp_path)
    assert list(on_disk(folder)) == []
    (folder / "audit-000002.jsonl").write_bytes(asked(ALICE, "z", 1) + done("z", 1))
    assert catch_up(folder) > 0
    assert len(rows(folder)) == 8
    assert list(on_disk(folder)) == []


def test_a_log_that_was_sealed_with_a_key_needs_no_word_of_it(folder: Path, key_file: Path) -> None:
    seal(folder, key_file)
    catch_up(folder)
    assert len(rows(folder)) == 7
    assert list(on_disk(folder)) == []
    assert read_state(folder / "columns").key


def test_columns_in_clear_go_when_the_log_is_encrypted(folder: Path, key_file: Path) -> None:
    catch_up(folder)
    assert list(on_disk(folder))
    seal(folder, key_file)
    assert [path.name for path in (folder / "columns").iterdir()] == ["lock"]
    catch_up(folder)
    assert len(rows(folder)) == 7
    assert list(on_disk(folder)) == []


def test_encrypted_columns_stay_when_another_segment_is(folder: Path, key_file: Path) -> None:
    catch_up(folder, key_file)
    before = read_state(folder / "columns")
    seal(folder, key_file)
    assert read_state(folder / "columns") == before
    assert len(rows(folder)) == 7


def test_columns_made_before_there_was_a_key_are_made_again(folder: Path, tmp_path: Path) -> None:
    catch_up(folder)
    assert catch_up(folder, tmp_path / "made-now.key") == len(some())
    assert len(rows(folder)) == 7
    assert list(on_disk(folder)) == []
    assert (tmp_path / "made-now.key").stat().st_mode & 0o777 == 0o600


def test_without_the_key_file_or_with_another_nothing_is_answered(folder: Path, key_file: Path) -> None:
    seal(folder, key_file)
    catch_up(folder)
    key_file.rename(key_file.with_suffix(".away"))
    for again in (lambda: catch_up(folder), lambda: rows(folder)):
        with pytest.raises(SegmentLocked, match=r"the columns are encrypted: the sealing key .* cannot be read"):
            again()
    create_key_file(key_file)
    with pytest.raises(SegmentLocked, match="with another key than the one in"):
        rows(folder)
    with pytest.raises(SegmentLocked, match="with another key than the one in"):
        catch_up(folder, key_file)


def test_erasing_takes_the_columns_key_too_so_copies_are_noise(folder: Path, key_file: Path, tmp_path: Path) -> None:
    seal(folder, key_file)
    (folder / "audit-000002.jsonl").write_bytes(asked(ALICE, "z", 1) + done("z", 1))
    catch_up(folder)
    (wrapped,) = (folder / "keys").glob("columns-*")
    copies = {path.name: path.read_bytes() for path in (folder / "columns").iterdir()}
    erase(folder, 1, "asked for", Signer("a-log", Ed25519PrivateKey.generate()))
    assert not wrapped.exists()
    for name, data in copies.items():
        (folder / "columns" / name).write_bytes(data)
    with pytest.raises(LogFailed, match=r"the key of the columns in .* was dropped; ask again"):
        rows(folder)
    catch_up(folder, key_file)
    assert [row[1] for row in rows(folder)] == ["z-1"]


def test_many_encrypted_files_become_one(folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MANY", 3)
    monkeypatch.setattr(index, "SLICE", 300)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for n in range(1, 9):
        with (folder / "audit-000001.jsonl").open("ab") as segment:
            segment.write(asked(ALICE, f"d{n}", 1) + done(f"d{n}", 1))
        catch_up(folder, key_file)
        assert len(list((folder / "columns").glob("facts-*"))) <= 6
    assert len(rows(folder)) == 15
    assert list(on_disk(folder)) == []
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_what_was_damaged_cut_or_put_in_anothers_place_is_found(folder: Path, key_file: Path) -> None:
    catch_up(folder, key_file)
    facts = next((folder / "columns").glob("facts-*"))
    whole = facts.read_bytes()
    shapes = next((folder / "columns").glob("shapes-*")).read_bytes()
    for damaged in (whole[:-1], whole[:4], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], shapes, whole + b"x"):
        facts.write_bytes(damaged)
        with pytest.raises(LogFailed, match="is damaged; remove the folder"):
            rows(folder)
    facts.write_bytes(whole)
    assert len(rows(folder)) == 7


def test_a_file_of_several_parts_comes_back_to_the_byte(tmp_path: Path) -> None:
    data, vault = os.urandom(1 << 20) * 33, Vault("k", bytes(32))
    assert PART < len(data) < 3 * PART
    fd = memory()
    Path(place(fd)).write_bytes(data)
    vault.put(tmp_path / "one.sealed", fd)
    os.close(fd)
    again = vault.open(tmp_path / "one.sealed")
    assert Path(place(again)).read_bytes() == data
    os.close(again)


def test_where_there_are_no_files_in_memory_nothing_is_written(
    folder: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(LogFailed, match="which this system does not give"):
        catch_up(folder, key_file)
    assert list(on_disk(folder)) == []
