"""What reaches a value: the columns that flow into it, whether it is one of them untouched, whether that is all there is to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sluice.model.columns import ColumnRef
from sluice.sql.span import Flow

_NOTHING: frozenset[Flow] = frozenset()


@dataclass(slots=True, frozen=True)
class Reach:
    """The lineage of one value. `row`: it is a whole row of this entry, so its fields are known one by one. `shown`: it is
    this column untouched, of which only values that anybody may see are taken, so that it does not count as a flow."""

    flows: frozenset[Flow] = _NOTHING
    plain: ColumnRef | None = None
    opaque: bool = False
    row: Entry | None = field(default=None, compare=False)
    shown: ColumnRef | None = None

    def derived(self) -> Reach:
        """The lineage of something computed from the value."""
        return self if self.plain is None and self.row is None else Reach(self.flows, None, self.opaque)

    def aggregated(self) -> Reach:
        """The lineage of a count, sum or average of the value."""
        return Reach(frozenset(Flow(flow.column, "aggregate") for flow in self.flows), None, self.opaque)


CLEAR = Reach()
OPAQUE = Reach(opaque=True)


def union(reaches: Iterable[Reach]) -> Reach:
    """The lineage of something computed from all of these."""
    flows: frozenset[Flow] = _NOTHING
    opaque = False
    for reach in reaches:
        if reach.flows:
            flows = flows | reach.flows if flows else reach.flows
        opaque = opaque or reach.opaque
    return Reach(flows, None, opaque) if flows or opaque else CLEAR


def merged(left: Reach, right: Reach) -> Reach:
    """The lineage of a value that is one or the other (set operations, USING): untouched only if both are the same column."""
    both = union((left, right))
    return Reach(both.flows, left.plain, both.opaque) if left.plain is not None and left.plain == right.plain else both


@dataclass(slots=True, eq=False)
class Entry:
    """A named thing in FROM with its columns in order. `open`: it may have columns that are not known.

    `schema` lets `schema.table.column` find it. `vague`: its columns may be called otherwise, or be several where one is
    listed, but nothing else reaches any of them. `stored`: it is a table, and has the system's columns too.
    """

    name: str
    columns: list[tuple[str, Reach]]
    open: bool = False
    schema: str | None = None
    vague: bool = False
    stored: bool = False

    def get(self, column: str) -> Reach | None:
        """A column by name; None: there is none."""
        for name, reach in self.columns:
            if name == column:
                return self.whole().derived() if self.vague else reach
        if self.stored and column in SYSTEM:
            return CLEAR
        return self.whole() if self.open else None

    def whole(self) -> Reach:
        """The whole row as one value."""
        found = union(reach for _, reach in self.columns)
        return Reach(found.flows, None, found.opaque or self.open, self)

    def renamed(self, name: str, columns: tuple[str, ...]) -> Entry:
        """The same under another name, its first columns renamed."""
        listed = [(columns[i] if i < len(columns) else old, reach) for i, (old, reach) in enumerate(self.columns)]
        return Entry(name, listed, self.open, vague=self.vague, stored=self.stored)


UNNAMED = ""
"""Stands for the name of an output whose name is not known."""

SYSTEM = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
"""Columns every table has, which tell where a row is and never what it says."""
