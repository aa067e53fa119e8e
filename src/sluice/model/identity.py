"""Who is behind a connection, and what for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["user", "service", "agent"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A proven caller.

    `on_behalf_of` is set for agents that act for a user; policy then asks both and lets only what both may do.
    `authenticated_at` and `expires_at` are seconds since the epoch (`expires_at` None: does not expire).
    """

    kind: Kind
    name: str
    groups: frozenset[str] = frozenset()
    claims: tuple[tuple[str, str], ...] = ()
    method: str = "none"
    authenticated_at: float = 0.0
    expires_at: float | None = None
    on_behalf_of: Identity | None = None
    purposes: frozenset[str] | None = None
    """Purposes this identity may state; None: any. A connection may choose within them, never widen them."""
    default_purpose: str = ""

    @property
    def display(self) -> str:
        """How the identity is written in logs: `agent:trainer for user:dana`."""
        own = f"{self.kind}:{self.name}"
        return own if self.on_behalf_of is None else f"{own} for {self.on_behalf_of.display}"


@dataclass(frozen=True, slots=True)
class Client:
    """The far end of a connection, as the socket and the protocol show it."""

    address: str
    application: str = ""
    tls: bool = False
    attributes: tuple[tuple[str, str], ...] = field(default=())
