"""Control state that workers and nodes share: SQLite by default, PostgreSQL when configured."""

from __future__ import annotations

from sluice.edges.store.place import Place, PostgresPlace, SqlitePlace, place_of
from sluice.edges.store.store import Store, StoreError

__all__ = ["Place", "PostgresPlace", "SqlitePlace", "Store", "StoreError", "place_of"]
