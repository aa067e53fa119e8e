"""Statements drawn at random, by a seed: selects of selects, joins, views, set operations, windows, functions, whole rows.

Every draw is valid SQL for the schema of `twins.sql`, or nearly always: what the server does not take is passed over.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "int", "list"]
Columns = tuple[tuple[str, Kind], ...]

TABLES: dict[str, Columns] = {
    "people": (("id", "int"), ("name", "text"), ("ssn", "text"), ("salary", "int"), ("dept", "int"), ("tags", "list")),
    "depts": (("id", "int"), ("title", "text"), ("boss", "int")),
    "notes": (("id", "int"), ("person", "int"), ("body", "text")),
    "kinds": (("id", "int"), ("body", "text"), ("extra", "text")),
    "only kinds": (("id", "int"), ("body", "text")),
    "slices": (("id", "int"), ("secret", "text")),
    "told": (("id", "int"), ("hidden", "text"), ("loud", "text")),
    "tops": (("dept", "int"), ("top", "text"), ("n", "int")),
    "joined": (("id", "int"), ("title", "text"), ("pay", "int")),
    "mixed": (("id", "int"), ("word", "text")),
    "public.people": (("id", "int"), ("name", "text"), ("ssn", "text")),
}


HIDDEN = frozenset({"ssn", "salary", "tags", "secret", "hidden", "top", "pay", "word"})
"""Columns that are changed, and those of views on them; drawn more often than others."""


@dataclass(slots=True)
class Source:
    """Something in FROM, by its alias."""

    alias: str
    columns: Columns
    whole: bool = True


@dataclass(slots=True)
class Scope:
    """What names there are: the sources of this query, and those around it."""

    sources: list[Source]
    outer: list[Source] = field(default_factory=list)
    ctes: dict[str, Columns] = field(default_factory=dict)

    def everything(self) -> list[Source]:
        """All that an expression may name."""
        return [*self.sources, *self.outer]


class Drawing:
    """Draws statements; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._count = 0

    def statement(self) -> str:
        """One statement."""
        return self.query(Scope([]), 3)[0]

    def query(self, around: Scope, depth: int, kinds: tuple[Kind, ...] | None = None) -> tuple[str, Columns]:
        """A query and its columns; `kinds`: those it must have."""
        roll = self.dice.random()
        if depth > 1 and roll < 0.12:
            return self._with(around, depth, kinds)
        if depth > 1 and roll < 0.26:
            return self._both(around, depth, kinds)
        return self._select(around, depth, kinds)

    def _with(self, around: Scope, depth: int, kinds: tuple[Kind, ...] | None) -> tuple[str, Columns]:
        name = self._name("w")
        text, columns = self.query(Scope([], [], around.ctes), depth - 1)
        names: Columns = tuple((f"{name}{at}", kind) for at, (_, kind) in enumerate(columns))
        listed = f"({', '.join(one for one, _ in names)})"
        inner = Scope([], around.outer, {**around.ctes, name: names})
        rest, found = self._select(inner, depth - 1, kinds)
        how = self.dice.choice(("", "", "materialized ", "not materialized "))
        return f"with {name}{listed} as {how}({text}) {rest}", found

    def _both(self, around: Scope, depth: int, kinds: tuple[Kind, ...] | None) -> tuple[str, Columns]:
        left, columns = self._select(around, depth - 1, kinds, bare=True)
        right, _ = self._select(around, depth - 1, tuple(kind for _, kind in columns), bare=True)
        how = self.dice.choice(("union all", "union all", "union", "intersect", "except", "except all"))
        order = f" order by {self.dice.randint(1, len(columns))}" if self.dice.random() < 0.25 else ""
        return f"({left}) {how} ({right}){order}", columns

    def _select(
        self, around: Scope, depth: int, kinds: tuple[Kind, ...] | None, bare: bool = False
    ) -> tuple[str, Columns]:
        scope = Scope([], [*around.sources, *around.outer], around.ctes)
        source = self._from(scope, depth)
        where = f" where {self.test(scope, depth)}" if self.dice.random() < 0.35 else ""
        wanted = kinds or tuple(self.dice.choice(_KINDS) for _ in range(self.dice.randint(1, 3)))
        roll = self.dice.random()
        if roll < 0.2:
            return self._grouped(scope, depth, wanted, f"from {source}{where}")
        if roll < 0.3 and kinds is None and len(scope.sources) == 1:
            star = self.dice.choice(("*", f"{scope.sources[0].alias}.*"))
            return f"select {star} from {source}{where}", scope.sources[0].columns
        targets = [self._target(self.windowed(scope, kind, depth), kind) for kind in wanted]
        distinct = "distinct " if self.dice.random() < 0.08 else ""
        text = f"select {distinct}{', '.join(said for said, _ in targets)} from {source}{where}"
        columns: Columns = tuple((name, kind) for (_, name), kind in zip(targets, wanted, strict=True))
        return text + self._tail(scope, columns, depth, bool(distinct)), columns

    def _grouped(self, scope: Scope, depth: int, wanted: tuple[Kind, ...], rest: str) -> tuple[str, Columns]:
        by = {kind: self.expression(scope, kind, 1) for kind in ("text", "int") if self.dice.random() < 0.5}
        items, columns = [], []
        for kind in wanted:
            value = by[kind] if kind in by and self.dice.random() < 0.5 else self.aggregate(scope, kind, depth)
            said, name = self._target(value, kind)
            items.append(said)
            columns.append((name, kind))
        grouped = f" group by {', '.join(by.values())}" if by else ""
        having = f" having count(*) > {self.dice.randint(0, 2)}" if by and self.dice.random() < 0.3 else ""
        return f"select {', '.join(items)} {rest}{grouped}{having}", tuple(columns)

    def _target(self, value: str, kind: Kind) -> tuple[str, str]:
        if self.dice.random() < 0.5:
            return value, "?"
        name = self._name("c")
        return f"{value} as {name}", name

    def _tail(self, scope: Scope, columns: Columns, depth: int, distinct: bool) -> str:
        text = ""
        if self.dice.random() < 0.25:
            text = f" order by {self.dice.randint(1, len(columns))}"
            if not distinct and self.dice.random() < 0.4:
                text = f" order by {self.expression(scope, 'int', 1)}, 1"
        if self.dice.random() < 0.15:
            text += f" limit {self.dice.randint(1, 4)}"
        return text

    def _from(self, scope: Scope, depth: int) -> str:
        text = self._item(scope, depth)
        while len(scope.sources) < 3 and self.dice.random() < 0.3:
            roll = self.dice.random()
            if roll < 0.15:
                text = f"{text}, {self._item(scope, depth)}"
            elif roll < 0.4:
                text = f"{text}, {self._spread(scope)}"
            elif roll < 0.55 and depth:
                text = f"{text} cross join lateral {self._derived(scope, depth, Scope(scope.sources, scope.outer, scope.ctes))}"
            else:
                how = self.dice.choice(("join", "left join", "full join"))
                inner = "join" if how == "full join" else how
                right = self._item(Scope([], scope.outer, scope.ctes), depth, into=scope)
                left, last = scope.sources[-2], scope.sources[-1]
                pairs = [(a, b) for a, x in left.columns for b, y in last.columns if x == y == "int"]
                if not pairs or self.dice.random() < 0.15:
                    text = f"{text} {inner} {right} on {self.test(Scope(scope.sources[-1:], [], {}), 0)}"
                else:
                    a, b = self.dice.choice(pairs)
                    text = f"{text} {how} {right} on {left.alias}.{a} = {last.alias}.{b}"
        return text

    def _item(self, scope: Scope, depth: int, into: Scope | None = None) -> str:
        target = into or scope
        alias = self._name("t")
        roll = self.dice.random()
        if scope.ctes and roll < 0.5:
            name = self.dice.choice(sorted(scope.ctes))
            target.sources.append(Source(alias, scope.ctes[name]))
            return f"{name} {alias}"
        if depth and roll < 0.2:
            return self._derived(target, depth, Scope([], scope.outer, scope.ctes))
        if roll > 0.92:
            target.sources.append(Source(alias, (("a", "int"), ("b", "text")), whole=False))
            return f"(values (1, 'one'), (2, 'two')) {alias}(a, b)"
        name = self.dice.choice(sorted(TABLES))
        columns = TABLES[name]
        if self.dice.random() < 0.15:
            columns = tuple((f"{alias}{at}", kind) for at, (_, kind) in enumerate(columns))
            target.sources.append(Source(alias, columns))
            return f"{name} {alias}({', '.join(one for one, _ in columns)})"
        target.sources.append(Source(alias, columns))
        return f"{name} {alias}"

    def _derived(self, target: Scope, depth: int, around: Scope) -> str:
        text, columns = self.query(around, depth - 1)
        alias = self._name("d")
        names: Columns = tuple((f"{alias}{at}", kind) for at, (_, kind) in enumerate(columns))
        target.sources.append(Source(alias, names))
        return f"({text}) {alias}({', '.join(one for one, _ in names)})"

    def _spread(self, scope: Scope) -> str:
        """A function of what stands to its left, that answers with any number of rows."""
        alias = self._name("t")
        call, column = self.dice.choice(_SPREADING)(self, scope, 1), "e"
        scope.sources.append(Source(alias, ((column, "text"),), whole=False))
        return f"{call} {alias}({column})"

    def small(self, scope: Scope) -> str:
        """A small whole number, made of some column."""
        return f"(abs({self.expression(scope, 'int', 0)}) % 3)::int"

    def windowed(self, scope: Scope, kind: Kind, depth: int) -> str:
        """An expression, now and then a window's."""
        if self.dice.random() > 0.08 or kind == "list":
            return self.expression(scope, kind, depth)
        over = f"over (order by {self.expression(scope, 'int', 0)})"
        if self.dice.random() < 0.4:
            over = (
                f"over (partition by {self.expression(scope, 'int', 0)} order by {self.expression(scope, 'text', 0)})"
            )
        value = self.expression(scope, kind, 0)
        if kind == "int":
            return self.dice.choice(
                (f"row_number() {over}", f"sum({value}) {over}", f"lag({value}) {over}", f"rank() {over}")
            )
        return self.dice.choice((f"lag({value}) {over}", f"first_value({value}) {over}", f"max({value}) {over}"))

    def aggregate(self, scope: Scope, kind: Kind, depth: int) -> str:
        """An aggregate of the kind."""
        text, number = self.expression(scope, "text", 1), self.expression(scope, "int", 1)
        only = f" filter (where {self.test(scope, 0)})" if self.dice.random() < 0.15 else ""
        choices: dict[Kind, tuple[str, ...]] = {
            "int": ("count(*)", f"count({text})", f"sum({number})", f"max({number})", f"count(distinct {text})", f"count(distinct {number})"),
            "text": (
                f"min({text})", f"max({text})", f"string_agg({text}, ',')", f"json_agg({text})::text", f"bool_or({text} > 'm')::text",
                f"string_agg({text}, ',' order by {text})", f"string_agg({text}, ',' order by {number} desc)",
                f"string_agg({text}, ',' order by {number})",
            ),
            "list": (f"array_agg({text})", f"array_agg({text} order by {text})", f"array_agg({text} order by {number})"),
        }  # fmt: skip
        return self.dice.choice(choices[kind]) + only

    def expression(self, scope: Scope, kind: Kind, depth: int) -> str:
        """An expression of the kind."""
        named = [
            (source, column)
            for source in scope.everything()
            for column, found in source.columns
            if found == kind and column != "?"
        ]
        if depth <= 0 or self.dice.random() < 0.45:
            if named and self.dice.random() < 0.92:
                hidden = [one for one in named if one[1] in HIDDEN]
                source, column = self.dice.choice(hidden if hidden and self.dice.random() < 0.3 else named)
                return f"{source.alias}.{column}"
            return {"text": "'lit'", "int": "7", "list": "array['x', 'y']"}[kind]
        return self.dice.choice(_MADE[kind])(self, scope, depth - 1)

    def test(self, scope: Scope, depth: int) -> str:
        """A condition."""
        return self.dice.choice(_TESTS)(self, scope, depth - 1)

    def nested(self, scope: Scope, kind: Kind, depth: int) -> str:
        """A subquery of one column that may name what is around it."""
        return self._select(Scope(scope.sources, scope.outer, {}), max(depth, 0), (kind,))[0]

    def row(self, scope: Scope) -> str:
        """A whole row as a value."""
        rows = [source.alias for source in scope.sources if source.whole]
        return self.dice.choice(rows) if rows else "row(1)"

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


_KINDS: tuple[Kind, ...] = ("text", "text", "text", "int", "int", "list")
Maker = Callable[[Drawing, Scope, int], str]


def _of(pattern: str, *kinds: Kind) -> Maker:
    """A maker that fills `{0}`, `{1}` … with expressions of these kinds, `{t}` with a test."""

    def make(draw: Drawing, scope: Scope, depth: int) -> str:
        parts = [draw.expression(scope, kind, depth) for kind in kinds]
        return pattern.format(*parts, t=draw.test(scope, depth) if "{t}" in pattern else "")

    return make


_MADE: dict[Kind, tuple[Maker, ...]] = {
    "text": (
        _of("upper({0})", "text"),
        _of("({0} || {1})", "text", "text"),
        _of("substr({0}, 2, 3)", "text"),
        _of("coalesce({0}, {1})", "text", "text"),
        _of("nullif({0}, {1})", "text", "text"),
        _of("greatest({0}, {1})", "text", "text"),
        _of("case when {t} then {0} else {1} end", "text", "text"),
        _of("case {0} when 7 then {1} end", "int", "text"),
        _of("({0})::text", "int"),
        _of("concat({0}, '-', {1})", "text", "int"),
        _of("format('%s/%s', {0}, {1})", "text", "int"),
        _of("md5({0})", "text"),
        _of("({0})[1]", "list"),
        _of("array_to_string({0}, '+')", "list"),
        _of("json_build_object('k', {0})::text", "text"),
        _of("(to_json({0}) #>> '{{}}')", "text"),
        _of("(array[{0}, {1}])[2]", "text", "text"),
        _of("regexp_replace({0}, '[0-9]', 'n')", "text"),
        lambda draw, scope, depth: f"({draw.nested(scope, 'text', depth)} limit 1)",
        lambda draw, scope, depth: f"({draw.row(scope)})::text",
        lambda draw, scope, depth: f"row_to_json({draw.row(scope)})::text",
        lambda draw, scope, depth: f"({draw.test(scope, depth)})::text",
    ),
    "int": (
        _of("({0} + {1})", "int", "int"),
        _of("length({0})", "text"),
        _of("ascii({0})", "text"),
        _of("abs({0})", "int"),
        _of("coalesce({0}, {1})", "int", "int"),
        _of("case when {t} then {0} else {1} end", "int", "int"),
        _of("cardinality({0})", "list"),
        _of("position('1' in {0})", "text"),
        lambda draw, scope, depth: f"({draw.nested(scope, 'int', depth)} limit 1)",
    ),
    "list": (
        _of("array[{0}, {1}]", "text", "text"),
        _of("array_append({0}, {1})", "list", "text"),
        _of("string_to_array({0}, '-')", "text"),
        _of("({0} || {1})", "list", "list"),
        _of("coalesce({0}, {1})", "list", "list"),
        lambda draw, scope, depth: f"array({draw.nested(scope, 'text', depth)})",
        lambda draw, scope, depth: f"array(select o from unnest({draw.expression(scope, 'list', depth)}) o order by o)",
    ),
}
_SPREADING: tuple[Maker, ...] = (
    _of("unnest({0})", "list"),
    _of("unnest({0})", "list"),
    _of("string_to_table({0}, '-')", "text"),
    _of("json_array_elements_text(to_json({0}))", "list"),
    lambda draw, scope, depth: f"lateral (select g::text from generate_series(1, {draw.small(scope)}) g)",
)
_TESTS: tuple[Maker, ...] = (
    _of("{0} = 'lit'", "text"),
    _of("{0} = {1}", "int", "int"),
    _of("{0} < {1}", "int", "int"),
    _of("{0} > 3", "int"),
    _of("{0} like '%1%'", "text"),
    _of("{0} is null", "text"),
    _of("{0} in (1, 2, 3)", "int"),
    _of("{0} = any({1})", "text", "list"),
    _of("{0} between 1 and {1}", "int", "int"),
    _of("({0} > 1 and {1} is not null)", "int", "text"),
    _of("not ({0} = {1} or {2} > 2)", "text", "text", "int"),
    lambda draw, scope, depth: f"exists ({draw.nested(scope, 'int', depth)})",
    lambda draw, scope, depth: f"{draw.expression(scope, 'int', 0)} in ({draw.nested(scope, 'int', depth)})",
    lambda draw, scope, depth: f"{draw.expression(scope, 'int', 0)} > all ({draw.nested(scope, 'int', depth)})",
)
