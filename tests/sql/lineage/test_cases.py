"""What the analysis says of statements, against a real catalog: every case of `cases/` to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from span_words import described

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.engines.postgres.dialect import lower
from sluice.sql.catalog import Catalog
from sluice.sql.lineage import Context, analyze
from sluice.testing.postgres import PostgresServer

HERE = Path(__file__).parent
CASES = [
    pytest.param(case, id=f"{path.stem}-{number}")
    for path in sorted((HERE / "cases").glob("*.yaml"))
    for number, case in enumerate(yaml.safe_load(path.read_text()), 1)
]


@pytest.fixture(scope="module")
def catalog(postgres: PostgresServer) -> Catalog:
    postgres.psql("create database lineage_cases")
    postgres.psql((HERE / "schema.sql").read_text(), "lineage_cases")
    return build(postgres.psql(CATALOG_SQL, "lineage_cases").splitlines())


@pytest.mark.parametrize("case", CASES)
def test_a_statement_is_understood_as_the_case_says(catalog: Catalog, case: dict[str, Any]) -> None:
    path = tuple(case.get("path", ("pg_catalog", "public")))
    context = Context(search_path=path, user="ada", temp_schema=case.get("temporary"), lower=lower)
    *before, statement = lower(case["sql"])
    assert not before
    expected = {key: value for key, value in case.items() if key not in ("sql", "why", "path", "temporary")}
    assert described(analyze(statement, catalog, context)) == expected
