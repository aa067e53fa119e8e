"""The columns hold what the log holds, each event once, however they came to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluice.edges.answers import index
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import ALICE, asked, done, seal, some

ALL = "select id, who, source, purpose, outcome, rows, ended, masked, text from statements order by time, id"


def _rows(folder: Path, query: str = ALL) -> list[tuple[object, ...]]:
    answers = Answers([folder])
    found = answers.rows(query)[1]
    answers.close()
    return found


def test_every_statement_is_a_row_and_every_other_event_a_line(folder: Path) -> None:
    assert catch_up(folder) == len(some())
    rows = _rows(folder)
    assert len(rows) == 7
    assert rows[0] == (
        "c1-2",
        "alice",
        "shop",
        "ticket",
        "allow",
        5,
        "completed",
        5,
        "select email from public.customers",
    )
    assert (
        "c2-3",
        "trainer",
        "lake",
        "ticket",
        "refuse",
        None,
        None,
        None,
        "select email from public.customers",
    ) in rows
    others = _rows(folder, "select event, line from others order by event")
    assert [event for event, _ in others] == ["connected", "disconnected"]
    assert json.loads(str(others[0][1]))["user"] == "alice"
    assert catch_up(folder) == 0


def test_what_is_read_in_parts_is_what_is_read_at_once(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "audit-000001.jsonl").write_bytes(some())
    catch_up(whole)
    (folder / "audit-000001.jsonl").write_bytes(b"")
    for number, line in enumerate(some().splitlines(keepends=True)):
        path = folder / f"audit-{1 + number // 5:06d}.jsonl"
        with path.open("ab") as segment:
            segment.write(line + b'{"event":"torn')
        catch_up(folder)
        path.write_bytes(path.read_bytes().removesuffix(b'{"event":"torn'))
    assert _rows(folder) == _rows(whole)
    assert _rows(folder, "select * from others order by id") == _rows(whole, "select * from others order by id")


def test_many_small_files_become_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MANY", 4)
    monkeypatch.setattr(index, "SLICE", 300)
    catch_up(folder)
    before = _rows(folder)
    for n in range(1, 20):
        with (folder / "audit-000001.jsonl").open("ab") as segment:
            segment.write(asked(ALICE, f"d{n}", 1) + done(f"d{n}", 1))
        catch_up(folder)
        assert len(list((folder / "columns").glob("facts-*"))) <= 6
    assert len(_rows(folder)) == len(before) + 19


def test_a_run_that_was_cut_short_is_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = index.put

    def put(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index, "put", put)
    with pytest.raises(LogFailed, match="No space left"):
        catch_up(folder)
    monkeypatch.setattr(index, "put", whole)
    catch_up(folder)
    assert len(_rows(folder)) == 7


def test_a_question_before_anything_was_read_finds_nothing(tmp_path: Path) -> None:
    assert _rows(tmp_path) == []
    assert _rows(tmp_path, "select * from others") == []


def test_no_text_as_sent_is_in_the_columns(tmp_path: Path) -> None:
    line = asked(ALICE, "c1", 1, text="select 'a secret'").replace(
        b'"normalized":"select \'a secret\'"', b'"normalized":"select $1"'
    )
    line = line.replace(b'"fingerprint":"select \'a secret\'"', b'"fingerprint":"f"')
    (tmp_path / "audit-000001.jsonl").write_bytes(line)
    catch_up(tmp_path)
    assert _rows(tmp_path, "select text from statements") == [("select $1",)]
    assert not any(b"a secret" in path.read_bytes() for path in (tmp_path / "columns").iterdir())


def test_a_wrong_question_is_answered_with_the_databases_words(folder: Path) -> None:
    with pytest.raises(LogFailed, match=r"cannot be answered: .*nowhere"):
        _rows(folder, "select * from nowhere")


@pytest.mark.parametrize("key", ["", "sealing.key"])
def test_a_segment_is_read_on_where_it_was_left_though_it_was_sealed_meanwhile(
    folder: Path, tmp_path: Path, key: str
) -> None:
    key_file = tmp_path / key if key else None
    path, whole = folder / "audit-000001.jsonl", some()
    expected = tmp_path / "whole"
    expected.mkdir()
    (expected / path.name).write_bytes(whole)
    catch_up(expected)
    half = whole.index(b"\n", len(whole) // 2) + 1
    path.write_bytes(whole[:half])
    assert catch_up(folder, key_file) == half
    path.write_bytes(whole)
    seal(folder, key_file)
    assert catch_up(folder) == len(whole) - half
    assert _rows(folder) == _rows(expected)
    assert not list((folder / "columns").glob("slice-*"))
