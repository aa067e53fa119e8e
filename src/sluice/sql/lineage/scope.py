"""Where names are looked up: the FROM items of a query, then those of the queries around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sluice.sql.lineage.reach import CLEAR, OPAQUE, SYSTEM, UNNAMED, Entry, Reach, union


@dataclass(slots=True, eq=False)
class Item:
    """A FROM item: the entries that qualify names, and the columns seen without (after USING these are not the same)."""

    entries: list[Entry]
    visible: list[tuple[str, Reach]]
    open: bool = False
    vague: Reach | None = None
    """What reaches columns of it that may be called anything."""

    @staticmethod
    def of(entry: Entry) -> Item:
        """An item of one entry."""
        return Item([entry], entry.columns, entry.open, entry.whole().derived() if entry.vague else None)


@dataclass(slots=True, eq=False)
class Result:
    """What a query comes to: its columns in order (None: not known), and what decides which rows there are."""

    columns: list[tuple[str, Reach]] | None
    influence: Reach = CLEAR


def answered(name: str, result: Result, renames: tuple[str, ...]) -> Entry:
    """A query's result as an entry."""
    entry = Entry(name, result.columns or [], open=result.columns is None).renamed(name, renames)
    entry.vague = any(column == UNNAMED for column, _ in entry.columns)
    return entry


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
        """An unqualified name: a column here or further out; only then a whole row. None: nowhere. Ambiguous: opaque."""
        possible: list[Reach] = []
        level: Scope | None = self
        while level is not None:
            found, sure = level._own(name)
            if found is not None:
                if sure and not possible:
                    return found
                possible.append(found)
                if sure:
                    return union(possible)
            level = level.parent
        entry = self.entry(name)
        if entry is not None:
            possible.append(entry.whole())
        return possible[0] if len(possible) == 1 else union(possible) if possible else None

    def _own(self, name: str) -> tuple[Reach | None, bool]:
        """A column of this level by name, and whether it is sure that no column further out is meant."""
        found = [(reach, item) for item in self.items for known, reach in item.visible if known == name]
        if len(found) > 1 or any(item.open for item in self.items):
            return (found[0][0] if len(found) == 1 else OPAQUE), True
        vague = [item.vague for item in self.items if item.vague is not None]
        if found:
            reach, item = found[0]
            return (reach, True) if item.vague is None else (union((reach, *vague)), False)
        if name in SYSTEM and any(entry.stored for item in self.items for entry in item.entries):
            return CLEAR, True
        return (union(vague), False) if vague else (None, False)

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
        if any(item.open or item.vague is not None for item in self.items):
            return None
        return [column for item in self.items for column in item.visible]
