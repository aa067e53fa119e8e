"""Clients written in other languages: installed from their registries when a test wants them, or the test is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE_SECONDS = 300


def needs(*programs: str) -> None:
    """Skips the test where one of the programs is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def installed(folder: Path, lock: Path, *command: str) -> Path:
    """The folder with what the command brings into it, brought anew when the lock changed; skips where it cannot be had."""
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        done = _run(folder, *command)
        if done.returncode != 0:
            pytest.skip(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout)[-300:]}")
        stamp.write_bytes(lock.read_bytes())
    return folder


def said(folder: Path, *command: str) -> list[str]:
    """The lines that a client prints."""
    done = _run(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
