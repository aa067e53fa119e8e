"""Labels on the columns that a source really has: they follow the object, not its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sluice.model.columns import ColumnRef, TableRef
from sluice.sql.catalog import Catalog, Column, Relation

Place = tuple[int, int]
"""A column by relation oid and attribute number: what it stays while its names change."""

DERIVED: Final = "opaque.derived"
"""A mark among a column's labels: its values are computed from labelled ones, so a part of one may be any part of those."""

UNKNOWN: Final = "unknown"
"""The label of columns that may hold text, and that nobody has labelled or looked into."""

_STORED: Final = frozenset({"table", "partitioned", "foreign"})
"""Relations with values of their own. Those of a view are its tables'."""

_NONE: Final[frozenset[str]] = frozenset()
_MARKS: Final = frozenset({UNKNOWN, DERIVED})
_SYSTEM: Final = frozenset({"pg_catalog", "information_schema", "pg_toast"})


@dataclass(frozen=True, slots=True)
class Classified:
    """What is known of columns besides their labels.

    `looked`: where a scan saw values and found nothing in them, with the name and the type that the column had then. `spoken`: where a person
    has said that there is nothing.
    """

    looked: Mapping[Place, tuple[ColumnRef, int]] = field(default_factory=dict)
    spoken: frozenset[Place] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """The labels of one source's columns under one catalog.

    `names` are all names that each column has been seen under, latest first; `drifted` are labels that a column holds
    only by an earlier name or by what was written into it, which a restart would lose unless the caller keeps them (and
    hands them back as `learned`). `row_labels` are those of ordinary relations, system catalogs left out. `parents` and
    `computed` are what labels spread along: a table taken out of its parent keeps what it had by it, and so does a generated
    column made an ordinary one.
    """

    labels: Mapping[ColumnRef, frozenset[str]] = field(default_factory=dict)
    all_labels: frozenset[str] = _NONE
    names: Mapping[Place, tuple[ColumnRef, ...]] = field(default_factory=dict, repr=False)
    drifted: Mapping[Place, frozenset[str]] = field(default_factory=dict)
    by_table: Mapping[TableRef, tuple[ColumnRef, ...]] = field(default_factory=dict, repr=False)
    row_labels: frozenset[str] = _NONE
    parents: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    computed: frozenset[Place] = frozenset()

    @classmethod
    def of(
        cls,
        labels: Mapping[ColumnRef, frozenset[str]],
        names: Mapping[Place, tuple[ColumnRef, ...]] | None = None,
        drifted: Mapping[Place, frozenset[str]] | None = None,
        parents: Mapping[int, tuple[int, ...]] | None = None,
        computed: frozenset[Place] = frozenset(),
    ) -> Binding:
        """The binding of these columns; what it knows about labels and tables follows from them."""
        by_table: dict[TableRef, list[ColumnRef]] = {}
        for column in labels:
            by_table.setdefault(column.relation, []).append(column)
        return cls(
            labels=labels,
            all_labels=_NONE.union(*labels.values()) - {DERIVED},
            names=names or {},
            drifted=drifted or {},
            by_table={table: tuple(sorted(columns)) for table, columns in by_table.items()},
            row_labels=_NONE.union(*(held for column, held in labels.items() if column.schema not in _SYSTEM))
            - {DERIVED},
            parents=parents or {},
            computed=computed,
        )

    def labels_of(self, column: ColumnRef) -> frozenset[str]:
        """The labels of a column; none for one that has none or does not exist."""
        return self.labels.get(column, _NONE)

    def known_labels_of(self, column: ColumnRef) -> frozenset[str]:
        """The same without `unknown`: what is said of a column, not what is missing."""
        return self.labels.get(column, _NONE) - {UNKNOWN}

    def columns_with(self, label: str) -> tuple[ColumnRef, ...]:
        """The columns that carry a label or one below it, sorted."""
        below = label + "."
        return tuple(
            ref for ref, held in sorted(self.labels.items()) if any((one + ".").startswith(below) for one in held)
        )

    def own_labels_of(self, place: Place) -> frozenset[str]:
        """The labels of a column by what it is; none for one that has none or does not exist."""
        known = self.names.get(place)
        return _NONE if known is None else self.labels.get(known[0], _NONE)

    def labelled_in(self, table: TableRef) -> tuple[ColumnRef, ...]:
        """The columns of a relation that carry any label."""
        return self.by_table.get(table, ())


def bind(
    catalog: Catalog,
    assigned: Callable[[ColumnRef], frozenset[str]],
    builtin: Mapping[ColumnRef, str],
    previous: Binding | None,
    learned: Mapping[Place, frozenset[str]],
    classified: Classified | None = None,
) -> Binding:
    """Binds names to columns. `assigned` gives the labels that a name asks for.

    A column keeps what every name it has been seen under asks for (a rename sheds nothing; a changed label book is
    asked afresh about all of them). Children and partitions take their parents' labels by column name and parents their
    children's, for reading one reads the other. A generated column takes those of the columns it is computed from. What
    ceases to be a child or generated keeps the labels it had: its values are still there. By `classified`, columns
    without a label that may hold text and that nobody has looked into are `unknown`; without it, none is.
    """
    relations = _relations(catalog)
    names = _names(relations, previous)
    parted = _parted(relations, previous)
    held: dict[Place, frozenset[str]] = {}
    drifted: dict[Place, frozenset[str]] = {}
    for place, known in names.items():
        own, kept = assigned(known[0]), learned.get(place, _NONE) | parted.get(place, _NONE)
        if len(known) > 1:
            kept = kept.union(*(assigned(name) for name in known[1:]))
        if kept - own:
            drifted[place] = kept - own
        if own or kept:
            held[place] = own | kept
    _spread(relations, held)
    _unknown(catalog, relations, names, held, classified)
    labels = {names[place][0]: found for place, found in held.items()}
    for column, label in builtin.items():
        labels[column] = labels.get(column, _NONE) | {label}
    parents = {relation.oid: relation.parents for relation in relations if relation.parents}
    return Binding.of(labels, names, drifted, parents, frozenset(_computed(relations)))


def _relations(catalog: Catalog) -> list[Relation]:
    """All relations that have columns, those of the system left out: they are neither renamed nor inherited from."""
    found = []
    for table in dict.fromkeys(column.relation for column in catalog.all_columns() if column.schema not in _SYSTEM):
        relation = catalog.relation(table.schema, table.table)
        if relation is not None:
            found.append(relation)
    return found


def _computed(relations: Iterable[Relation]) -> Iterator[Place]:
    for relation in relations:
        for column in relation.columns:
            if column.generated_from:
                yield relation.oid, column.attnum


def _parted(relations: Iterable[Relation], previous: Binding | None) -> dict[Place, frozenset[str]]:
    """Labels of columns that had them by a parent, or by being computed, which they no longer have or are."""
    if previous is None or not (previous.parents or previous.computed):
        return {}
    computed = frozenset(_computed(relations))
    found: dict[Place, frozenset[str]] = {}
    for relation in relations:
        left = not set(previous.parents.get(relation.oid, ())) <= set(relation.parents)
        for column in relation.columns:
            place = (relation.oid, column.attnum)
            if (left or place in previous.computed - computed) and place in previous.names:
                found[place] = previous.labels_of(previous.names[place][0]) - {UNKNOWN}
    return found


def _names(relations: Iterable[Relation], previous: Binding | None) -> dict[Place, tuple[ColumnRef, ...]]:
    before = previous.names if previous else {}
    names: dict[Place, tuple[ColumnRef, ...]] = {}
    for relation in relations:
        for column in relation.columns:
            place = (relation.oid, column.attnum)
            now = ColumnRef(relation.schema, relation.name, column.name)
            known = before.get(place)
            if known is None:
                names[place] = (now,)
            elif known[0] == now:
                names[place] = known
            else:
                names[place] = (now, *(name for name in known if name != now))
    return names


def _spread(relations: Iterable[Relation], held: dict[Place, frozenset[str]]) -> None:
    """Along inheritance and generated columns, until nothing moves; labels only ever grow, so it ends."""
    by_oid = {relation.oid: relation for relation in relations}
    moving = [
        relation
        for relation in by_oid.values()
        if relation.parents or any(column.generated_from for column in relation.columns)
    ]
    while _spread_down(moving, by_oid, held):
        pass
    # Upward last: a child's own label must not reach its siblings through their parent.
    while _spread_up(moving, by_oid, held):
        pass


def _spread_down(moving: Iterable[Relation], by_oid: Mapping[int, Relation], held: dict[Place, frozenset[str]]) -> bool:
    moved = False
    for relation in moving:
        for above in relation.parents:
            parent = by_oid.get(above)
            for column in relation.columns if parent else ():
                theirs = parent.column(column.name) if parent else None
                if theirs is not None:
                    moved |= _add(held, (relation.oid, column.attnum), held.get((above, theirs.attnum), _NONE))
        moved |= _generate(relation, held)
    return moved


def _spread_up(moving: Iterable[Relation], by_oid: Mapping[int, Relation], held: dict[Place, frozenset[str]]) -> bool:
    moved = False
    for relation in moving:
        for above in relation.parents:
            parent = by_oid.get(above)
            for column in parent.columns if parent else ():
                theirs = relation.column(column.name)
                if theirs is not None:
                    moved |= _add(held, (above, column.attnum), held.get((relation.oid, theirs.attnum), _NONE))
        moved |= _generate(relation, held)
    return moved


def _generate(relation: Relation, held: dict[Place, frozenset[str]]) -> bool:
    moved = False
    for column in relation.columns:
        for name in column.generated_from:
            read = relation.column(name)
            if read is not None:
                theirs = held.get((relation.oid, read.attnum), _NONE)
                moved |= _add(held, (relation.oid, column.attnum), theirs and theirs | {DERIVED})
    return moved


def _add(held: dict[Place, frozenset[str]], place: Place, more: frozenset[str]) -> bool:
    known = held.get(place, _NONE)
    if more <= known:
        return False
    held[place] = known | more
    return True


def _unknown(
    catalog: Catalog,
    relations: Iterable[Relation],
    names: Mapping[Place, tuple[ColumnRef, ...]],
    held: dict[Place, frozenset[str]],
    classified: Classified | None,
) -> None:
    """Marks what nobody has labelled or looked into, and tables whose children are so: reading one reads the other.

    Any other label says more. What a write brought (`unknown` among the labels there are) goes by a person's word alone.
    """
    unknown: set[Place] = set()
    texts: dict[int, bool] = {}
    for relation in relations if classified is not None else ():
        for column in relation.columns if relation.kind in _STORED else ():
            place = (relation.oid, column.attnum)
            if column.type_oid not in texts:
                texts[column.type_oid] = catalog.holds_text(column.type_oid)
            if texts[column.type_oid] and not _settled(place, column, names[place], held.get(place, _NONE), classified):
                unknown.add(place)
    by_oid = {relation.oid: relation for relation in relations}
    for relation in relations if unknown else ():
        _unknown_above(relation, by_oid, unknown)
    for place in {*held, *unknown}:
        labels = held.pop(place, _NONE) - {UNKNOWN}
        if place in unknown and not labels - _MARKS:
            labels |= {UNKNOWN}
        if labels:
            held[place] = labels


def _settled(
    place: Place,
    column: Column,
    names: tuple[ColumnRef, ...],
    labels: frozenset[str],
    classified: Classified | None,
) -> bool:
    if classified is None or labels - _MARKS or place in classified.spoken:
        return True
    name, kind = classified.looked.get(place, (None, 0))
    return UNKNOWN not in labels and name in names and kind == column.type_oid


def _unknown_above(relation: Relation, by_oid: Mapping[int, Relation], unknown: set[Place]) -> None:
    for above in relation.parents:
        parent = by_oid.get(above)
        for column in relation.columns if parent else ():
            theirs = parent.column(column.name) if parent else None
            place = (above, theirs.attnum) if theirs is not None else None
            if place is not None and (relation.oid, column.attnum) in unknown and place not in unknown:
                unknown.add(place)
                if parent is not None:
                    _unknown_above(parent, by_oid, unknown)
