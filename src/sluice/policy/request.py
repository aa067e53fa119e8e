"""What a decision is made of: the request, and the snapshot it is made under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sluice.model.identity import Client, Identity
from sluice.policy.binding import Binding
from sluice.policy.book import LabelBook
from sluice.policy.bundle import PolicyBundle
from sluice.sql.span import Span


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What policy knows of a governed database. `protocol` is the engine's name (`postgres`)."""

    name: str
    environment: str
    protocol: str


ANYTHING: Final = "*"
"""Stands for no label: rows whatever was in them, hidden or not."""


class Past(NamedTuple):
    """What a session has had so far, as far as decisions depend on it.

    `labels` it has had in clear; `rows` in which it had each label (and each above it) in clear, and of `ANYTHING`, rounded up
    by `rounded`; `spent` are the (principal, label) whose budgets let no more values out.
    """

    labels: frozenset[str] = frozenset()
    rows: tuple[tuple[str, int], ...] = ()
    spent: frozenset[tuple[str, str]] = frozenset()


NOTHING: Final = Past()


def rounded(rows: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …: few steps, so that decisions are kept; upward, so that a bound is never met late."""
    size = 1
    while size * 10 <= rows:
        size *= 10
    return next(size * step for step in (1, 2, 5, 10) if size * step >= rows)


@dataclass(frozen=True, slots=True)
class Request:
    """One statement by one caller.

    `past` is what this session has had. `approved`: a human has approved this very statement.
    `now` is seconds since the epoch. `access` is how the caller wants to become a member of the group `role` for a while
    (`request`, `break-glass`); empty for statements. `literals` are the labels of what the caller sends within the statement, as
    far as any policy asks.
    """

    identity: Identity
    purpose: str
    source: SourceInfo
    client: Client
    span: Span
    past: Past = NOTHING
    approved: bool = False
    now: float = 0.0
    access: str = ""
    role: str = ""
    literals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything policy holds against a request. `bindings` are by source name. Swapped whole, never changed.

    `lent` are groups that principals (`user:dana`) are members of for a while on this source, each until a time.
    """

    version: int
    policies: PolicyBundle
    bindings: Mapping[str, Binding]
    book: LabelBook
    lent: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
