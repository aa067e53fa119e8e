"""Which place a configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.edges.config import load
from sluice.edges.store import PostgresPlace, SqlitePlace, place_of

LEAST = """\
sources: {shop: {host: 127.0.0.1, environment: staging, user: gateway}}
masking: {key: {file: masking.key}}
audit: {path: /var/lib/sluice/audit}
"""


def placed(tmp_path: Path, more: str) -> SqlitePlace | PostgresPlace:
    path = tmp_path / "sluice.yaml"
    path.write_text(LEAST + more)
    return place_of(load(path, {}))  # type: ignore[return-value]


def test_without_a_word_it_is_a_file_beside_the_log(tmp_path: Path) -> None:
    assert placed(tmp_path, "") == SqlitePlace(Path("/var/lib/sluice/control.db"))
    assert placed(tmp_path, "store: {path: own.db}") == SqlitePlace(tmp_path / "own.db")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://sluice@db.example.com/control", "verify-full"),
        ("postgresql://sluice@db.example.com/control?sslmode=require", "require"),
        ("postgresql://sluice@127.0.0.1:5433/control", None),
    ],
)
def test_another_machine_is_verified_in_full_unless_told_otherwise(tmp_path: Path, url: str, mode: str | None) -> None:
    found = placed(tmp_path, f"store: {{url: '{url}', password: {{file: secret}}}}")
    assert isinstance(found, PostgresPlace)
    assert (f"sslmode={mode}" in found.conninfo) if mode else ("sslmode" not in found.conninfo)
    assert "secret" not in repr(found) + found.where()
