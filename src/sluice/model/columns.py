"""Names of the things a database holds."""

from __future__ import annotations

from typing import NamedTuple


class TableRef(NamedTuple):
    """A relation by its names as the catalog spells them (never folded or quoted)."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


class ColumnRef(NamedTuple):
    """One column of a relation, by its names as the catalog spells them."""

    schema: str
    table: str
    column: str

    @property
    def relation(self) -> TableRef:
        """The relation that holds the column."""
        return TableRef(self.schema, self.table)

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.column}"
