"""Files and trees of them, scanned and scrubbed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet
import pytest

from sluice.edges.files import process, streaming

KEY = b"k" * 32


def _lines(count: int, seed: int = 7) -> Iterator[str]:
    chance = random.Random(seed)
    for number in range(count):
        who = f"user{chance.randrange(50)}@example.com"
        messages = [{"role": "user", "content": f"I am {who}"}, {"role": "assistant", "content": "Hello."}]
        yield json.dumps({"id": number, "messages": messages})


def _done(source: Path, target: Path | None = None) -> dict[str, Any]:
    results = list(process(source, target, KEY, lambda _: None))
    return {str(result.path.name): (dict(result.tally.counts), result.problem) for result in results}


def test_every_form_is_found_in_and_scrubbed(tmp_path: Path) -> None:
    tree = tmp_path / "in"
    (tree / "deep").mkdir(parents=True)
    (tree / "chat.jsonl").write_text("\n".join(_lines(20)) + "\n")
    (tree / "one.json").write_text(json.dumps({"people": [{"mail": "jane@example.com"}]}, indent=2))
    (tree / "deep" / "table.csv").write_text('id;mail\n1;jane@example.com\n2;"none"\n')
    (tree / "notes.txt").write_text("call +44 20 7946 0958\nor jane@example.com")
    (tree / "picture.png").write_bytes(b"\x89PNG\0\0")
    found = _done(tree, tmp_path / "out")
    assert found["chat.jsonl"][0] == {("messages[].content", "email", "pii.email"): 20}
    assert found["one.json"][0] == {("people[].mail", "email", "pii.email"): 1}
    assert found["table.csv"][0] == {("mail", "email", "pii.email"): 1}
    assert found["notes.txt"][0] == {("text", "email", "pii.email"): 1, ("text", "phone", "pii.phone"): 1}
    assert found["picture.png"][1] == "is not text"
    out = tmp_path / "out"
    mark = json.loads((out / "one.json").read_text())["people"][0]["mail"]
    assert mark.startswith("[email:") and (out / "deep" / "table.csv").read_text() == f'id;mail\n1;{mark}\n2;"none"\n'
    assert (out / "notes.txt").read_text().endswith(mark)
    assert not (out / "picture.png").exists()
    assert all(not counts for counts, _ in _done(out).values())
    assert not list(out.rglob(".*"))


def test_all_strings_of_a_parquet_file_are_scrubbed_at_any_depth(tmp_path: Path) -> None:
    rows = [
        {
            "id": 1,
            "mail": "jane@example.com",
            "chat": [{"role": "user", "content": "jane@example.com here"}],
            "tags": ["a"],
        },
        {"id": 2, "mail": None, "chat": None, "tags": []},
        {
            "id": 3,
            "mail": "nothing",
            "chat": [{"role": None, "content": "hi"}, {"role": "x", "content": None}],
            "tags": ["bob@example.com"],
        },
    ]
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    arrow.parquet.write_table(arrow.Table.from_pylist(rows), source)
    counts, problem = _done(source, target)["in.parquet"]
    assert not problem
    assert counts == {
        ("mail", "email", "pii.email"): 1,
        ("chat[].content", "email", "pii.email"): 1,
        ("tags[]", "email", "pii.email"): 1,
    }
    table = arrow.parquet.read_table(target)
    made = table.to_pylist()
    assert table.schema == arrow.parquet.read_table(source).schema
    assert made[0]["chat"][0]["content"] == f"{made[0]['mail']} here"
    assert made[1] == rows[1] and made[2]["chat"] == rows[2]["chat"]


def test_blocks_do_not_change_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(_lines(300)) + "\n")
    whole = _done(source, tmp_path / "whole")
    monkeypatch.setattr(streaming, "_BLOCK", 777)
    assert _done(source, tmp_path / "cut") == whole
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_file_broken_off_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(_lines(400)) + "\n")
    whole = _done(source, tmp_path / "whole.jsonl")
    monkeypatch.setattr(streaming, "_BLOCK", 500)
    monkeypatch.setattr(streaming, "_SAVED_EVERY", 1000)

    class Stopped(Exception):
        pass

    done = 0

    def stop(size: int) -> None:
        nonlocal done
        done += size
        if done > 9000:
            raise Stopped

    with pytest.raises(Stopped):
        list(process(source, target, KEY, stop))
    assert not target.exists()
    begun: list[int] = []
    results = list(process(source, target, KEY, begun.append))
    assert begun[0] > 5000
    assert dict(results[0].tally.counts) == whole["in.jsonl"][0]
    assert target.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl", "whole.jsonl"]


def test_another_key_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(_lines(50)) + "\n")
    list(process(source, tmp_path / "a", KEY, lambda _: None))
    list(process(source, tmp_path / "b", b"other" * 8, lambda _: None))
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_what_cannot_be_read_is_said_and_nothing_is_written_for_it(tmp_path: Path) -> None:
    (tmp_path / "utf16.txt").write_bytes("jane@example.com".encode("utf-16"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nonsense")
    for name in ("utf16.txt", "bad.parquet"):
        counts, problem = _done(tmp_path / name, tmp_path / "out")[name]
        assert problem and not counts
        assert not (tmp_path / "out").exists()
