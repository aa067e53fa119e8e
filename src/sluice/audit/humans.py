"""The events of people: what was asked of them and what they answered, what was lent, what they were told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sluice.audit.values import Caller, Touched


class Wanted(Struct, frozen=True):
    """So many of a group have to approve."""

    group: str
    count: int


class RequestAsked(Struct, frozen=True, tag_field="event", tag="request-asked"):
    """Humans were asked about a held statement (`statement` is its event) or for access (`why` says to what)."""

    id: str
    time: str
    request: str
    kind: Literal["statement", "grant"]
    source: str
    environment: str
    identity: Caller
    purpose: str
    statement: str
    why: str
    tables: tuple[Touched, ...]
    labels: tuple[str, ...]
    needs: tuple[Wanted, ...]
    reason: str
    closes: str


class RequestAnswered(Struct, frozen=True, tag_field="event", tag="request-answered"):
    """Somebody approved or denied a request; `state` is what it is after that."""

    id: str
    time: str
    request: str
    verdict: Literal["approve", "deny"]
    by: Caller
    groups: tuple[str, ...]
    reason: str
    channel: str
    state: str


class RequestClosed(Struct, frozen=True, tag_field="event", tag="request-closed"):
    """A request, or an approval that was not used up, ended: `withdrawn` (by whom) or `expired`."""

    id: str
    time: str
    request: str
    outcome: Literal["withdrawn", "expired"]
    by: str


class RequestUsed(Struct, frozen=True, tag_field="event", tag="request-used"):
    """One use of an approval was counted for a session; the statement that then runs names the request too."""

    id: str
    time: str
    request: str
    connection: str


class GrantBegan(Struct, frozen=True, tag_field="event", tag="grant-began"):
    """A group was lent to an identity on one source: `grant` (approved: `request`, by whom) or `break-glass`."""

    id: str
    time: str
    grant: str
    kind: Literal["grant", "break-glass"]
    identity: str
    source: str
    role: str
    reason: str
    request: str
    by: tuple[str, ...]
    ends: str


class GrantEnded(Struct, frozen=True, tag_field="event", tag="grant-ended"):
    """A group is lent no longer: its time was over, or somebody (`by`) ended it."""

    id: str
    time: str
    grant: str
    identity: str
    source: str
    role: str
    by: str


class TellingFailed(Struct, frozen=True, tag_field="event", tag="telling-failed"):
    """A message to people was tried for a week and given up; `about` is the request or grant."""

    id: str
    time: str
    channel: str
    subject: str
    about: str
    reason: str


class BreakGlassReviewed(Struct, frozen=True, tag_field="event", tag="break-glass-reviewed"):
    """Somebody else looked over a break-glass afterwards."""

    id: str
    time: str
    grant: str
    identity: str
    by: Caller
    verdict: Literal["justified", "abuse"]
    note: str
