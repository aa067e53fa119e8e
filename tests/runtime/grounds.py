"""What a gateway of one's own stands on: a database, the role it uses there, and a place for its control state of either kind."""

from __future__ import annotations

from pathlib import Path

from sluice.edges.store import Place, PostgresPlace, SqlitePlace
from sluice.testing.postgres import PostgresServer


def ground(server: PostgresServer, name: str, folder: Path, *, shared: bool) -> tuple[Place, str]:
    """A database `name` and a role `name_gateway`, both new; the control state's place, and the line of a configuration for it.

    `shared`: it is in PostgreSQL; else where a gateway in `folder` has it by itself, for which no line is needed.
    """
    # What a killed worker ran goes on at the server for a while.
    for one in (
        f"database if exists {name} with (force)",
        f"database if exists {name}_control",
        f"role if exists {name}_gateway",
    ):
        server.psql(f"drop {one}")
    server.psql(f"create role {name}_gateway login nosuperuser")
    for one in (name, f"{name}_control"):
        server.psql(f"create database {one}")
    if not shared:
        return SqlitePlace(folder / "control.db"), ""
    url = f"postgresql://postgres@127.0.0.1:{server.port}/{name}_control"
    return PostgresPlace(server.dsn(f"{name}_control")), f"store: {{url: '{url}'}}\n"
