from __future__ import annotations

import subprocess
import sys

import pytest

from sluice.faces.cli.commands import COMMANDS, Commands

HEAVY = {"sqlalchemy", "alembic", "duckdb", "pyarrow", "psycopg", "uvloop"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_list_says_and_explains_itself(name: str) -> None:
    assert Commands()[name].help


def test_a_command_imports_what_it_needs_alone() -> None:
    code = (
        "import sys; from sluice.faces.cli.main import app; app(['check', '--help'], standalone_mode=False);"
        "print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.rpartition("imported:")[2].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_each_command_what_its_own_help_begins_with(name: str) -> None:
    first, _, _ = Commands()[name].help.strip().partition("\n\n")
    assert COMMANDS[name][1] == " ".join(first.split())


def test_the_list_of_commands_is_shown_without_importing_any() -> None:
    code = (
        "import sys; from sluice.faces.cli.main import app; app(['--help'], standalone_mode=False);"
        "print('imported:', *sorted(name for name in sys.modules if name.startswith('sluice.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, _, imported = done.stdout.rpartition("imported:")
    assert all(name in shown for name in COMMANDS)
    assert not {f"sluice.faces.cli.{place.partition(':')[0]}" for place, _ in COMMANDS.values()} & set(imported.split())
