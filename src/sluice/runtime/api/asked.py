"""Requests over the API: look at them, answer them, take them back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import RequestAnswered
from sluice.audit.template import caller as as_logged
from sluice.edges.approvals import desk
from sluice.edges.approvals.requests import DeskError, Request, Verdict, parties, standing
from sluice.edges.sinks.jsonl import LogFailed
from sluice.model.identity import Identity
from sluice.runtime.api.http import Answer, HttpRequest, answer
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

_MOST = 500


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody answers as they do."""

    reason: str = ""


def shown(request: Request, now: float) -> dict[str, Any]:
    """A request as people see it; `state` says what ran out."""
    found: dict[str, Any] = msgspec.to_builtins(request)
    return {**found, "state": standing(request, now), "needs": [msgspec.to_builtins(need) for need in request.needs]}


def may_see(request: Request, who: Identity) -> bool:
    """Whoever asked, whoever may answer, and whoever did."""
    own = set(parties(who))
    voted = {vote.voter for vote in request.votes}
    return bool(own & {*request.parties, *voted}) or any(need.group in who.groups for need in request.needs)


async def answered(
    gateway: Gateway, request: str, who: Identity, verdict: Verdict, reason: str, channel: str
) -> Request:
    """Counts an answer, on whatever channel it came. Raises DeskError, StoreError, and LogFailed when it could not be recorded."""
    if not gateway.recorder.healthy:
        raise LogFailed("the event log cannot be written")
    now = time.time()

    def work(connection: Connection) -> Request:
        voted = desk.vote(connection, request, who, verdict, reason, channel, now)
        gateway.telling.post(connection, "request-answered", voted, now)
        return voted

    found = await done(gateway.store.write(work, "requests", "grants", "outbox"))
    groups = next(vote.groups for vote in found.votes if vote.at == now and vote.verdict == verdict)
    gateway.note(
        RequestAnswered(
            gateway.new_id(), stamp(now), request, verdict, as_logged(who), groups, reason.strip(), channel, found.state
        )
    )
    if found.kind == "grant" and found.state == "used":
        await gateway.access.given(found)
    return found


async def _list(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    states = tuple(filter(None, request.query.get("state", "").split(",")))
    found = await done(gateway.store.read(lambda connection: desk.listed(connection, states, _MOST)))
    now = time.time()
    return answer([shown(each, now) for each in found if may_see(each, who)])


async def _show(gateway: Gateway, who: Identity, _: HttpRequest, names: dict[str, str]) -> Answer:
    found = await _seen(gateway, who, names["id"])
    return answer(shown(found, time.time()))


async def _seen(gateway: Gateway, who: Identity, name: str) -> Request:
    found = await done(gateway.store.read(lambda connection: desk.show(connection, name)))
    if not may_see(found, who):
        # As if there were none: an id is no leave to learn what others ask.
        raise DeskError("missing", f"there is no request `{name}`")
    return found


async def _approve(gateway: Gateway, who: Identity, request: HttpRequest, names: dict[str, str]) -> Answer:
    return await _vote(gateway, who, request, names["id"], "approve")


async def _deny(gateway: Gateway, who: Identity, request: HttpRequest, names: dict[str, str]) -> Answer:
    return await _vote(gateway, who, request, names["id"], "deny")


async def _vote(gateway: Gateway, who: Identity, request: HttpRequest, name: str, verdict: Verdict) -> Answer:
    given = msgspec.json.decode(request.body or b"{}", type=Reason)
    await _seen(gateway, who, name)
    found = await answered(gateway, name, who, verdict, given.reason, "api")
    return answer(shown(found, time.time()))


async def _withdraw(gateway: Gateway, who: Identity, _: HttpRequest, names: dict[str, str]) -> Answer:
    await _seen(gateway, who, names["id"])
    now = time.time()
    found = await done(
        gateway.store.write(lambda connection: desk.withdraw(connection, names["id"], who, now), "requests")
    )
    gateway.approvals.closed(found, "withdrawn", who.display)
    return answer(shown(found, now))


ROUTES = (
    ("GET", "/v1/requests", _list),
    ("GET", "/v1/requests/{id}", _show),
    ("POST", "/v1/requests/{id}/approve", _approve),
    ("POST", "/v1/requests/{id}/deny", _deny),
    ("POST", "/v1/requests/{id}/withdraw", _withdraw),
)
