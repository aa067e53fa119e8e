"""DuckDB, loaded when the first question is asked: a gateway that answers none does without it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def connect() -> Any:
    """A database in memory."""
    return import_module("duckdb").connect()


def errors() -> type[Exception]:
    """What the database raises."""
    found: type[Exception] = import_module("duckdb").Error
    return found
