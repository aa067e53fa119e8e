from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from yard import PASSWORD, POLICIES, SCHEMA, Yard

from sluice.edges.store import Place, PostgresPlace, SqlitePlace, Store
from sluice.edges.store.tables import requests
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def yard(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    folder: Path = tmp_path_factory.mktemp("yard")
    postgres.psql("drop database if exists yard")
    postgres.psql("drop database if exists yard_control")
    postgres.psql("drop role if exists yard_gateway")
    postgres.psql("create role yard_gateway login nosuperuser")
    postgres.psql("create database yard")
    postgres.psql("create database yard_control")
    postgres.psql(SCHEMA, "yard")
    place: Place = SqlitePlace(folder / "control.db")
    where = ""
    if request.param == "postgres":
        place = PostgresPlace(postgres.dsn("yard_control"))
        where = f"store: {{url: 'postgresql://postgres@127.0.0.1:{postgres.port}/yard_control'}}\n"
    config = (
        f"sources:\n  yard: {{host: 127.0.0.1, port: {postgres.port}, environment: production, user: yard_gateway}}\n"
        + "users:\n"
        + "".join(
            f'  {name}: {{groups: [{group}], scram: "{verifier(PASSWORD)}"}}\n'
            for name, group in {"wim": "work", "wilma": "work", "lena": "lead", "lars": "lead"}.items()
        )
        + f"masking: {{key: {{file: masking.key}}}}\naudit: {{path: audit}}\n{where}"
        + "approvals: {waiting_per_identity: 2, address: 'https://gate.example.com/requests/'}\n"
    )
    with RunningGateway(folder, config, files={"policies/yard.cedar": POLICIES, "labels.yaml": "{}\n"}) as running:
        store = Store(place)
        yield Yard(running, postgres, store)
        store.close()


@pytest.fixture(autouse=True)
def _settled(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing is left open by the test before, where there is a yard."""
    if "yard" not in request.fixturenames:
        yield
        return
    yard: Yard = request.getfixturevalue("yard")
    yield
    yard.store.write(lambda connection: connection.execute(delete(requests)), "requests").result()
    yard.server.psql("update stock set n = 0; update other.stock set n = 0", "yard")
