from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.edges.store import Place, PostgresPlace, SqlitePlace, Store
from sluice.testing.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place of either kind, one for the tests of a file."""
    folder: Path = tmp_path_factory.mktemp("control")
    if request.param == "sqlite":
        return SqlitePlace(folder / "control.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"store_{folder.name}".replace("-", "_")
    server.psql(f'drop database if exists "{name}"')
    server.psql(f'create database "{name}"')
    return PostgresPlace(server.dsn(name))


@pytest.fixture(scope="module")
def store(place: Place) -> Iterator[Store]:
    opened = Store(place)
    yield opened
    opened.close()
