"""Requests in the store. Each function is one transaction's work: pass it to `Store.write` with the topic `requests`.

A writer of a topic is alone while it works, on every node, so what these functions read stays true until they have written:
of two answers at the same instant the second sees the first; an answer and an expiry, a withdrawal or a use come in one order
or the other, never both. A use is counted before the statement is sent: a gateway that dies in between costs the use, and
never runs the statement twice.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from sluice.edges.approvals import grants
from sluice.edges.approvals.requests import (
    MOST_REASON,
    DeskError,
    Request,
    Verdict,
    Vote,
    may_answer,
    met,
    new_id,
    parties,
    party,
    standing,
)
from sluice.edges.store.tables import requests, votes
from sluice.model.approval import Approval, Approver, Hold, Need
from sluice.model.identity import Identity


def ask(
    connection: Connection,
    who: Identity,
    source: str,
    environment: str,
    hold: Hold,
    now: float,
    open_seconds: float,
    most: int,
) -> tuple[Request, Approval | None]:
    """The approval of this very statement, one use of which is counted now; or the request that asks for it.

    Raises DeskError when the caller has too many open requests.
    """
    same = (
        (requests.c.digest == hold.digest)
        & (requests.c.requester == who.display)
        & (requests.c.source == source)
        & (requests.c.purpose == hold.purpose)
        & (requests.c.kind == "statement")
    )
    for row in connection.execute(select(requests).where(same, requests.c.state.in_(("approved", "open")))).all():
        found = _request(connection, row)
        if found.needs != hold.needs or standing(found, now) == "expired":
            continue
        approval = use(connection, found.id, now)
        if approval is not None:
            return show(connection, found.id), approval
        if found.state == "open":
            return found, None
    _room(connection, who, most)
    request = Request(
        id=new_id("r"), kind="statement", state="open", source=source, environment=environment, requester=who.display,
        parties=parties(who), purpose=hold.purpose, digest=hold.digest, needs=hold.needs, reason=hold.reason, detail=_detail(hold),
        created_at=now, closes_at=now + open_seconds, decided_at=None, valid_seconds=hold.valid_seconds,
        valid_until=None, uses=hold.uses, used=0,
    )  # fmt: skip
    put(connection, request)
    return request, None


def put(connection: Connection, request: Request) -> None:
    """Writes a new request."""
    values: dict[str, Any] = {name: getattr(request, name) for name in request.__struct_fields__ if name != "votes"}
    values["needs"] = [[need.group, need.count] for need in request.needs]
    values["parties"] = list(request.parties)
    connection.execute(insert(requests).values(**values))


def _room(connection: Connection, who: Identity, most: int) -> None:
    """Raises DeskError when the caller has as many open requests as it may."""
    mine = select(func.count()).where(requests.c.requester == who.display, requests.c.state == "open")
    if connection.execute(mine).scalar_one() >= most:
        raise DeskError("late", f"`{who.display}` has {most} open requests already; withdraw some, or wait for answers")


def show(connection: Connection, request: str) -> Request:
    """One request with its votes. Raises DeskError when there is none of that id."""
    row = connection.execute(select(requests).where(requests.c.id == request)).one_or_none()
    if row is None:
        raise DeskError("missing", f"there is no request `{request}`")
    return _request(connection, row)


def listed(connection: Connection, states: tuple[str, ...], most: int) -> list[Request]:
    """The newest requests in any of these states, all when none are named."""
    wanted = select(requests).order_by(requests.c.created_at.desc(), requests.c.id).limit(most)
    if states:
        wanted = wanted.where(requests.c.state.in_(states))
    return [_request(connection, row) for row in connection.execute(wanted).all()]


def vote(
    connection: Connection, request: str, voter: Identity, verdict: Verdict, reason: str, channel: str, now: float
) -> Request:
    """Counts one person's answer; the request as it is then. With the last one needed, access begins: a change of `grants` too.

    Raises DeskError when they may not answer, or too late.
    """
    found = show(connection, request)
    groups = may_answer(found, voter, reason, now)
    given = Vote(party(voter), groups, verdict, reason.strip(), channel, now)
    connection.execute(
        insert(votes).values(
            request=request, voter=given.voter, groups=list(groups), verdict=verdict, reason=given.reason,
            channel=channel, at=now,
        )
    )  # fmt: skip
    if verdict == "deny":
        _turn(connection, request, state="denied", decided_at=now)
    elif met(found.needs, (*found.votes, given)):
        _approved(connection, found, given, now)
    return show(connection, request)


def _approved(connection: Connection, found: Request, last: Vote, now: float) -> None:
    until = now + found.valid_seconds
    if found.kind == "statement":
        _turn(connection, found.id, state="approved", decided_at=now, valid_until=until)
        return
    given_by = tuple(each.voter for each in (*found.votes, last) if each.verdict == "approve")
    what, why = (found.source, str(found.detail["role"])), (found.id, found.reason, given_by)
    grants.begin(connection, "grant", found.parties[0], what, why, now, found.valid_seconds)
    _turn(connection, found.id, state="used", decided_at=now, valid_until=until, used=1)


def ask_access(
    connection: Connection,
    who: Identity,
    place: tuple[str, str],
    role: str,
    asked: tuple[str, str, str, tuple[str, ...]],
    needs: tuple[Need, ...],
    times: tuple[float, float, float],
    most: int,
) -> Request:
    """Asks for membership of a group for a while; without `needs` it is lent at once.

    `place`: source and environment; `asked`: purpose, reason, the refusal in words, the policies that want approval;
    `times`: now, for how long, and how long it can be answered. Raises DeskError.
    """
    purpose, reason, why, policies = asked
    now, seconds, open_seconds = times
    if not reason.strip() or len(reason) > MOST_REASON:
        raise DeskError("wrong", f"a request needs a reason of at most {MOST_REASON} characters")
    _room(connection, who, most)
    detail = {"role": role, "seconds": seconds, "why": why, "policies": list(policies)}
    request = Request(
        id=new_id("r"), kind="grant", state="open", source=place[0], environment=place[1], requester=who.display,
        parties=parties(who), purpose=purpose, digest="", needs=needs, reason=reason.strip(), detail=detail, created_at=now,
        closes_at=now + open_seconds, decided_at=None, valid_seconds=seconds, valid_until=None, uses=1, used=0,
    )  # fmt: skip
    put(connection, request)
    if not needs:
        grants.begin(
            connection, "grant", request.parties[0], (place[0], role), (request.id, request.reason, ()), now, seconds
        )
        _turn(connection, request.id, state="used", decided_at=now, valid_until=now + seconds, used=1)
    return show(connection, request.id)


def withdraw(connection: Connection, request: str, who: Identity, now: float) -> Request:
    """Takes a request back, or an approval that is not used up. For its requester and those who approved it."""
    found = show(connection, request)
    own = set(parties(who)) & {*found.parties, *(vote.voter for vote in found.votes if vote.verdict == "approve")}
    if not own:
        raise DeskError("forbidden", "only who asked, or who approved, can withdraw a request")
    if standing(found, now) not in ("open", "approved"):
        raise DeskError("late", f"request {request} is not open any more: it is {standing(found, now)}")
    _turn(connection, request, state="withdrawn", decided_at=now)
    return show(connection, request)


def leave(connection: Connection, request: str, now: float) -> bool:
    """Withdraws a request whose session needs it no longer, if nobody has decided on it yet; whether it did."""
    done = connection.execute(
        update(requests)
        .where(requests.c.id == request, requests.c.state == "open")
        .values(state="withdrawn", decided_at=now)
    )
    return bool(done.rowcount)


def use(connection: Connection, request: str, now: float) -> Approval | None:
    """Counts one use of an approval that holds; None when it does not."""
    found = show(connection, request)
    if standing(found, now) != "approved" or found.used >= found.uses or found.kind != "statement":
        return None
    last = found.used + 1 >= found.uses
    _turn(connection, request, used=found.used + 1, state="used" if last else "approved")
    approvers = tuple(
        Approver(each.voter, each.groups, each.reason, each.channel)
        for each in found.votes
        if each.verdict == "approve"
    )
    return Approval(request, found.needs, approvers)


def give_back(connection: Connection, request: str, now: float) -> None:
    """Takes back the count of a use that never reached its session."""
    found = show(connection, request)
    if found.state in ("approved", "used") and found.used and (found.valid_until or 0) > now:
        _turn(connection, request, used=found.used - 1, state="approved")


def overdue(connection: Connection, now: float) -> list[str]:
    """Requests and approvals that ran out and are not yet written down as expired."""
    ran_out = or_(
        (requests.c.state == "open") & (requests.c.closes_at <= now),
        (requests.c.state == "approved") & (requests.c.valid_until <= now),
    )
    return list(connection.execute(select(requests.c.id).where(ran_out)).scalars())


def expire(connection: Connection, now: float) -> list[Request]:
    """Writes down what ran out."""
    found = overdue(connection, now)
    for request in found:
        _turn(connection, request, state="expired")
    return [show(connection, request) for request in found]


def estimate(connection: Connection, request: str, rows: int) -> None:
    """Adds how many rows the database expects the statement to touch."""
    found = show(connection, request)
    _turn(connection, request, detail={**found.detail, "estimated_rows": rows})


def _turn(connection: Connection, request: str, **values: Any) -> None:
    connection.execute(update(requests).where(requests.c.id == request).values(**values))


def _request(connection: Connection, row: Row[Any]) -> Request:
    values = dict(row._mapping)
    values["needs"] = tuple(Need(group, count) for group, count in values["needs"])
    values["parties"] = tuple(values["parties"])
    given = connection.execute(select(votes).where(votes.c.request == row.id).order_by(votes.c.at, votes.c.voter))
    cast = tuple(Vote(one.voter, tuple(one.groups), one.verdict, one.reason, one.channel, one.at) for one in given)
    return Request(**values, votes=cast)


def _detail(hold: Hold) -> dict[str, Any]:
    return {
        "statement": hold.text,
        "parameters": list(hold.parameters),
        "why": hold.why,
        "policies": list(hold.policies),
        "verbs": list(hold.verbs),
        "tables": [{"table": table, "access": access} for table, access in hold.tables],
        "functions": list(hold.functions),
        "labels": list(hold.labels),
        "search_path": list(hold.search_path),
        "event": hold.event_id,
        "estimated_rows": None,
    }
