"""What is gathered while a statement is walked, and the context it is walked in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sluice.model.columns import ColumnRef, TableRef
from sluice.sql import bodies, ir
from sluice.sql.catalog import Catalog
from sluice.sql.lineage.reach import Reach
from sluice.sql.lineage.scope import Result, Scope
from sluice.sql.span import Access, Action, Confidence, Flow, Span, Touch, Use, UseKind, Write


@dataclass(frozen=True, slots=True)
class Context:
    """How names resolve in a session: its search path with the implicit schemas in it, its user, its temporary schema.

    `stained`: code of others has run and may have put what it read into a setting. `prepared` and `cursors` are the spans kept
    under names, all that a name may mean. `lower` reads the text of a view; `views` remembers what views came to.
    """

    search_path: tuple[str, ...] = ()
    user: str = ""
    temp_schema: str | None = None
    stained: bool = False
    prepared: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    cursors: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    lower: Callable[[str], tuple[bodies.Statement, ...]] = lambda _: ()
    views: dict[int, list[tuple[str, Reach]] | None] = field(default_factory=dict, compare=False)
    coded: set[int] = field(default_factory=set, compare=False)
    """Those of the views that run code of others."""


MOST = 200_000
"""Expressions walked for one statement: the most that is asked of the loop at once."""
QUERY = 25
"""What a query costs of them; recursive ones inside one another are walked again and again."""


class TooMuch(Exception):
    """A statement asks for more steps than any real one."""


@dataclass(slots=True, eq=False)
class Work:
    """One statement's analysis under way."""

    catalog: Catalog
    context: Context
    path: tuple[str, ...]
    query: Callable[[ir.Query, Scope, Work], Result]
    """How a nested query is walked; given from above, since queries and expressions hold each other."""
    depth: int = 0
    tables: dict[Touch, None] = field(default_factory=dict)
    uses: set[Use] = field(default_factory=set)
    writes: list[Write] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    reasons: dict[str, None] = field(default_factory=dict)
    actions: set[Action] = field(default_factory=set)
    confidence: Confidence = Confidence.EXACT
    bounded: bool = True
    literals_matter: bool = False
    quiet: bool = False
    """Inside a view: what its owner wrote is not this caller's use."""
    steps: int = 0
    acts: int = 0
    """Calls that can be told afterwards."""
    gathering: list[Reach] | None = None
    """What arranged the rows of the query at hand, where they become one array."""
    gathers: int = 0
    """Aggregates of the query at hand whose value hangs on the order of rows."""
    sorts: list[tuple[Reach, int]] = field(default_factory=list)
    """What DISTINCT in its aggregates sorts the rows by, and how many of `gathers` are the very same aggregate."""
    risks: int = 0
    """Computations so far that may fail."""
    grows: bool = False
    """Something in it fills the memory."""
    joined: set[Use] = field(default_factory=set)
    """Uses that are made only then: texts put together fail by their length."""
    runs_code: bool = False
    """Code of others runs on the way."""

    def step(self, cost: int = 1) -> None:
        """One more expression, or as many as a query costs. Raises TooMuch when there were too many."""
        self.steps += cost
        if self.steps > MOST:
            raise TooMuch

    def opaque(self, reason: str) -> None:
        """Something could not be resolved."""
        self.confidence = Confidence.OPAQUE
        self.reasons[reason] = None

    def partial(self, reason: str) -> None:
        """Something is known only in part, and marked where it is not."""
        self.confidence = min(self.confidence, Confidence.PARTIAL)
        self.reasons[reason] = None

    def function(self, name: str) -> None:
        """Something is called that is not known to be a plain computation."""
        self.functions.add(name)
        self.risks += 1
        self.opaque(f"`{name}` may read or do anything")

    def touch(self, table: TableRef, access: Access) -> None:
        """A relation is read or changed."""
        self.tables[Touch(table, access)] = None

    def use(self, reach: Reach, kind: UseKind) -> None:
        """Columns shape the result."""
        if not self.quiet:
            self.uses.update(Use(flow.column, kind) for flow in reach.flows)

    def filter(self, reach: Reach) -> None:
        """Columns decide which rows there are, or in which order."""
        self.use(reach, "filter")

    def arrange(self, reach: Reach) -> None:
        """Columns decide the order or the number of rows: of the result, or of the elements of the array they become."""
        if self.gathering is None:
            self.use(reach, "filter")
        else:
            self.gathering.append(reach)

    def aggregated(self) -> None:
        """The query at hand is walked: the server sorts its rows once, and all aggregates meet them in that order."""
        for reach, own in self.sorts:
            if self.gathers > own:
                self.filter(reach)

    def gathered(self, into: Reach) -> None:
        """The rows have become one array: whoever sees what it is made of sees their order and number by that alone."""
        for reach in self.gathering or ():
            self.use(Reach(reach.flows - into.flows), "filter")

    def fails(self, reach: Reach) -> None:
        """A computation may fail by what reaches it: that it does tells of the value."""
        self.risks += 1
        if not self.quiet:
            for flow in reach.flows:
                self.uses.add(Use(flow.column, "aggregate" if flow.kind == "aggregate" else "filter"))

    def join(self, reach: Reach) -> None:
        """Texts are put together."""
        if not self.quiet:
            self.joined.update(Use(flow.column, "filter") for flow in reach.flows)

    def write(self, target: ColumnRef, reach: Reach) -> None:
        """A value lands in a column."""
        flows = frozenset(flow for flow in reach.flows if flow.column != target)
        self.writes.append(Write(target, flows, reach.opaque, bool(reach.flows) and reach.plain is None))


def columns(flows: frozenset[Flow]) -> frozenset[ColumnRef]:
    """The columns of some flows."""
    return frozenset(flow.column for flow in flows)
