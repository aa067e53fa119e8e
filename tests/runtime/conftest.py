from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from yard import Yard, opened

from sluice.edges.store.tables import grants, requests
from sluice.testing.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    folder: Path = tmp_path_factory.mktemp("yard")
    with opened(postgres, folder, shared=request.param == "postgres") as found:
        yield found


@pytest.fixture
def yard(running: Yard) -> Iterator[Yard]:
    """The yard, in which no test leaves anything behind."""
    yield running
    running.store.write(
        lambda connection: [connection.execute(delete(each)) for each in (requests, grants)], "requests", "grants"
    ).result()
    running.server.psql("update stock set n = 0; update other.stock set n = 0", "yard")
