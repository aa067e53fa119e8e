"""The two kinds of place that control state can be kept in, and how each is opened and listened to.

What differs between them is here and nowhere else. SQLite is read while it is written (WAL) and written by one at a time;
PostgreSQL is what several machines share. Sources: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html
(data_version), https://www.postgresql.org/docs/current/sql-notify.html.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text

from sluice.edges.config import Config
from sluice.edges.config.parts import is_loopback
from sluice.edges.secrets import Secret

CHANNEL = "sluice_changes"
_LOOK_SECONDS = 0.1
_SURE_SECONDS = 1.0
"""A notification can be lost with its connection: so often it is looked without one."""
_BUSY_MS = 5_000
_CONNECT_SECONDS = 5
_MIGRATING = 0x5_1_0_1_C_E


class Ear(Protocol):
    """One thread's way to hear of changes."""

    def hear(self) -> bool:
        """Waits a little; whether something may have changed. Raises OSError when the place is gone."""

    def close(self) -> None:
        """Lets go."""


class Place(Protocol):
    """Where control state is kept."""

    def where(self) -> str:
        """The place in words, without secrets."""

    def engine(self) -> Engine:
        """Connections to it; the first one is made when it is needed."""

    def begin_write(self, connection: Connection) -> None:
        """Takes what a writer needs at the beginning of its transaction."""

    def lock_schema(self, connection: Connection) -> None:
        """Keeps others from migrating until the transaction ends."""

    def announce(self, connection: Connection) -> None:
        """Tells every listener, when the transaction commits."""

    def ear(self) -> Ear:
        """Listens from now on. Raises OSError when the place cannot be reached."""


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """A file on this machine, readable by its owner only."""

    path: Path

    def where(self) -> str:
        """The file."""
        return str(self.path)

    def engine(self) -> Engine:
        """Connections in WAL mode, whose commits survive a power loss."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": _BUSY_MS / 1000})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def begin_write(self, connection: Connection) -> None:
        """Nothing: the transaction was begun as a writer's."""

    def lock_schema(self, connection: Connection) -> None:
        """Nothing: there is one writer at a time."""

    def announce(self, connection: Connection) -> None:
        """Nothing: the file's own counter tells."""

    def ear(self) -> Ear:
        """Looks at the file's counter of commits, which costs a read of shared memory."""
        return _SqliteEar(self.path)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A database that several machines share. `conninfo` is libpq's, without a password."""

    conninfo: str
    password: Secret | None = field(default=None, repr=False)

    def where(self) -> str:
        """The database."""
        known = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        return f"{known.get('dbname', '')} at {known.get('host', '')}:{known.get('port', 5432)}"

    def engine(self) -> Engine:
        """Connections by psycopg, checked before each use: the server may have been started anew."""
        return create_engine("postgresql+psycopg://", creator=self.connect, pool_pre_ping=True)

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        """One connection; psycopg.Error when it cannot be made."""
        password = None if self.password is None else self.password.read().decode()
        found: psycopg.Connection[Any] = psycopg.connect(
            self.conninfo,
            password=password,
            connect_timeout=_CONNECT_SECONDS,
            application_name="sluice store",
            keepalives_idle=2,
            keepalives_interval=1,
            keepalives_count=3,
            tcp_user_timeout=5000,
            options="-c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000",
            **more,
        )
        return found

    def begin_write(self, connection: Connection) -> None:
        """Nothing: what is written takes its own locks."""

    def lock_schema(self, connection: Connection) -> None:
        """One at a time, across machines."""
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})

    def announce(self, connection: Connection) -> None:
        """A notification, delivered when the transaction commits."""
        connection.execute(text(f"notify {CHANNEL}"))

    def ear(self) -> Ear:
        """A connection that listens."""
        return _PostgresEar(self)


def place_of(config: Config) -> Place:
    """Where a configuration keeps control state. Towards other machines TLS is verified unless the url says otherwise."""
    settings = config.store
    if settings.url is None:
        return SqlitePlace(settings.path or config.audit.path.parent / "control.db")
    known = psycopg.conninfo.conninfo_to_dict(settings.url)
    host = str(known.get("host") or "localhost")
    local = host.startswith("/") or is_loopback(host)
    if "sslmode" not in known and not local:
        known.update(sslmode="verify-full", sslrootcert=known.get("sslrootcert") or "system")
    return PostgresPlace(psycopg.conninfo.make_conninfo("", **known), settings.password)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by itself and late; they are begun by `_begin_sqlite`.
    connection.isolation_level = None
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on", f"busy_timeout={_BUSY_MS}"):
        connection.execute(f"pragma {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer midway can be told that it is too late: a writer says so at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


class _SqliteEar:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        self._seen = -1

    def hear(self) -> bool:
        time.sleep(_LOOK_SECONDS)
        with _as_os_error(sqlite3.Error):
            (now,) = self._connection.execute("pragma data_version").fetchone()
        changed, self._seen = now != self._seen, now
        return bool(changed)

    def close(self) -> None:
        self._connection.close()


class _PostgresEar:
    def __init__(self, place: PostgresPlace) -> None:
        with _as_os_error(psycopg.Error):
            self._connection = place.connect(autocommit=True)
            self._connection.execute(f"listen {CHANNEL}".encode())
        # Long ago: what changed before it listened counts too.
        self._looked = float("-inf")

    def hear(self) -> bool:
        heard = time.monotonic() - self._looked > _SURE_SECONDS
        if not heard:
            with _as_os_error(psycopg.Error):
                heard = any(True for _ in self._connection.notifies(timeout=_LOOK_SECONDS, stop_after=1))
        if heard:
            self._looked = time.monotonic()
        return heard

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _as_os_error(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        raise OSError(str(error)) from error
