from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.edges.store import Place, PostgresPlace, SqlitePlace, Store
from sluice.testing.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of either kind."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "control.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"control_{tmp_path.name.replace('-', '_')}"[:60].lower()
    server.psql(f'drop database if exists "{name}"')
    server.psql(f'create database "{name}"')
    return PostgresPlace(server.dsn(name))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = Store(place)
    yield opened
    opened.close()
