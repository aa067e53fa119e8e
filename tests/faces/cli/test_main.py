from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sluice.faces.cli.main import app
from sluice.faces.cli.output import clean
from sluice.faces.cli.statuses import MEANINGS, Status

from .conftest import Run

ROOT = Path(__file__).parents[3]


def sluice(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from sluice.faces.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_runs_as_a_program_with_its_statuses(tmp_path: Path) -> None:
    assert json.loads(sluice("version", "--json", folder=tmp_path).stdout)["python"]
    assert sluice("init", folder=tmp_path).returncode == Status.OK
    assert sluice("check", folder=tmp_path, SHOP_PASSWORD="x").returncode == Status.OK
    assert sluice("check", folder=tmp_path).returncode == Status.FAILED
    assert sluice("check", "--config", "none.yaml", folder=tmp_path).returncode == Status.USAGE
    assert sluice("nonsense", folder=tmp_path).returncode == Status.USAGE
    assert sluice("audit", "tail", folder=tmp_path).returncode == Status.UNREACHABLE


def test_errors_go_to_standard_error_and_results_to_standard_output(tmp_path: Path) -> None:
    failed = sluice("check", folder=tmp_path)
    assert (failed.stdout, failed.stderr.startswith("error: sluice.yaml: cannot be read")) == ("", True)
    as_json = sluice("check", "--json", folder=tmp_path)
    assert as_json.stderr == ""
    assert json.loads(as_json.stdout)["status"] == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught_to_complete(tmp_path: Path, shell: str) -> None:
    done = sluice("--show-completion", shell, folder=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0, done.stderr
    assert "COMPLETE" in done.stdout


def commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    found = []
    for name, command in group.commands.items():
        own = (*path, name)
        found += commands(command, own) if hasattr(command, "commands") else [(own, command)]
    return found


def test_every_command_takes_json_and_says_what_it_does(run: Run) -> None:
    for path, command in commands(typer.main.get_command(app)):
        options = [name for each in command.params for name in each.opts]
        if path not in (("serve",), ("psql",)):
            assert "--json" in options, path
        shown = run(*path, "--help")
        assert shown.exit_code == 0
        assert len(command.help) > 40, path
        assert all(each.help for each in command.params if each.name != "help"), path


def test_every_status_has_a_meaning_in_the_help_and_in_the_reference(run: Run) -> None:
    assert set(MEANINGS) == set(Status)
    help_text = " ".join(run("--help").output.split())
    for status in Status:
        assert f"{int(status)} " in help_text


def test_the_reference_pages_are_what_the_code_would_write() -> None:
    generator = ROOT / "docs" / "reference" / "generate.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, str(generator), "--check"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_text_from_outside_cannot_move_the_cursor_or_hide() -> None:
    assert clean("a\x1b[2J\r\x00b\u202ec\u200bd\n") == "a\ufffd[2J\ufffd\ufffdb\ufffdc\ufffdd\n"
