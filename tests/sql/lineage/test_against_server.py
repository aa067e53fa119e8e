"""The analysis held against a real server: statements drawn at random are described by it and run on data that differs in one
column; what then differs in an output must have reached that output by the analysis too, or shaped the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from drawn_statements import Drawing
from psycopg.pq import ExecStatus, PGconn

from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL
from sluice.engines.postgres.dialect import lower
from sluice.model.columns import ColumnRef
from sluice.sql.catalog import Catalog
from sluice.sql.lineage import Context, analyze
from sluice.sql.span import Confidence, Output, Span
from sluice.testing.postgres import PostgresServer

HERE = Path(__file__).parent
STATEMENTS = 1000
SEED = 20260301
CHANGES = {
    ("people", "ssn"): "update people set ssn = coalesce('8' || reverse(ssn), 'there now')",
    ("people", "salary"): "update people set salary = coalesce(1 - 3 * salary, 5)",
    (
        "people",
        "tags",
    ): "update people set tags = coalesce(array['more', upper(tags[1])] || tags, array['there', 'now'])",
    ("slices", "secret"): "update slices set secret = upper(secret) || id",
}
"""How the hidden values of a column are changed: in every row, so that rows stay in their order, NULL to a value too."""


KEPT_AS_THEY_ARE = """do $$ declare one regclass; begin
    for one in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
        execute format('alter table %s set (autovacuum_enabled = off)', one);
    end loop;
end $$"""
"""Statistics that one of the databases gathers in between would give it another plan, and rows another order."""


@dataclass(frozen=True)
class Twins:
    """Connections to the same database, as it is and with one column changed, by that column; and its catalog."""

    plain: PGconn
    changed: dict[ColumnRef, PGconn]
    catalog: Catalog

    def understood(self, text: str) -> Span:
        """What the analysis says."""
        (statement,) = lower(text)
        return analyze(statement, self.catalog, Context(search_path=("pg_catalog", "public"), user="ada", lower=lower))


@pytest.fixture(scope="module")
def twins(postgres: PostgresServer) -> Iterator[Twins]:
    postgres.psql("create database twins")
    postgres.psql((HERE / "twins.sql").read_text(), "twins")
    postgres.psql(KEPT_AS_THEY_ARE, "twins")
    open_ones: list[psycopg.Connection] = []

    def connected(database: str, change: str) -> PGconn:
        for statement in ("update people set id = id", "update slices set id = id", change):
            postgres.psql(statement, database)
        open_ones.append(psycopg.connect(postgres.dsn(database), autocommit=True))
        return open_ones[-1].pgconn

    for table, column in CHANGES:
        postgres.psql(f"create database twins_{table}_{column} template twins")
    plain = connected("twins", "update people set id = id")
    changed = {
        ColumnRef("public", table, column): connected(f"twins_{table}_{column}", change)
        for (table, column), change in CHANGES.items()
    }
    yield Twins(plain, changed, build(postgres.psql(CATALOG_SQL, "twins").splitlines()))
    for one in open_ones:
        one.close()


def _described(connection: PGconn, text: str, catalog: Catalog) -> list[tuple[str, ColumnRef | None]] | None:
    """Names and origins of the outputs by the server; None: it does not take the statement."""
    if connection.prepare(b"", text.encode()).status != ExecStatus.COMMAND_OK:
        return None
    told = connection.describe_prepared(b"")
    return [
        ((told.fname(at) or b"").decode(), catalog.column_by_origin(told.ftable(at), told.ftablecol(at)))
        for at in range(told.nfields)
    ]


Columns = list[list[bytes | None]]


def _run(connection: PGconn, text: str) -> Columns | None:
    """The values of each output; None: it fails."""
    done = connection.exec_params(text.encode(), [])
    if done.status != ExecStatus.TUPLES_OK:
        return None
    return [[done.get_value(row, at) for row in range(done.ntuples)] for at in range(done.nfields)]


def _agree(outputs: tuple[Output, ...], told: list[tuple[str, ColumnRef | None]]) -> bool:
    """Whether the server's words are borne out: as many outputs, called the same, and its origins among the flows."""
    return len(outputs) == len(told) and all(
        output.name in (name, "") and (origin is None or origin in {flow.column for flow in output.flows})
        for output, (name, origin) in zip(outputs, told, strict=True)
    )


def _told(span: Span, column: ColumnRef, before: Columns | None, after: Columns | None) -> bool:
    """Whether what a change of the column did was to be expected by the analysis."""
    if before == after or span.confidence is Confidence.OPAQUE or any(use.column == column for use in span.uses):
        return True
    reached = [output.opaque or any(flow.column == column for flow in output.flows) for output in span.outputs or ()]
    if before is None or after is None:
        return any(reached)
    return all(mine == theirs or known for mine, theirs, known in zip(before, after, reached, strict=True))


def test_drawn_statements_are_what_the_server_says_and_no_change_is_unforeseen(twins: Twins) -> None:
    draw = Drawing(SEED)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for _ in range(STATEMENTS):
        text = draw.statement()
        told = _described(twins.plain, text, twins.catalog)
        if told is None:
            seen["not taken"] += 1
            continue
        span = twins.understood(text)
        if span.outputs is None or not _agree(span.outputs, told):
            wrong.append(f"the server says {told}, the analysis {span.outputs} {span.reasons}: {text}")
            continue
        seen[span.confidence.name] += 1
        before = _run(twins.plain, text)
        for column, connection in twins.changed.items():
            after = _run(connection, text)
            if not _told(span, column, before, after):
                wrong.append(f"{column} tells unforeseen: {text}")
            seen["changed"] += before != after
            seen["foreseen by flows alone"] += before != after and all(use.column != column for use in span.uses)
    assert wrong == []
    # The draw tells something: most statements are taken and understood, and many a change shows.
    assert seen["not taken"] < STATEMENTS / 5 and seen["OPAQUE"] == 0
    assert seen["changed"] > STATEMENTS / 5 and seen["foreseen by flows alone"] > STATEMENTS / 10
