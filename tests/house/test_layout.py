"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sluice"
FILES = sorted(SOURCE.rglob("*.py"))
IDS = [str(path.relative_to(SOURCE)) for path in FILES]

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
FLOOR_2 = {"engines", "policy", "mask", "audit", "classify"}
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "misc"}

BROAD = {
    "policy/decide.py": "whatever goes wrong in deciding, nothing may pass because of it",
    "faces/demo/stage.py": "a stage half built is torn down, then the error goes on",
    "faces/cli/main.py": "a fault of Sluice's own has an exit status of its own",
}
"""Where everything may be caught, and why."""

PRINTS = {"faces"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


LANE_ENDS = ("edges/sinks/spool.py", "runtime/pump.py")
"""Where the kernel's pump puts lines, and where it reads from (docs/decisions/0018-a-pump-for-the-lane.md)."""


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_file_fits_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_function_fits_a_screen(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_only_floor_two_and_the_lanes_two_ends_import_the_kernel(path: Path) -> None:
    inside = path.relative_to(SOURCE)
    if inside.parts[0] not in FLOOR_2 and inside.as_posix() not in LANE_ENDS:
        assert not [name for name in _imports(_tree(path)) if name.startswith("sluice._kernel")]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_stand_at_the_top(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not [one for one in ast.walk(node) if isinstance(one, ast.Import | ast.ImportFrom)], node.name


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_nothing_hangs_on_an_assert(path: Path) -> None:
    assert not [node.lineno for node in ast.walk(_tree(path)) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_everything_is_caught_only_where_that_is_explained(path: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert not broad or str(path.relative_to(SOURCE)) in BROAD


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_only_faces_print(path: Path) -> None:
    if path.relative_to(SOURCE).parts[0] in PRINTS:
        return
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    assert not [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_no_file_is_named_for_nothing_in_particular() -> None:
    assert not [path for path in SOURCE.rglob("*") if path.stem in FORBIDDEN_NAMES]


def test_imports_go_down() -> None:
    done = subprocess.run(
        [ROOT / ".venv/bin/lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_engine_is_listed() -> None:
    folders = {path.parent.name for path in (SOURCE / "engines").glob("*/engine.py")}
    listed = (SOURCE / "engines" / "registry.py").read_text()
    assert folders
    assert {name for name in folders if f"sluice.engines.{name}.engine" in listed} == folders


def test_every_channel_is_listed() -> None:
    folder = SOURCE / "edges" / "approvals" / "channels"
    listed = (folder / "__init__.py").read_text()
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "channel", "post"}
    assert files
    assert {name for name in files if f"channels.{name} import" in listed} == files


def test_every_receiver_is_listed() -> None:
    folder = SOURCE / "edges" / "answers" / "receivers"
    listed = (folder / "__init__.py").read_text()
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "receiver"}
    assert files
    assert {name for name in files if f"receivers.{name} import" in listed} == files


def test_no_path_of_one_machine_and_no_registry_is_in_the_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    marks = re.compile(r"/work/|/root/|index-url|pypi\.org|crates\.io/api|registry\.npmjs")
    found = []
    for name in tracked:
        path = ROOT / name
        if path.suffix in (".lock", ".png", ".svg", "") or not path.is_file() or path == Path(__file__):
            continue
        if marks.search(path.read_text(errors="replace")):
            found.append(name)
    assert not found
