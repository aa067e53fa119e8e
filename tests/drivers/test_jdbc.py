"""PostgreSQL's JDBC driver through the gateway: what DBeaver, DataGrip, Metabase and their like stand on."""

from __future__ import annotations

import pytest
from foreign import HERE, installed, needs, said

JDBC = HERE / "jdbc"
VERSION = "42.7.7"


def _said(port: int, user: str, password: str) -> tuple[list[str], list[str]]:
    url = f"jdbc:postgresql://127.0.0.1:{port}/shop"
    lines = said(JDBC, "java", "-cp", f"build/postgresql-{VERSION}.jar", "Metadata.java", url, user, password)
    cut = lines.index("--")
    return lines[:cut], lines[cut + 1 :]


@pytest.fixture(scope="module")
def at_the_server(gateway) -> list[str]:
    needs("java", "mvn")
    fetched = f"-Dartifact=org.postgresql:postgresql:{VERSION}", "-DoutputDirectory=build"
    installed(JDBC, JDBC / "Metadata.java", "mvn", "-q", "dependency:copy", *fetched)
    return _said(gateway.server.port, "shop_gateway", "-")[0]


@pytest.mark.parametrize("user", ["dana", "dora"])
def test_its_metadata_is_what_it_is_at_the_server_and_rows_are_masked(
    gateway, at_the_server: list[str], user: str
) -> None:
    metadata, read = _said(gateway.gateway.port, user, gateway.password)
    assert len(metadata) > 250
    assert metadata == at_the_server
    assert (
        read
        == [f"read|{one}|p***@example.com|{{t{one},all}}" for one in (1, 2, 3)] * 5
        + [f'read|{one}|p***@example.com|{{"t{one}","all"}}' for one in (1, 2, 3)] * 2
    )
