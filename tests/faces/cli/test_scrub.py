"""`sluice scan-file` and `sluice scrub` as somebody runs them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faces.cli.conftest import Run


def test_a_file_with_sensitive_values_ends_a_build(run: Run, tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text('{"content": "I am jane@example.com"}\n')
    (tmp_path / "clean.txt").write_text("nothing here\n")
    found = run("scan-file", "chat.jsonl")
    assert found.exit_code == 1
    assert "pii.email" in found.output and "content" in found.output
    assert "jane" not in found.output
    assert run("scan-file", "clean.txt").exit_code == 0


def test_the_report_for_programs_says_what_was_where(run: Run, tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text('{"content": "I am jane@example.com"}\n')
    report = json.loads(run("scan-file", "chat.jsonl", "--json").output)
    assert report["found"] == 1 and report["labels"] == {"pii.email": 1}
    assert report["files"][0]["found"] == [{"path": "content", "kind": "email", "label": "pii.email", "count": 1}]


def test_the_same_key_gives_the_same_marks(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("jane@example.com\n")
    (tmp_path / "k").write_text("k" * 32)
    assert run("scrub", "a.txt", "b.txt", "--key", "k").exit_code == 0
    assert run("scrub", "a.txt", "c.txt", "--key", "k").exit_code == 0
    assert (tmp_path / "b.txt").read_text() == (tmp_path / "c.txt").read_text()
    assert "jane" not in (tmp_path / "b.txt").read_text()


def test_a_copy_is_not_written_over_nor_into_its_source(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("jane@example.com\n")
    (tmp_path / "b.txt").write_text("mine\n")
    assert run("scrub", "a.txt", "b.txt").exit_code == 2
    assert (tmp_path / "b.txt").read_text() == "mine\n"
    assert run("scrub", ".", "out").exit_code == 2
    assert run("scrub", "missing.txt", "x").exit_code == 2


def test_a_file_left_out_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.bin").write_bytes(b"\0\1")
    done = run("scrub", "in", "out")
    assert done.exit_code == 1 and "left out" in done.output
