"""Real servers for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sluice.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The embedded PostgreSQL, one for the whole run; make a database of your own in it."""
    with PostgresServer() as server:
        yield server
