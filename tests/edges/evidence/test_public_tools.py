"""What others wrote reads the log: Go's libraries for signed notes and tiled transparency logs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.edges.evidence.tiles import lay_out

from .conftest import Ledger

PROGRAM = Path(__file__).parent / "public"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    binary = tmp_path_factory.mktemp("go") / "reader"
    done = subprocess.run([go, "build", "-o", binary, "."], cwd=PROGRAM, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Go's libraries could not be had: {done.stderr[-300:]}")
    return binary


@pytest.mark.parametrize("count", [3, 256, 700, 66_000])
def test_go_reads_checkpoint_tiles_and_entries(
    reader: Path, begin: Callable[..., Ledger], tmp_path: Path, count: int
) -> None:
    ledger = begin(origin="example.com/sluice")
    ledger.write(count // 2)
    lay_out(ledger.folder, ledger.notary.verifier, tmp_path / "tiles")
    ledger.write(count - count // 2)
    lay_out(ledger.folder, ledger.notary.verifier, tmp_path / "tiles")
    done = subprocess.run(
        [reader, tmp_path / "tiles", str(ledger.notary.verifier)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout) == ("", f"example.com/sluice {count}\n")
