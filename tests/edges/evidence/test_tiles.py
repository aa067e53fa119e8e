"""The tree laid out as tiles is the one that was signed, and grows by what is new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.audit.tree import check_inclusion, leaf_hash
from sluice.edges.evidence.files import read_checkpoint
from sluice.edges.evidence.tiles import lay_out, tiles_in
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger


def _tiles(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _entry(out: Path, index: int, partial: str = "") -> bytes:
    bundle = (out / f"tile/entries/{index // 256:03d}{partial}").read_bytes()
    return bundle[index % 256 * 34 + 2 :][:32]


def test_tiles_grow_with_the_log_and_prove_its_events(ledger: Ledger, tmp_path: Path) -> None:
    out, verifier = tmp_path / "tiles", ledger.notary.verifier
    with pytest.raises(LogFailed, match="no checkpoint yet"):
        lay_out(ledger.folder, verifier, out)
    ledger.write(300)
    assert lay_out(ledger.folder, verifier, out).files == 5
    partial = {"tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"}
    assert _tiles(out) == {"checkpoint", "tile/0/000", "tile/entries/000"} | partial
    ledger.write(300)
    assert lay_out(ledger.folder, verifier, out).files == 5
    full = {f"tile/{kind}/00{index}" for kind in ("0", "entries") for index in (0, 1)}
    now = {"tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/2"}
    assert _tiles(out) - {"tile/1/000.p/1"} == {"checkpoint"} | full | now
    signed = read_checkpoint(out, verifier)
    assert signed is not None
    assert signed.size == 600
    for index, behind in ((7, ""), (300, ""), (599, ".p/88")):
        path = tiles_in(out, 600).inclusion(index)
        check_inclusion(leaf_hash(_entry(out, index, behind)), index, 600, path, signed.root)
    assert lay_out(ledger.folder, verifier, out).files == 0


def test_tiles_of_another_log_are_not_gone_on_with(begin: Callable[..., Ledger], tmp_path: Path) -> None:
    one, other = begin("one"), begin("other", origin="example.com/sluice")
    one.write(5)
    other.write(9)
    lay_out(one.folder, one.notary.verifier, tmp_path / "tiles")
    with pytest.raises(LogFailed, match="no signature by a known key"):
        lay_out(other.folder, other.notary.verifier, tmp_path / "tiles")
    longer = (one.folder / "checkpoint").read_bytes()
    (other.folder / "checkpoint").write_bytes(longer)
    with pytest.raises(LogFailed, match="is not what was signed"):
        lay_out(other.folder, one.notary.verifier, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_a_log_put_back_to_an_older_state_does_not_shorten_its_tiles(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write(5)
    older = (ledger.folder / "checkpoint").read_bytes()
    ledger.write(5)
    lay_out(ledger.folder, ledger.notary.verifier, tmp_path / "tiles")
    (ledger.folder / "checkpoint").write_bytes(older)
    with pytest.raises(LogFailed, match="more of this one than there is"):
        lay_out(ledger.folder, ledger.notary.verifier, tmp_path / "tiles")
