"""What a source holds, as of one moment: relations, types, functions, operators, casts. Immutable; looked up by name or number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sluice.model.columns import ColumnRef

RelationKind = Literal["table", "view", "matview", "foreign", "partitioned", "composite", "sequence", "index", "toast"]
TypeKind = Literal["base", "domain", "composite", "enum", "range", "multirange", "array", "pseudo"]
Guard = Literal["", "unique", "checked"]
Rows = Literal["never", "as-arguments", "maybe"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `type_name` as the server prints it (`character varying(20)`); `generated_from`: the columns it is computed of."""

    name: str
    attnum: int
    type_oid: int
    type_name: str
    not_null: bool = False
    generated_from: tuple[str, ...] = ()
    generated: bool = False
    guard: Guard = ""
    """What may turn a value away: `unique`, that it is there or is not; `checked`: a condition on it."""
    key: bool = False
    """Which values are there, here or in the column it points into, decides which may be written to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A relation. `definition` is a view's query; `parents` and `children` are those of inheritance and partitions, by oid."""

    oid: int
    schema: str
    name: str
    kind: RelationKind
    columns: tuple[Column, ...]
    definition: str | None = None
    parents: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    row_type_oid: int = 0
    has_triggers: bool = False
    has_rules: bool = False
    reads_run_code: bool = False
    """Row security calls functions of others."""
    writes_run_code: bool = False
    """Checks, defaults, indexes or domains call functions of others."""
    _by_name: Mapping[str, Column] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {column.name: column for column in self.columns})

    def column(self, name: str) -> Column | None:
        """A column by name."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type. `base_oid` is a domain's, `element_oid` an array's, `relation_oid` a composite's."""

    oid: int
    schema: str
    name: str
    kind: TypeKind
    base_oid: int | None = None
    element_oid: int | None = None
    relation_oid: int | None = None
    builtin: bool = True
    checked: bool = False
    """A domain with a CHECK, which may call anything."""
    category: str = ""
    """The server's letter for types that become one another unasked (`N` numbers, `S` texts, …)."""
    textual: bool = False
    """A base type whose values may be any text, or hold some."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, in one or several forms. `plain`: known to compute on its arguments alone. `declared`: the configuration
    vouches for that.

    `columns`: those of its result when it stands in FROM, () for one that is called after the call; None: not known, or as
    many as its arguments make it. `returns`: the types of its value in all forms, by oid. `many`: it answers with any number
    of rows. `reads`: it computes on its arguments and on these columns of the system's own, and on nothing else. `acts`: that
    it was called can be told afterwards. `keeps`: so can what it was called with; it is harmless while that is no column's.
    """

    schema: str
    name: str
    builtin: bool
    plain: bool
    aggregate: Literal["value", "aggregate"] | None = None
    declared: bool = False
    columns: tuple[str, ...] | None = None
    returns: frozenset[int] = frozenset()
    many: bool = False
    reads: tuple[ColumnRef, ...] = ()
    acts: bool = False
    keeps: bool = False


ANY = "*"
"""Values of whatever type."""


class Operator(NamedTuple):
    """An operator with code of others behind it. `takes`: categories of types, besides the extension's own, whose values
    may stand on each side; `*`: any; empty: values of a type of others alone, which are unclear themselves."""

    schema: str
    takes: tuple[str, ...]

    def may_take(self, kinds: tuple[str, ...]) -> bool:
        """Whether it may be meant, between values of these categories (empty: not known; none at all: nothing is)."""
        if not kinds:
            return all(self.takes)
        return len(kinds) == len(self.takes) and all(
            takes == ANY or (takes and (not kind or kind in takes))
            for kind, takes in zip(kinds, self.takes, strict=True)
        )


SYSTEM = "pg_catalog"
"""The schema of the server's own things."""
_ROWLESS = frozenset({"cstring", "void"})
"""Pseudo-types that hold no rows; `record` and whatever else there is may."""


class Catalog:
    """One source's catalog. `definition_path` is the search path under which view definitions were printed."""

    __slots__ = (
        "_by_oid",
        "_casts",
        "_functions",
        "_handled",
        "_operators",
        "_relations",
        "_types",
        "_types_by_name",
        "_unclear",
        "definition_path",
        "version",
    )

    def __init__(
        self,
        relations: Iterable[Relation],
        types: Iterable[TypeInfo],
        functions: Mapping[str, tuple[Function, ...]],
        operators: Mapping[str, tuple[Operator, ...]],
        casts: frozenset[int],
        definition_path: tuple[str, ...] = (SYSTEM,),
        version: int = 0,
        handled: frozenset[int] = frozenset(),
    ) -> None:
        """`functions` by name; `operators`: those of others, by name.

        `casts`: oids of types some user-defined cast makes. `handled`: types whose values cannot be touched without running
        code of others: what reads and prints, compares, or converts them.
        """
        self._by_oid = {relation.oid: relation for relation in relations}
        self._relations = {(relation.schema, relation.name): relation for relation in self._by_oid.values()}
        self._types = {info.oid: info for info in types}
        self._types_by_name: dict[str, list[TypeInfo]] = {}
        for info in self._types.values():
            self._types_by_name.setdefault(info.name, []).append(info)
        self._functions = functions
        self._operators = operators
        self._casts = casts
        self._handled = handled
        self._unclear = self._columns_unclear()
        self.definition_path = definition_path
        self.version = version

    def relations(self) -> Iterable[Relation]:
        """All relations."""
        return self._by_oid.values()

    def all_columns(self) -> Iterable[ColumnRef]:
        """Every column of every relation."""
        for relation in self._by_oid.values():
            for column in relation.columns:
                yield ColumnRef(relation.schema, relation.name, column.name)

    def relation(self, schema: str, name: str) -> Relation | None:
        """A relation by its full name."""
        return self._relations.get((schema, name))

    def relation_by_oid(self, oid: int) -> Relation | None:
        """A relation by number."""
        return self._by_oid.get(oid)

    def resolve(self, name: str, search_path: tuple[str, ...]) -> Relation | None:
        """A relation by its bare name: the first schema of the path that has it, the system's first unless the path says where."""
        for schema in _whole(search_path):
            found = self._relations.get((schema, name))
            if found is not None:
                return found
        return None

    def functions(self, schema: str | None, name: str, search_path: tuple[str, ...]) -> tuple[Function, ...]:
        """All functions a call by this name could mean, of any arguments."""
        known = self._functions.get(name, ())
        if not known:
            return ()
        schemas = (schema,) if schema is not None else _whole(search_path)
        return tuple([function for function in known if function.schema in schemas])

    def operator_is_plain(self, name: str, search_path: tuple[str, ...], kinds: tuple[str, ...] = ()) -> bool:
        """Whether an operator of this name can only be one of the system's.

        `kinds`: categories of its operands' types, empty where one is not known; none at all: nothing is.
        """
        others = self._operators.get(name)
        return others is None or not any(other.schema in search_path and other.may_take(kinds) for other in others)

    def unclear(self, columns: Iterable[ColumnRef]) -> Iterable[str]:
        """Types (`schema.name`) of those of these columns whose values cannot be touched without running code of others."""
        return () if not self._unclear else {self._unclear[each] for each in columns if each in self._unclear}

    def type_is_plain(self, oid: int) -> bool:
        """Whether a value that is read as this type runs no code but the system's. An unknown type: no."""
        info = self._types.get(oid)
        return info is not None and self._plain_type(info)

    def category(self, oid: int) -> str:
        """The letter of a type's category; empty: it may be any."""
        info = self._types.get(oid)
        return "" if info is None or info.kind == "pseudo" else info.category

    def _columns_unclear(self) -> dict[ColumnRef, str]:
        kinds = {oid: f"{info.schema}.{info.name}" for oid, info in self._types.items() if self._is_handled(info)}
        found: dict[ColumnRef, str] = {}
        for relation in self._by_oid.values() if kinds else ():
            # What is done with a row may be a conversion of the whole.
            whole = kinds.get(relation.row_type_oid) if relation.row_type_oid in self._handled else None
            for column in relation.columns:
                kind = whole or kinds.get(column.type_oid)
                if kind is not None:
                    found[ColumnRef(relation.schema, relation.name, column.name)] = kind
        return found

    def _is_handled(self, info: TypeInfo, depth: int = 0) -> bool:
        """Whether code of others runs when a value is printed, compared, or taken apart."""
        if info.oid in self._handled or depth > 16 or (info.kind == "base" and not info.builtin):
            return True
        relation = self._by_oid.get(info.relation_oid or 0) if info.kind == "composite" else None
        fields = [column.type_oid for column in relation.columns] if relation is not None else []
        parts = [self._types.get(oid) for oid in (info.base_oid, info.element_oid, *fields) if oid]
        return any(part is not None and self._is_handled(part, depth + 1) for part in parts)

    def cast_is_plain(self, schema: str | None, name: str, search_path: tuple[str, ...]) -> bool:
        """Whether a conversion to this type runs no code but the system's. An unknown type: no."""
        info = self.type_named(schema, name, search_path)
        return info is not None and self._plain_type(info)

    def _plain_type(self, info: TypeInfo, depth: int = 0) -> bool:
        if info.oid in self._casts or info.oid in self._handled or info.checked or depth > 16:
            return False
        if info.kind == "domain" and info.base_oid is not None:
            base = self._types.get(info.base_oid)
            return base is not None and self._plain_type(base, depth + 1)
        if info.kind in ("array", "range", "multirange") and info.element_oid:
            element = self._types.get(info.element_oid)
            return element is not None and self._plain_type(element, depth + 1)
        if info.kind == "composite" and info.relation_oid is not None:
            relation = self._by_oid.get(info.relation_oid)
            inside = () if relation is None else relation.columns
            parts = [self._types.get(column.type_oid) for column in inside]
            return relation is not None and all(
                part is not None and self._plain_type(part, depth + 1) for part in parts
            )
        return info.builtin or info.kind == "enum"

    def type_by_oid(self, oid: int) -> TypeInfo | None:
        """A type by number."""
        return self._types.get(oid)

    def holds_text(self, oid: int, depth: int = 0) -> bool:
        """Whether values of a type may hold text that somebody wrote: all but numbers, times and their like, and enumerations."""
        info = self._types.get(oid)
        if info is None or depth > 16:
            return True
        if info.kind == "composite":
            relation = self._by_oid.get(info.relation_oid or 0)
            return relation is None or any(self.holds_text(each.type_oid, depth + 1) for each in relation.columns)
        inner = info.base_oid if info.kind == "domain" else info.element_oid
        if info.kind in ("domain", "array", "range", "multirange") and inner is not None:
            return self.holds_text(inner, depth + 1)
        return info.textual if info.kind == "base" else info.kind != "enum"

    def rows_in(self, oid: int, depth: int = 0) -> Rows:
        """Whether a value of a type may be or hold a composite value, whose fields FROM spreads.

        A pseudo-type like `anyelement` may be whatever a call's arguments are.
        """
        info = self._types.get(oid)
        if info is None or depth > 16:
            return "maybe"
        inner = {"domain": info.base_oid, "array": info.element_oid}.get(info.kind)
        if inner is not None:
            return self.rows_in(inner, depth + 1)
        if info.kind == "pseudo" and info.name.startswith("any") and info.name != "any":
            return "as-arguments"
        if info.kind in ("base", "enum") or (info.kind in ("range", "multirange") and info.builtin):
            return "never"
        return "never" if info.kind == "pseudo" and info.name in _ROWLESS else "maybe"

    def type_named(self, schema: str | None, name: str, search_path: tuple[str, ...]) -> TypeInfo | None:
        """A type by name."""
        known = self._types_by_name.get(name, ())
        for wanted in (schema,) if schema is not None else _whole(search_path):
            for info in known:
                if info.schema == wanted:
                    return info
        return None

    def column_by_origin(self, oid: int, attnum: int) -> ColumnRef | None:
        """The column that a result says it comes from."""
        relation = self._by_oid.get(oid)
        if relation is None:
            return None
        for column in relation.columns:
            if column.attnum == attnum:
                return ColumnRef(relation.schema, relation.name, column.name)
        return None


def _whole(search_path: tuple[str, ...]) -> tuple[str, ...]:
    return search_path if SYSTEM in search_path else (SYSTEM, *search_path)
