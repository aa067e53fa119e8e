"""What is asked of humans, and the rules for their answers, so that they can be read and tested without a store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct

from sluice.model.approval import Need
from sluice.model.identity import Identity

Kind = Literal["statement", "grant"]
State = Literal["open", "approved", "denied", "withdrawn", "expired", "used"]
Verdict = Literal["approve", "deny"]
MOST_REASON = 2000


class DeskError(Exception):
    """What was asked for cannot be done: `missing`, `forbidden` (never to this person), or `late` (not any more)."""

    def __init__(self, kind: Literal["missing", "forbidden", "late", "wrong"], problem: str) -> None:
        super().__init__(problem)
        self.kind = kind


class Vote(Struct, frozen=True):
    """One person's answer, by which of the groups that were asked."""

    voter: str
    groups: tuple[str, ...]
    verdict: Verdict
    reason: str
    channel: str
    at: float


class Request(Struct, frozen=True, kw_only=True):
    """One question to humans and all that came of it. Times are seconds since the epoch.

    `parties` are the requester and everybody it acts for: none of them may answer. `needs` are (group, how many).
    `detail` is what the approver is shown: for a statement its text, tables, labels, estimated rows; for a grant its role
    and how long. `valid_until`: an approval holds until then, for `uses` executions, of which `used` are counted.
    """

    id: str
    kind: Kind
    state: State
    source: str
    environment: str
    requester: str
    parties: tuple[str, ...]
    purpose: str
    digest: str
    needs: tuple[Need, ...]
    reason: str
    detail: dict[str, Any]
    created_at: float
    closes_at: float
    decided_at: float | None
    valid_seconds: float
    valid_until: float | None
    uses: int
    used: int
    votes: tuple[Vote, ...] = ()


_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what people confuse when they read it out."""


def new_id(kind: str) -> str:
    """An id that people can type: `r-…` for a request, `g-…` for a grant."""
    return f"{kind}-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def party(identity: Identity) -> str:
    """One principal as requests name it."""
    return f"{identity.kind}:{identity.name}"


def parties(identity: Identity) -> tuple[str, ...]:
    """The caller and everybody it acts for."""
    found = [party(identity)]
    behind = identity.on_behalf_of
    while behind is not None:
        found.append(party(behind))
        behind = behind.on_behalf_of
    return tuple(found)


def may_answer(request: Request, voter: Identity, reason: str, now: float) -> tuple[str, ...]:
    """The groups by which somebody may answer now. Raises DeskError when they may not."""
    if voter.kind != "user" or voter.on_behalf_of is not None:
        raise DeskError("forbidden", "only people answer requests, not services or agents")
    if voter.expires_at is not None and voter.expires_at <= now:
        raise DeskError("forbidden", "the proof of your identity has expired; log in again")
    if party(voter) in request.parties:
        raise DeskError("forbidden", "nobody answers their own request, or that of an agent that acts for them")
    groups = tuple(sorted({need.group for need in request.needs} & voter.groups))
    if not groups:
        wanted = " or ".join(f"`{need.group}`" for need in request.needs)
        raise DeskError("forbidden", f"`{party(voter)}` is in none of the groups that may answer: {wanted}")
    if not reason.strip() or len(reason) > MOST_REASON:
        raise DeskError("wrong", f"an answer needs a reason of at most {MOST_REASON} characters")
    if request.state != "open" or request.closes_at <= now:
        raise DeskError("late", f"request {request.id} is not open any more: it is {standing(request, now)}")
    if any(vote.voter == party(voter) for vote in request.votes):
        raise DeskError("late", f"`{party(voter)}` has already answered request {request.id}")
    return groups


def standing(request: Request, now: float) -> State:
    """The state as of now: what ran out is expired even before anybody wrote that down."""
    ends = request.closes_at if request.state == "open" else request.valid_until
    if request.state in ("open", "approved") and ends is not None and ends <= now:
        return "expired"
    return request.state


def met(needs: Iterable[Need], votes: Iterable[Vote]) -> bool:
    """Whether enough of every group have approved."""
    given = [vote for vote in votes if vote.verdict == "approve"]
    return all(sum(need.group in vote.groups for vote in given) >= need.count for need in needs)
