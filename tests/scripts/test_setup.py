"""What `scripts/setup` says on a machine that lacks something, before it has done anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "scripts" / "setup"
OLD = "#!/bin/sh\n# As an interpreter that is too old answers.\nexit 1\n"
NEW = "#!/bin/sh\nexit 0\n"
PROGRAMS = ("bash", "dirname", "env")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({}, "sluice needs Python 3.11 or newer"),
        ({"python3": OLD, "python3.11": OLD}, "sluice needs Python 3.11 or newer"),
        ({"python3": NEW}, "sluice needs cargo"),
        ({"python3.13": NEW, "cargo": NEW}, "sluice needs a C linker"),
    ],
    ids=["nothing", "an old Python", "no cargo", "no linker"],
)
def test_what_is_missing_is_named_and_nothing_is_done(tmp_path: Path, there: dict[str, str], said: str) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(SETUP, tmp_path / "scripts" / "setup")
    path = tmp_path / "bin"
    path.mkdir()
    for name in PROGRAMS:
        (path / name).symlink_to(shutil.which(name) or name)
    for name, text in there.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "scripts" / "setup"], env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / ".venv").exists()
