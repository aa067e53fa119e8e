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
