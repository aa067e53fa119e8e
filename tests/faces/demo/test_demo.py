"""The tour is the product in a nutshell: if a step misbehaves, something a user relies on is broken."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from sluice.faces.demo import company


def test_every_step_of_the_tour_behaves(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sluice.faces.demo", "--once", "--folder", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every step behaved" in done.stdout


def test_the_company_is_large_and_the_same_every_time() -> None:
    sizes = Counter({table: sum(1 for _ in company.rows(table)) for table in company.SIZES})
    assert sizes.total() >= 50_000
    assert list(company.rows("staff")) == list(company.rows("staff"))
