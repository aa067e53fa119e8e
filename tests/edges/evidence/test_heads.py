"""One signed head stands over the logs of several writers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.edges.evidence.heads import publish
from sluice.edges.evidence.keys import load_key
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger


def test_each_new_checkpoint_of_each_log_becomes_a_leaf(begin: Callable[..., Ledger], tmp_path: Path) -> None:
    one, two = begin("one", origin="example.com/a"), begin("two", origin="example.com/b")
    shutil.copy(one.audit.signing_key, two.audit.signing_key)
    two.close()
    two.open()
    key, heads = load_key(one.audit.signing_key), tmp_path / "heads"
    one.write(3)
    assert publish(heads, key, "example.com/heads", [one.folder, two.folder]).size == 1
    for n in range(1, 260):
        two.write(1)
        assert publish(heads, key, "example.com/heads", [one.folder, two.folder]).size == n + 1
    before = (heads / "checkpoint").read_bytes()
    publish(heads, key, "example.com/heads", [one.folder, two.folder])
    assert (heads / "checkpoint").read_bytes() == before
    assert (heads / "tile/entries/000").read_bytes()[2:].startswith(b"example.com/a\n3\n")


def test_a_checkpoint_that_does_not_hold_is_not_published(begin: Callable[..., Ledger], tmp_path: Path) -> None:
    one, two = begin("one"), begin("two")
    one.write(1)
    with pytest.raises(LogFailed, match="does not hold"):
        publish(tmp_path / "heads", load_key(two.audit.signing_key), "example.com/heads", [one.folder])
