"""The relational IR: what a dialect's tree is lowered to. Small on purpose; what does not fit is `Unclear`, never dropped.

Names are as the dialect resolves them before any lookup (folded, unquoted, truncated). Plain dataclasses: many are made per statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Name:
    """A column (or whole row) by name, most significant part first. `star`: all columns of what is named."""

    parts: tuple[str, ...]
    star: bool = False


@dataclass(slots=True)
class Constant:
    """A literal. `whole`: the whole number it is, which ORDER BY and GROUP BY take for the position of an output."""

    whole: int | None = None


@dataclass(slots=True)
class Parameter:
    """A bound parameter."""

    number: int


@dataclass(slots=True)
class Call:
    """A function call; `over`, `within` and `filtered` make it a window call or an aggregate."""

    schema: str | None
    name: str
    args: list[Expr]
    order: list[Expr] = field(default_factory=list)
    filtered: Expr | None = None
    partition: list[Expr] = field(default_factory=list)
    over: bool = False
    within: bool = False
    star: bool = False
    distinct: bool = False
    setting: bool = False
    """Reads or sets a setting that is named in the text and that any session may read or set; if it is the server's own."""
    free: bool = False
    """The setting that it reads may hold any text."""
    named_by: tuple[str, str, str] | None = None
    """`setting` holds only if the first argument is this column (schema, table, column), which a condition holds to the name."""
    hands: tuple[str, str, str] | None = None
    """Given the column `named_by`, it hands out what this one holds in the same row."""


@dataclass(slots=True)
class Operate:
    """An operator; `sort` says how a predicate built of it tells its operands: equality, or anything else."""

    schema: str | None
    name: str
    args: list[Expr]
    sort: Literal["equal", "any-equal", "other"] = "other"


@dataclass(slots=True)
class Logic:
    """AND, OR, NOT."""

    kind: Literal["and", "or", "not"]
    args: list[Expr]


@dataclass(slots=True)
class Cast:
    """A conversion to a named type. `many`: to an array of it."""

    arg: Expr
    schema: str | None
    name: str
    many: bool = False


@dataclass(slots=True)
class Compute:
    """A built-in construct that only computes on its arguments (CASE, COALESCE, ROW, ARRAY, XMLELEMENT, JSON_OBJECT …).

    `operators` are those it looks up by name to do so, as (schema, name): CASE and NULLIF compare, BETWEEN orders.
    """

    kind: str
    args: list[Expr]
    operators: tuple[tuple[str | None, str], ...] = ()


@dataclass(slots=True)
class Field:
    """A field of a composite value; `name` None: all of them."""

    arg: Expr
    name: str | None


@dataclass(slots=True)
class Nested:
    """A query inside an expression. `test` is the left side of IN, ANY and ALL, `operator` (schema, name) what compares."""

    kind: Literal["scalar", "exists", "any", "array"]
    query: Query
    test: Expr | None = None
    operator: tuple[str | None, str] = (None, "=")


@dataclass(slots=True)
class Unclear:
    """Something the lowering knows no meaning for; it may carry and do anything."""

    reason: str
    args: list[Expr] = field(default_factory=list)


Expr = Name | Constant | Parameter | Call | Operate | Logic | Cast | Compute | Field | Nested | Unclear


@dataclass(slots=True)
class Target:
    """An item of a select or RETURNING list. `name` is what its output is called, given or not; None: that is not known."""

    expr: Expr
    name: str | None


@dataclass(slots=True)
class Alias:
    """What a FROM item is called, and its columns if they are renamed."""

    name: str
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Table:
    """A relation by name. `args` are those of TABLESAMPLE."""

    schema: str | None
    name: str
    alias: Alias | None = None
    only: bool = False
    args: list[Expr] = field(default_factory=list)


@dataclass(slots=True)
class Derived:
    """A subquery in FROM."""

    query: Query
    alias: Alias | None = None
    lateral: bool = False


@dataclass(slots=True)
class Functions:
    """Functions in FROM, side by side. `names`: what their values are called. `columns` and `types`: those of a column
    definition list."""

    calls: list[Expr]
    names: tuple[str, ...]
    columns: tuple[str, ...] | None = None
    types: tuple[tuple[str | None, str], ...] = ()
    alias: Alias | None = None
    ordinality: bool = False


@dataclass(slots=True)
class Unfolded:
    """JSON_TABLE or XMLTABLE: every column may carry all of the inputs, converted to its type in `types` (schema, name)."""

    args: list[Expr]
    columns: tuple[str, ...]
    alias: Alias | None = None
    types: tuple[tuple[str | None, str], ...] = ()


@dataclass(slots=True)
class Join:
    """A join. `using` None: by `on`, or by all common columns when `natural`."""

    left: From
    right: From
    outer: bool = False
    using: tuple[str, ...] | None = None
    using_alias: str | None = None
    natural: bool = False
    on: Expr | None = None
    alias: Alias | None = None


From = Table | Derived | Functions | Unfolded | Join


@dataclass(slots=True)
class Cte:
    """A WITH item."""

    name: str
    query: Query
    columns: tuple[str, ...] = ()
    recursive: bool = False
    extra: tuple[str, ...] = ()
    """Columns that SEARCH and CYCLE add."""
    marks: list[Expr] = field(default_factory=list)
    """The values that CYCLE marks rows with."""


@dataclass(slots=True)
class Picked:
    """A condition that picks rows which anybody may see: `by`, if it is `column` (schema, table, column), is one of the names
    in the text; of these rows `clear` shows nothing hidden."""

    by: Name
    column: tuple[str, str, str]
    clear: frozenset[str]
    free: bool = False
    """What they show may be any text that code has put there."""


@dataclass(slots=True)
class Select:
    """One SELECT. `shaping` are expressions that only order, limit or de-duplicate; `groups` those of GROUP BY."""

    targets: list[Target]
    source: list[From] = field(default_factory=list)
    where: Expr | None = None
    groups: list[Expr] = field(default_factory=list)
    having: Expr | None = None
    windows: list[Expr] = field(default_factory=list)
    distinct: bool = False
    distinct_on: list[Expr] = field(default_factory=list)
    order: list[Expr] = field(default_factory=list)
    limits: list[Expr] = field(default_factory=list)
    row_bound: int | None = None
    ctes: list[Cte] = field(default_factory=list)
    locking: bool = False
    picked: Picked | None = None
    gathered: bool = False
    """All its rows become one array: their order and number are a part of that value and of nothing else."""


@dataclass(slots=True)
class Values:
    """VALUES rows; rows of constants alone are counted, not kept."""

    rows: list[list[Expr]]
    width: int
    order: list[Expr] = field(default_factory=list)
    limits: list[Expr] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)


@dataclass(slots=True)
class Combine:
    """UNION, INTERSECT, EXCEPT: outputs by position. `distinct`: rows are compared."""

    left: Query
    right: Query
    distinct: bool = False
    order: list[Expr] = field(default_factory=list)
    limits: list[Expr] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)


@dataclass(slots=True)
class Assignment:
    """A column and the expression it is set to; `whole` when several columns take one row expression."""

    column: str
    expr: Expr


@dataclass(slots=True)
class Conflict:
    """ON CONFLICT."""

    sets: list[Assignment]
    where: Expr | None
    inference: list[Expr]
    keys: tuple[str, ...] = ()
    """Columns by whose values rows conflict."""


@dataclass(slots=True)
class Insert:
    """INSERT. `source` None: DEFAULT VALUES."""

    table: Table
    columns: tuple[str, ...]
    source: Query | None
    conflict: Conflict | None = None
    returning: list[Target] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)
    places: list[Expr] = field(default_factory=list)
    """Subscripts of the columns written to."""


@dataclass(slots=True)
class Update:
    """UPDATE … FROM."""

    table: Table
    sets: list[Assignment]
    source: list[From] = field(default_factory=list)
    where: Expr | None = None
    current_of: bool = False
    returning: list[Target] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)


@dataclass(slots=True)
class Delete:
    """DELETE … USING."""

    table: Table
    source: list[From] = field(default_factory=list)
    where: Expr | None = None
    current_of: bool = False
    returning: list[Target] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)


@dataclass(slots=True)
class When:
    """A branch of MERGE."""

    action: Literal["insert", "update", "delete", "nothing"]
    condition: Expr | None
    sets: list[Assignment] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    values: list[Expr] = field(default_factory=list)
    places: list[Expr] = field(default_factory=list)


@dataclass(slots=True)
class Merge:
    """MERGE."""

    table: Table
    source: From
    on: Expr
    whens: list[When]
    returning: list[Target] = field(default_factory=list)
    ctes: list[Cte] = field(default_factory=list)


Query = Select | Values | Combine | Insert | Update | Delete | Merge
