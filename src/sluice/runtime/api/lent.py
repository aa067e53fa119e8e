"""Access for a while over the API: ask for it, break the glass, end it, look it over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import BreakGlassReviewed, RequestAsked, Wanted
from sluice.audit.template import caller as as_logged
from sluice.edges.approvals import desk, grants
from sluice.edges.approvals.grants import Grant
from sluice.edges.approvals.requests import DeskError, Request, parties
from sluice.edges.identity import Rejected, settle_purpose
from sluice.edges.sinks.jsonl import LogFailed
from sluice.model.approval import Need
from sluice.model.decision import Decision
from sluice.model.identity import Client, Identity
from sluice.policy.decide import may_have
from sluice.runtime.api.asked import shown
from sluice.runtime.api.http import Answer, HttpRequest, answer
from sluice.runtime.approvals import done
from sluice.session.world import World

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

_MOST = 500


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """Which group somebody wants to be lent on which source, for how many seconds, and why."""

    source: str
    role: str
    seconds: float
    reason: str
    purpose: str = ""


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """What a reviewer found about a break-glass."""

    verdict: Literal["justified", "abuse"]
    note: str


async def _request(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    wish, settings = msgspec.json.decode(request.body, type=Wish), gateway.config.approvals
    _bounded(gateway, wish, settings.longest_grant)
    world, purpose, decision = _decided(gateway, who, wish, request, "request")
    needs = _needs(world, decision)
    why = f"membership of `{wish.role}` on `{wish.source}` for {round(wish.seconds)} seconds"
    times = (time.time(), wish.seconds, settings.open)
    asked = (purpose, wish.reason, why, decision.policies)
    place = (wish.source, world.source.environment)

    def work(connection: Connection) -> Request:
        most = settings.open_per_identity
        fresh = desk.ask_access(connection, who, place, wish.role, asked, needs, times, most)
        gateway.telling.post(connection, "request-asked", fresh, times[0])
        return fresh

    made = await done(gateway.store.write(work, "requests", "grants", "outbox"))
    gateway.try_note(
        RequestAsked(
            gateway.new_id(), stamp(times[0]), made.id, "grant", *place, as_logged(who), purpose, "", why, (), (),
            tuple(Wanted(need.group, need.count) for need in needs), made.reason, stamp(made.closes_at),
        )
    )  # fmt: skip
    await gateway.access.given(made)
    return answer(shown(made, time.time()), 201)


async def _break_glass(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    wish, settings = msgspec.json.decode(request.body, type=Wish), gateway.config.approvals
    _bounded(gateway, wish, settings.longest_break_glass)
    if not settings.reviewers:
        raise DeskError(
            "forbidden", "nobody is configured to review break-glass (`approvals.reviewers`), so it is shut"
        )
    if _decided(gateway, who, wish, request, "break-glass")[2].outcome != "allow":
        raise DeskError("forbidden", "break-glass does not wait for approval; ask for access instead")
    now = time.time()

    def work(connection: Connection) -> Grant:
        taken = grants.break_glass(
            connection, who, wish.source, wish.role, wish.reason, now, wish.seconds, settings.review
        )
        gateway.telling.post(connection, "break-glass", taken, now)
        return taken

    grant = await done(gateway.store.write(work, "grants", "outbox"))
    gateway.access.began(grant)
    await gateway.access.load()
    return answer(grant, 201)


def _bounded(gateway: Gateway, wish: Wish, most: float) -> None:
    if not 1 <= wish.seconds <= most:
        raise DeskError("wrong", f"access is for at least a second and at most {round(most)} seconds")
    if wish.source not in gateway.config.sources:
        raise DeskError("missing", f"there is no source `{wish.source}`")
    if not wish.role or len(wish.role) > 63:
        raise DeskError("wrong", "say which group, by its name")
    if not gateway.recorder.healthy:
        raise LogFailed("the event log cannot be written")


def _decided(
    gateway: Gateway, who: Identity, wish: Wish, request: HttpRequest, access: Literal["request", "break-glass"]
) -> tuple[World, str, Decision]:
    """The source's world, the purpose, and what policy says. Raises DeskError when it refuses."""
    purpose = settle_purpose(who, wish.purpose)
    if isinstance(purpose, Rejected):
        raise DeskError("forbidden", purpose.reason)
    world = gateway.worlds.of(wish.source)
    if world is None:
        raise DeskError("late", f"source `{wish.source}` cannot be reached, so nothing in it can be governed")
    client = Client(request.address, "sluice api")
    decision = may_have(who, purpose, world.source, client, world.snapshot, time.time(), access, wish.role)
    if decision.outcome == "refuse":
        refusal = decision.refusal
        raise DeskError("forbidden", f"{refusal.message}; {refusal.detail}" if refusal else "not permitted")
    return world, purpose, decision


def _needs(world: World, decision: Decision) -> tuple[Need, ...]:
    if decision.outcome == "allow":
        return ()
    known = world.snapshot.policies.annotations
    wanted: dict[str, int] = {}
    for name in decision.policies:
        wanted[known[name].approval] = max(known[name].approvals, wanted.get(known[name].approval, 0))
    return tuple(Need(group, count) for group, count in sorted(wanted.items()))


def _sees(gateway: Gateway, grant: Grant, who: Identity) -> bool:
    return bool(set(parties(who)) & {grant.identity, *grant.given_by}) or bool(_reviewers(gateway) & who.groups)


def _reviewers(gateway: Gateway) -> frozenset[str]:
    return frozenset(gateway.config.approvals.reviewers)


async def _list(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    now = None if request.query.get("all") else time.time()
    found = await done(gateway.store.read(lambda connection: grants.listed(connection, _MOST, now)))
    return answer([grant for grant in found if _sees(gateway, grant, who)])


async def _end(gateway: Gateway, who: Identity, _: HttpRequest, names: dict[str, str]) -> Answer:
    now = time.time()
    ended = await done(
        gateway.store.write(
            lambda connection: grants.end(connection, names["id"], who, _reviewers(gateway), now), "grants"
        )
    )
    gateway.access.ended(ended)
    await gateway.access.load()
    return answer(ended)


async def _reviews(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    every = bool(request.query.get("all"))
    found = await done(gateway.store.read(lambda connection: grants.to_review(connection, _MOST, not every)))
    return answer([one for one in found if _sees(gateway, one.grant, who)])


async def _review(gateway: Gateway, who: Identity, request: HttpRequest, names: dict[str, str]) -> Answer:
    finding, now = msgspec.json.decode(request.body, type=Finding), time.time()
    found = await done(
        gateway.store.write(
            lambda connection: grants.review(
                connection, names["id"], who, _reviewers(gateway), finding.verdict, finding.note, now
            ),
            "grants",
        )
    )
    gateway.try_note(
        BreakGlassReviewed(
            gateway.new_id(),
            stamp(now),
            found.grant.id,
            found.grant.identity,
            as_logged(who),
            finding.verdict,
            found.note,
        )
    )
    return answer(found)


ROUTES = (
    ("POST", "/v1/requests", _request),
    ("POST", "/v1/break-glass", _break_glass),
    ("GET", "/v1/grants", _list),
    ("POST", "/v1/grants/{id}/end", _end),
    ("GET", "/v1/reviews", _reviews),
    ("POST", "/v1/reviews/{id}", _review),
)
