"""Where names are looked up: the FROM items of a query, then those of the queries around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sluice.sql.lineage.reach import CLEAR, OPAQUE, Entry, Reach


@dataclass(slots=True, eq=False)
class Item:
    """A FROM item: the entries that qualify names, and the columns seen without (after USING these are not the same)."""

    entries: list[Entry]
    visible: list[tuple[str, Reach]]
    open: bool = False

    @staticmethod
    def of(entry: Entry) -> Item:
        """An item of one entry."""
        return Item([entry], entry.columns, entry.open)


@dataclass(slots=True, eq=False)
class Result:
    """What a query comes to: its columns in order (None: not known), and what decides which rows there are."""

    columns: list[tuple[str, Reach]] | None
    influence: Reach = CLEAR


@dataclass(slots=True, eq=False)
class Scope:
    """One query's names. `ctes` are those in force here: name to its outputs."""

    items: list[Item] = field(default_factory=list)
    parent: Scope | None = None
    ctes: dict[str, Entry] = field(default_factory=dict)

    def inside(self, items: Iterable[Item] = ()) -> Scope:
        """A scope for a query within this one."""
        return Scope(list(items), self, self.ctes)

    def cte(self, name: str) -> Entry | None:
        """A WITH item by name."""
        return self.ctes.get(name)

    def column(self, name: str) -> Reach | None:
        """An unqualified name: a column here, or a whole row, or the same further out. None: nowhere. Ambiguous: opaque."""
        found = [reach for item in self.items for known, reach in item.visible if known == name]
        if len(found) == 1:
            return found[0]
        if found:
            return OPAQUE
        opened = [item for item in self.items if item.open]
        if opened:
            return OPAQUE
        entry = self._entry(name)
        if entry is not None:
            return entry.whole()
        return self.parent.column(name) if self.parent is not None else None

    def entry(self, name: str, schema: str | None = None) -> Entry | None:
        """A FROM item by what it is called, here or further out."""
        found = self._entry(name, schema)
        if found is None and self.parent is not None:
            return self.parent.entry(name, schema)
        return found

    def _entry(self, name: str, schema: str | None = None) -> Entry | None:
        for item in self.items:
            for entry in item.entries:
                if entry.name == name and (schema is None or entry.schema == schema):
                    return entry
        return None

    def visible(self) -> list[tuple[str, Reach]] | None:
        """What `*` stands for; None when some of it is not known."""
        if any(item.open for item in self.items):
            return None
        return [column for item in self.items for column in item.visible]
