"""Access for a while: membership of a group, lent to one identity on one source. Transactions of the topic `grants`.

A grant comes from an approved request, or from break-glass, which its holder opens alone and somebody else reviews afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, Row, insert, select, update

from sluice.edges.approvals.requests import MOST_REASON, DeskError, new_id, parties, party
from sluice.edges.store.tables import grants, reviews
from sluice.model.identity import Identity

Lent = Mapping[str, Mapping[str, tuple[tuple[str, float], ...]]]
"""By source, by party (`user:dana`): the groups lent to it, each with when that ends."""


class Grant(Struct, frozen=True, kw_only=True):
    """Membership of `role` on `source`, lent to `identity`. Times are seconds since the epoch; `ended_at` None: not yet."""

    id: str
    kind: Literal["grant", "break-glass"]
    identity: str
    source: str
    role: str
    request: str | None
    reason: str
    given_by: tuple[str, ...]
    starts_at: float
    ends_at: float
    ended_at: float | None
    ended_by: str


class Review(Struct, frozen=True, kw_only=True):
    """What somebody else found about a break-glass. `at` None: nobody has looked yet."""

    grant: Grant
    due_at: float
    reviewer: str
    verdict: str
    note: str
    at: float | None


def begin(
    connection: Connection,
    kind: Literal["grant", "break-glass"],
    identity: str,
    what: tuple[str, str],
    why: tuple[str | None, str, tuple[str, ...]],
    now: float,
    seconds: float,
) -> Grant:
    """Lends from now on. `what`: source and role; `why`: the request if any, the reason, who gave it."""
    grant = Grant(
        id=new_id("g"), kind=kind, identity=identity, source=what[0], role=what[1], request=why[0], reason=why[1],
        given_by=why[2], starts_at=now, ends_at=now + seconds, ended_at=None, ended_by="",
    )  # fmt: skip
    values = {name: getattr(grant, name) for name in grant.__struct_fields__}
    connection.execute(insert(grants).values(**{**values, "given_by": list(grant.given_by)}))
    return grant


def break_glass(
    connection: Connection,
    who: Identity,
    source: str,
    role: str,
    reason: str,
    now: float,
    seconds: float,
    review: float,
) -> Grant:
    """Lends at once, to be reviewed within `review` seconds. Raises DeskError while an earlier one waits too long for that."""
    if who.kind != "user" or who.on_behalf_of is not None:
        raise DeskError("forbidden", "only people break the glass, not services or agents")
    if not reason.strip() or len(reason) > MOST_REASON:
        raise DeskError("wrong", f"break-glass needs a reason of at most {MOST_REASON} characters")
    late = (
        select(grants.c.id)
        .join(reviews, reviews.c.grant == grants.c.id)
        .where(grants.c.identity == party(who), reviews.c.at.is_(None), reviews.c.due_at <= now)
    )
    found = connection.execute(late).scalars().first()
    if found is not None:
        raise DeskError("forbidden", f"your break-glass {found} has not been reviewed in time; have it reviewed first")
    grant = begin(connection, "break-glass", party(who), (source, role), (None, reason.strip(), ()), now, seconds)
    connection.execute(
        insert(reviews).values(grant=grant.id, due_at=now + review, reviewer="", verdict="", note="", at=None)
    )
    return grant


def lent(connection: Connection, now: float) -> Lent:
    """Everything that is lent now."""
    found: dict[str, dict[str, tuple[tuple[str, float], ...]]] = {}
    wanted = select(grants).where(grants.c.ended_at.is_(None), grants.c.ends_at > now).order_by(grants.c.id)
    for row in connection.execute(wanted):
        there = found.setdefault(row.source, {})
        there[row.identity] = (*there.get(row.identity, ()), (row.role, row.ends_at))
    return found


def show(connection: Connection, grant: str) -> Grant:
    """One grant. Raises DeskError when there is none of that id."""
    row = connection.execute(select(grants).where(grants.c.id == grant)).one_or_none()
    if row is None:
        raise DeskError("missing", f"there is no grant `{grant}`")
    return _grant(row)


def of_request(connection: Connection, request: str) -> Grant | None:
    """The grant that a request led to, if it did."""
    row = connection.execute(select(grants).where(grants.c.request == request)).one_or_none()
    return None if row is None else _grant(row)


def listed(connection: Connection, most: int, now: float | None = None) -> list[Grant]:
    """The newest grants; those in force at `now`, if it is given."""
    wanted = select(grants).order_by(grants.c.starts_at.desc(), grants.c.id).limit(most)
    if now is not None:
        wanted = wanted.where(grants.c.ended_at.is_(None), grants.c.ends_at > now)
    return [_grant(row) for row in connection.execute(wanted)]


def end(connection: Connection, grant: str, who: Identity, reviewers: frozenset[str], now: float) -> Grant:
    """Ends a grant early: by who has it, who gave it, or a reviewer. Raises DeskError."""
    found = show(connection, grant)
    if not set(parties(who)) & {found.identity, *found.given_by} and not reviewers & who.groups:
        raise DeskError("forbidden", "only who has a grant, who gave it, or a reviewer can end it")
    if found.ended_at is not None or found.ends_at <= now:
        raise DeskError("late", f"grant {grant} has ended already")
    connection.execute(update(grants).where(grants.c.id == grant).values(ended_at=now, ended_by=who.display))
    return show(connection, grant)


def overdue(connection: Connection, now: float) -> list[str]:
    """Grants whose time is over and which are not yet written down as ended."""
    return list(
        connection.execute(select(grants.c.id).where(grants.c.ended_at.is_(None), grants.c.ends_at <= now)).scalars()
    )


def lapse(connection: Connection, now: float) -> list[Grant]:
    """Writes down what ran out."""
    found = overdue(connection, now)
    for grant in found:
        connection.execute(update(grants).where(grants.c.id == grant).values(ended_at=grants.c.ends_at, ended_by=""))
    return [show(connection, grant) for grant in found]


def reviewing(connection: Connection, grant: str) -> Review:
    """One break-glass and what came of it. Raises DeskError when there is none."""
    found = list(_reviews(connection, grant))
    if not found:
        raise DeskError("missing", f"there is no break-glass `{grant}`")
    return found[0]


def to_review(connection: Connection, most: int, open_only: bool) -> list[Review]:
    """Break-glass, the newest first; `open_only`: what nobody has looked at yet."""
    return [one for one in _reviews(connection, None) if one.at is None or not open_only][:most]


def review(
    connection: Connection, grant: str, who: Identity, reviewers: frozenset[str], verdict: str, note: str, now: float
) -> Review:
    """Keeps what a reviewer found. Raises DeskError when it is not theirs to review, or was reviewed already."""
    found = reviewing(connection, grant)
    if who.kind != "user" or who.on_behalf_of is not None or not reviewers & who.groups:
        raise DeskError("forbidden", "only people in one of the groups that review can do this")
    if party(who) == found.grant.identity:
        raise DeskError("forbidden", "nobody reviews their own break-glass")
    if found.at is not None:
        raise DeskError("late", f"{grant} was reviewed already, by {found.reviewer}")
    if verdict not in ("justified", "abuse") or not note.strip() or len(note) > MOST_REASON:
        raise DeskError("wrong", "a review is `justified` or `abuse`, with a note that says why")
    connection.execute(
        update(reviews)
        .where(reviews.c.grant == grant)
        .values(reviewer=party(who), verdict=verdict, note=note.strip(), at=now)
    )
    return reviewing(connection, grant)


def _reviews(connection: Connection, grant: str | None) -> list[Review]:
    wanted = (
        select(reviews, grants)
        .join(grants, reviews.c.grant == grants.c.id)
        .order_by(grants.c.starts_at.desc(), grants.c.id)
    )
    if grant is not None:
        wanted = wanted.where(reviews.c.grant == grant)
    return [
        Review(
            grant=_grant(row), due_at=row.due_at, reviewer=row.reviewer, verdict=row.verdict, note=row.note, at=row.at
        )
        for row in connection.execute(wanted)
    ]


def _grant(row: Row[Any]) -> Grant:
    values = {name: getattr(row, name) for name in Grant.__struct_fields__}
    return Grant(**{**values, "given_by": tuple(values["given_by"])})
