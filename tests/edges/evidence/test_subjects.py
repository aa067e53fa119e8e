"""Keys of hashed values are added and kept, are for their owner alone, and are refused when they are no keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sluice.edges.evidence.subjects import add_key, load_keys, load_or_create_keys
from sluice.edges.sinks.failed import LogFailed


def test_a_key_is_made_once_whoever_asks_and_those_added_stand_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "subject.keys"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create_keys(path), range(16)))
    assert len(set(made)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["subject.keys"]
    second = add_key(path)
    assert load_keys(path) == (*made[0], second)
    assert len({key.id for key in load_keys(path)}) == 2
    assert load_keys(path)[0].hashed("ada@example.com") != second.hashed("ada@example.com")


@pytest.mark.parametrize(
    "text",
    ["", "\n", "00" * 31, "zz" * 32, "00" * 32 + "\n00\n", "\u00e9"],
    ids=["empty", "blank", "short", "no hex", "one short", "no text"],
)
def test_what_is_no_file_of_keys_is_refused_and_never_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "subject.keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(LogFailed, match="64 hexadecimal digits") as refused:
        load_or_create_keys(path)
    assert "0000" not in str(refused.value)
    assert path.read_text() == text


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "subject.keys"
    load_or_create_keys(path)
    path.chmod(0o640)
    with pytest.raises(LogFailed, match="chmod 600"):
        load_keys(path)
    with pytest.raises(LogFailed, match="cannot be read"):
        load_keys(tmp_path / "none")
