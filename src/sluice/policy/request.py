"""What a decision is made of: the request, and the snapshot it is made under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Request:
    """One statement by one caller.

    `seen` are the labels that this session has had in clear. `approved`: a human has approved this very statement.
    `now` is seconds since the epoch. `access` is how the caller wants to become a member of the group `role` for a while
    (`request`, `break-glass`); empty for statements.
    """

    identity: Identity
    purpose: str
    source: SourceInfo
    client: Client
    span: Span
    seen: frozenset[str] = frozenset()
    approved: bool = False
    now: float = 0.0
    access: str = ""
    role: str = ""


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
