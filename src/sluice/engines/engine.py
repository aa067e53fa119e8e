"""An engine is a value: everything the session needs to know of one database's way of speaking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sluice.model.decision import Refusal
from sluice.model.waist import Answered, Asked, ResultColumn
from sluice.sql.bodies import Statement
from sluice.sql.catalog import Catalog


class ClientCodec(Protocol):
    """Bytes of one client to `Asked` events."""

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held."""

    def feed(self, data: bytes) -> list[Asked]:
        """The messages that these bytes complete; never raises."""


class ServerCodec(Protocol):
    """Bytes of one server to `Answered` events."""

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held."""

    def stream(self, on: bool) -> None:
        """Whether rows may be handed on in parts."""

    def begun(self, run: bytes) -> int:
        """Rows that begin in a run of parts of rows; every part in turn, or the count is lost."""

    def feed(self, data: bytes) -> list[Answered]:
        """The events that these bytes complete; never raises."""


class Judge(Protocol):
    """Answers for a fast lane what only the session can know."""

    def meant(self, track: int, /) -> bool:
        """Whether the statements that a track needs are still those that it was learned with."""

    def clean(self, data: bytes, /) -> bool:
        """Whether nothing in these messages would have to be left out of their record."""


class Rails(Protocol):
    """The native part of a session's fast lane; the kernel's manual says what each method does."""

    @property
    def number(self) -> int: ...  # noqa: D102
    @property
    def now(self) -> float: ...  # noqa: D102
    @property
    def riding(self) -> bool: ...  # noqa: D102
    @property
    def track(self) -> int: ...  # noqa: D102
    @property
    def waits(self) -> bool: ...  # noqa: D102
    def settle(self, free: bool, number: int, /) -> None: ...  # noqa: D102
    def signature(self) -> bytes | None: ...  # noqa: D102
    def keep(  # noqa: D102
        self,
        signature: bytes,
        reply: bytes,
        legs: Sequence[tuple[bytes, bool, bytes, str]],
        mask: Any,
        needs: Sequence[str],
        defines: Sequence[str],
        /,
    ) -> None: ...
    def forget(self) -> None: ...  # noqa: D102
    def ask(self, data: bytes, at: float, judge: Judge, /) -> tuple[bytes, tuple[str, ...]] | None: ...  # noqa: D102
    def go(self) -> bytes: ...  # noqa: D102
    def answer(self, data: bytes, at: float, /) -> tuple[bytes, bytes | None] | None: ...  # noqa: D102
    def ended(self, at: float, /) -> None: ...  # noqa: D102
    def finished(self) -> tuple[int, list[int]]: ...  # noqa: D102
    def leave(self) -> tuple[int, int, float, bytes, bool] | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Voice:
    """What Sluice itself can say in a protocol."""

    poison_query: bytes
    poison_prepare: bytes
    flush: bytes
    sync: bytes
    own_statement: Callable[[str, bytes], bytes]
    own_query: Callable[[str], bytes]
    describe_portal: Callable[[str], bytes]
    ready: Callable[[str], bytes]
    report: Callable[[Refusal, str], bytes]
    withhold: Callable[[bytes, Mapping[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class Engine:
    """One database's protocol and dialect. `context_sql` answers one row: search path, user, temporary schema, client
    encoding, and whether a backslash in a string is only a backslash (`on`), in that order.

    `parameters` reads what a Bind binds: the values as it says them, and each for people; `values` each to look through;
    `declared_types` the numbers of the types that a client declares its parameters to be of, 0 where it leaves that open.
    `rails` and `reply_signature` recognise whole exchanges (see the kernel's manual); they understand nothing.
    `catalog_sql` answers rows for `build_catalog`, which also takes the functions that the configuration vouches for;
    `change_sql` answers one value that is another once the catalog is. `function_sql` answers the schema and name of the
    function with a number. `replication_command`: which one a text is on a replication connection; empty: it is SQL there.
    """

    name: str
    downstream: Callable[[int], ClientCodec]
    upstream: Callable[[int], ServerCodec]
    columns: Callable[[bytes], tuple[ResultColumn, ...]]
    parameters: Callable[[bytes], tuple[bytes, tuple[str, ...]]]
    values: Callable[[bytes], tuple[bytes, ...]]
    declared_types: Callable[[bytes], tuple[int, ...]]
    cells: Callable[[bytes], list[list[bytes | None]]]
    count: Callable[[bytes], int]
    head: Callable[[bytes, int], bytes]
    voice: Voice
    lower: Callable[[str], tuple[Statement, ...]]
    normalize: Callable[[bytes], tuple[bytes, list[tuple[int, int]]] | None]
    rails: Callable[[str, float], Rails]
    reply_signature: Callable[[bytes], bytes | None]
    catalog_sql: str
    change_sql: str
    context_sql: str
    function_sql: Callable[[int], str]
    replication_command: Callable[[bytes], str]
    build_catalog: Callable[[Iterable[str], frozenset[str]], Catalog]
