from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def test_the_starter_policies_pass(configured: Path, run: Run) -> None:
    done = run("policy", "check", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["policies"] > 10


def test_what_is_wrong_is_named_for_every_file(configured: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("\npermit (principal, action, resource);")
    (tmp_path / "b.cedar").write_text('@id("b") permit (')
    done = run("policy", "check", "a.cedar", "b.cedar")
    assert done.exit_code == 1
    assert "a.cedar:2: " in done.output
    assert "b.cedar:1: " in done.output
    assert run("policy", "check", "none.cedar").exit_code == 2
