from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run


def test_a_source_that_answers_is_shown_with_its_version(configured: Path, run: Run) -> None:
    done = run("sources", "--json")
    assert done.exit_code == 0
    (found,) = json.loads(done.stdout)
    assert found["reachable"] is True
    assert found["version"].startswith("18.")
    assert (found["role"], found["environment"], found["tls"]) == ("gateway", "production", False)
    assert "18." in run("sources").output


def test_one_that_does_not_answer_ends_with_status_3_after_all_are_tried(configured: Path, run: Run) -> None:
    text = configured.read_text()
    entry = "  gone: {host: 127.0.0.1, port: 1, environment: staging, user: x}\n"
    configured.write_text(text.replace("sources:\n", f"sources:\n{entry}"))
    done = run("sources", "--json")
    assert done.exit_code == 3
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert (found["gone"]["reachable"], found["shop"]["reachable"]) == (False, True)
    assert "cannot be reached" in found["gone"]["error"]


def test_a_password_that_is_not_there_is_an_error_of_that_source(
    configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write_text(configured.read_text().replace("# password: $", "password: $"))
    monkeypatch.delenv("SHOP_PASSWORD")
    done = run("sources")
    assert done.exit_code == 3
    assert "the environment variable `SHOP_PASSWORD` is not set" in done.output
