"""Rule 3: nothing goes upstream without a permit, and only one file makes one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "sluice"
MINTS = {"mint", "mint_all", "mint_refusal", "mint_internal"}


@cache
def _calls() -> tuple[tuple[str, str], ...]:
    return tuple(_found())


def _found() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield file.relative_to(SOURCE).as_posix(), name


def test_only_the_permit_file_builds_permits() -> None:
    assert {file for file, name in _calls() if name == "Permit"} == {"session/permit.py"}


def test_only_sinks_make_receipts() -> None:
    makers = {file for file, name in _calls() if name == "Receipt"}
    assert makers
    # The recorder is a sink's other half: it syncs for all who wait, beside the loop.
    assert all(file.startswith(("edges/sinks/", "testing/")) or file == "runtime/recorder.py" for file in makers)


def test_only_the_session_mints() -> None:
    assert all(file.startswith("session/") for file, name in _calls() if name in MINTS)


def test_the_seal_is_named_nowhere_else() -> None:
    holders = {file.name for file in SOURCE.rglob("*.py") if "_SEAL" in file.read_text()}
    assert holders == {"permit.py"}
