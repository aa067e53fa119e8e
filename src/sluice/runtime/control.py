"""The gateway's own short questions to a source: its catalog, whether it changed, whether it is there."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from sluice.edges.config import Source
from sluice.edges.secrets import Secret, SecretError

_GENERIC = 160_000
_STATEMENT_SECONDS = 60
_ANSWER_SECONDS = _STATEMENT_SECONDS + 15.0
"""The database ends a question of ours itself; one that has stopped altogether is left after so long."""


async def ask(name: str, source: Source, sql: str) -> list[str]:
    """The first column of the answer, on a connection of its own.

    Raises OSError when the source cannot be reached or refuses, TimeoutError when it takes too long.
    """
    settings = conninfo(name, source)
    password = await asyncio.to_thread(reveal, source.password)
    try:
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            await psycopg.AsyncConnection.connect(settings, password=password, autocommit=True) as connection,
        ):
            cursor = await connection.execute(sql.encode())
            return [str(row[0]) for row in await cursor.fetchall()]
    except psycopg.Error as error:
        raise OSError(str(error)) from error


async def estimate(name: str, source: Source, path: tuple[str, ...], sql: str) -> int | None:
    """How many rows the database expects one statement to touch, by its plan alone; None when it does not say.

    The statement is planned on a connection of the gateway's own that may only read, and is never run.
    """
    password = await asyncio.to_thread(reveal, source.password)
    try:
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            await psycopg.AsyncConnection.connect(
                conninfo(name, source), password=password, autocommit=True
            ) as connection,
        ):
            listed = ", ".join('"' + one.replace('"', '""') + '"' for one in path)
            await connection.execute("select set_config('search_path', %s, false)", (listed,))
            generic = "generic_plan, " if connection.info.server_version >= _GENERIC else ""
            # Prepared, the text can hold one statement only, whatever is in it.
            cursor = await connection.execute(f"explain ({generic}format json) {sql}".encode(), prepare=True)
            found = await cursor.fetchone()
    except (psycopg.Error, TimeoutError):
        return None
    return None if found is None else _rows(found[0][0]["Plan"])


def _rows(plan: dict[str, Any]) -> int:
    if plan["Node Type"] == "ModifyTable":
        return sum(_rows(one) for one in plan.get("Plans", ()))
    return int(plan["Plan Rows"])


def conninfo(name: str, source: Source) -> str:
    """The source as libpq names it, without its password."""
    tls = source.tls
    return psycopg.conninfo.make_conninfo(
        host=str(source.socket) if source.socket else source.host,
        port=source.port,
        dbname=source.database or name,
        user=source.user,
        connect_timeout=max(2, int(source.connect_timeout)),
        application_name="sluice",
        sslmode=source.tls_mode,
        sslrootcert=str(tls.ca) if tls.ca else ("system" if source.tls_mode == "verify-full" else None),
        sslcert=str(tls.cert) if tls.cert else None,
        sslkey=str(tls.key) if tls.key else None,
        options=f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_SECONDS}s",
    )


def reveal(secret: Secret | None) -> str | None:
    """The password behind a reference, read now (it may block); None when there is none. Raises OSError when it cannot be read."""
    if secret is None:
        return None
    try:
        return secret.read().decode()
    except (SecretError, UnicodeDecodeError) as error:
        raise OSError(str(error)) from error
