"""A short, read-only look at a source, for commands that report on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from sluice.edges.config import Source
from sluice.faces.cli.statuses import Failure, Status
from sluice.runtime.control import conninfo, reveal

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Look:
    """An open connection to a source, as its upstream role."""

    connection: psycopg.Connection[tuple[Any, ...]]
    connected_ms: float

    @property
    def version(self) -> int:
        """The server's version as one number (180003)."""
        return self.connection.info.server_version

    @property
    def version_text(self) -> str:
        """The server's version as it writes it (`18.3`)."""
        return (self.connection.info.parameter_status("server_version") or "").split(" ")[0]

    @property
    def tls(self) -> bool:
        """Whether this connection is encrypted."""
        return bool(self.connection.pgconn.ssl_in_use)

    def rows(self, sql: str) -> Rows:
        """The rows of a statement; Failure when the server refuses it."""
        try:
            return self.connection.execute(sql.encode()).fetchall()
        except psycopg.Error as error:
            raise Failure(Status.UNREACHABLE, f"the database refused a question: {first_line(error)}") from error

    def one(self, sql: str) -> tuple[Any, ...]:
        """The only row of a statement."""
        (row,) = self.rows(sql)
        return row


@contextmanager
def look(name: str, source: Source) -> Iterator[Look]:
    """Connects to a source read-only, for the time of a `with`. Failure when it cannot be reached."""
    begun = time.monotonic()
    try:
        connection = psycopg.connect(conninfo(name, source), password=reveal(source.password), autocommit=True)
    except psycopg.Error as error:
        raise Failure(Status.UNREACHABLE, f"the source `{name}` cannot be reached: {first_line(error)}") from error
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"the source `{name}` cannot be reached: {error}") from error
    try:
        yield Look(connection, (time.monotonic() - begun) * 1000)
    finally:
        connection.close()


def first_line(error: BaseException) -> str:
    """The first line of a driver's message: the rest repeats the statement."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
