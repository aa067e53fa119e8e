"""tests/ mirrors src/: every module has a test of its name, one beside that uses it, or one that is said to stand for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE, TESTS = ROOT / "src" / "sluice", ROOT / "tests"
MODULES = [
    str(path.relative_to(SOURCE).with_suffix(""))
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "__init__.py" and path.parent.name != "versions"
]
COVERED: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "covered.yaml").read_text())


def _own(module: str) -> Path:
    place = Path(module)
    return TESTS / place.parent / f"test_{place.name}.py"


@cache
def _imported(test: Path) -> frozenset[str]:
    return frozenset(_names(ast.parse(test.read_text())))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _beside(module: str) -> bool:
    place = Path(module)
    name = "sluice." + ".".join(place.parts)
    folder = TESTS / place.parent
    return any(name in _imported(test) for test in folder.glob("test_*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_tested_under_its_name_beside_it_or_by_one_that_stands_for_it(module: str) -> None:
    listed = any(module in modules for modules in COVERED.values())
    assert _own(module).exists() or _beside(module) or listed, (
        f"write {_own(module).relative_to(ROOT)}, or say in tests/house/covered.yaml which test stands for `{module}`"
    )


@pytest.mark.parametrize("test", COVERED)
def test_a_test_that_stands_for_modules_is_there_and_so_are_they(test: str) -> None:
    assert (TESTS / test).exists()
    for module in COVERED[test]:
        assert module in MODULES, module


def test_no_module_is_listed_twice() -> None:
    listed = [module for modules in COVERED.values() for module in modules]
    assert len(set(listed)) == len(listed)
