"""The waist: the few events that pass between an engine and the session, in both directions.

An engine turns bytes into these and knows nothing of policy; the session decides on these and knows nothing of bytes, except
that it carries `raw` onward verbatim. Slotted, not frozen: several are made per statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class ResultColumn(NamedTuple):
    """One column as the server describes it: its origin (0, 0 when computed), type and wire format."""

    name: str
    table_oid: int
    attnum: int
    type_oid: int
    typmod: int
    binary: bool


@dataclass(slots=True)
class Query:
    """Text to run at once; it may hold several statements (PostgreSQL: Query)."""

    raw: bytes
    text: bytes


@dataclass(slots=True)
class Prepare:
    """Text to be kept under a name (PostgreSQL: Parse)."""

    raw: bytes
    name: str
    text: bytes
    types: bytes = b""
    """The parameter types that the client declares, as it says them."""


@dataclass(slots=True)
class Bind:
    """Parameters for a prepared statement, making a portal. `formats`: none, one for all, or one per column."""

    raw: bytes
    portal: str
    statement: str
    formats: tuple[int, ...]


@dataclass(slots=True)
class Describe:
    """Asks for the shape of a statement (`S`) or portal (`P`)."""

    raw: bytes
    kind: Literal["S", "P"]
    name: str


@dataclass(slots=True)
class Execute:
    """Runs a portal, at most `max_rows` rows of it (0: all)."""

    raw: bytes
    portal: str
    max_rows: int


@dataclass(slots=True)
class CloseName:
    """Forgets a statement (`S`) or portal (`P`)."""

    raw: bytes
    kind: Literal["S", "P"]
    name: str


@dataclass(slots=True)
class Sync:
    """Ends a pipeline."""

    raw: bytes


@dataclass(slots=True)
class Flush:
    """Asks for pending answers without ending the pipeline."""

    raw: bytes


@dataclass(slots=True)
class CopyIn:
    """Data, its end or its failure, for a COPY FROM STDIN that runs."""

    raw: bytes
    rows: int
    last: bool


@dataclass(slots=True)
class FunctionCall:
    """The fast-path call of a function by oid, with so many arguments."""

    raw: bytes
    oid: int
    arguments: int


@dataclass(slots=True)
class Terminate:
    """The client says goodbye."""

    raw: bytes


@dataclass(slots=True)
class Broken:
    """Bytes that break the protocol, in their place in the stream. Sticky: nothing follows."""

    reason: str


Asked = (
    Query | Prepare | Bind | Describe | Execute | CloseName | Sync | Flush | CopyIn | FunctionCall | Terminate | Broken
)


@dataclass(slots=True)
class Columns:
    """The shape of the rows that follow, undecoded; `Engine.columns` decodes it once per shape."""

    raw: bytes


@dataclass(slots=True)
class Rows:
    """A run of whole rows (or, when streaming, any part of one). `copy`: COPY data rather than result rows."""

    raw: bytes
    copy: bool


@dataclass(slots=True)
class CopyStart:
    """COPY begins: `in`, `out` or `both`; `columns` is how many, `binary` the format."""

    raw: bytes
    direction: Literal["in", "out", "both"]
    columns: int
    binary: bool


@dataclass(slots=True)
class CopyEnd:
    """The server has sent all COPY data."""

    raw: bytes


@dataclass(slots=True)
class Done:
    """One statement is over: its tag, `suspended` when a portal has more rows, `empty` for an empty text."""

    raw: bytes
    tag: str
    suspended: bool = False
    empty: bool = False


@dataclass(slots=True)
class Step:
    """A protocol step was acknowledged: `prepared`, `bound`, `closed`, `no-data`, `parameters` or `call`."""

    raw: bytes
    kind: Literal["prepared", "bound", "closed", "no-data", "parameters", "call"]


@dataclass(slots=True)
class Failed:
    """The server refused something: its fields, by the protocol's one-letter codes."""

    raw: bytes
    fields: dict[str, str]


@dataclass(slots=True)
class Notice:
    """A remark of the server, with the same fields as an error."""

    raw: bytes
    fields: dict[str, str]


@dataclass(slots=True)
class Pass:
    """Something that concerns no statement: a parameter's new value (with its name), or a notification.

    `hushed` is a notification without what was said in it; empty: it is none.
    """

    raw: bytes
    name: str = ""
    value: str = ""
    hushed: bytes = b""


@dataclass(slots=True)
class Ready:
    """The server awaits the next request; `status` is I (idle), T (in a transaction) or E (in a failed one)."""

    raw: bytes
    status: str


Answered = Columns | Rows | CopyStart | CopyEnd | Done | Step | Failed | Notice | Pass | Ready | Broken
