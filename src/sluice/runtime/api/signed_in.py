"""For who signed in: where to do so, who one is then, and database credentials for one source and one purpose."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from sluice.edges.approvals.requests import DeskError
from sluice.edges.credentials import Credential
from sluice.edges.identity import Rejected, settle_purpose
from sluice.model.identity import Client, Identity
from sluice.policy.decide import may_connect
from sluice.runtime.api.doorman import bearer
from sluice.runtime.api.http import Answer, HttpRequest, answer
from sluice.runtime.credentials import must_log, settings

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

PATH = "/.well-known/sluice"
_MOST_PURPOSES = 50


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """A credential for which source, for what, for how many seconds at most (0: as long as may be)."""

    source: str
    purpose: str = ""
    seconds: float = 0.0


async def where(gateway: Gateway, _: HttpRequest) -> Answer:
    """How to sign in here; open to everybody, and says nothing of sources or people."""
    login = settings(gateway.config.login)
    return answer(
        {
            "issuer": login.issuer, "client_id": login.client_id, "scopes": login.scopes, "resource": login.resource,
            "proof": login.proof,
        }
    )  # fmt: skip


async def _me(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    behind = who.on_behalf_of
    return answer(
        {
            "kind": who.kind, "name": who.name, "on_behalf_of": None if behind is None else behind.display,
            "groups": sorted(who.groups), "purposes": None if who.purposes is None else sorted(who.purposes),
            "default_purpose": who.default_purpose, "method": who.method, "expires_at": who.expires_at,
            "sources": [name for name in sorted(gateway.config.sources) if _may_connect(gateway, who, name, request)],
        }
    )  # fmt: skip


def _may_connect(gateway: Gateway, who: Identity, source: str, request: HttpRequest) -> bool:
    """Whether there is a purpose for which they may."""
    stated = [who.default_purpose, *sorted(who.purposes or ())][:_MOST_PURPOSES]
    return any(not _objection(gateway, who, source, purpose, request) for purpose in stated)


def _objection(gateway: Gateway, who: Identity, source: str, purpose: str, request: HttpRequest) -> str:
    """Why somebody may not connect for a purpose; empty: they may."""
    world = gateway.worlds.of(source)
    if world is None:
        return f"source `{source}` cannot be reached, so nothing in it can be governed"
    client = Client(request.address, "sluice api")
    decision = may_connect(who, purpose, world.source, client, world.snapshot, time.time())
    if decision.outcome == "allow":
        return ""
    return decision.refusal.message if decision.refusal else "not permitted to connect"


async def _mint(gateway: Gateway, who: Identity, request: HttpRequest, _: dict[str, str]) -> Answer:
    login, wish = settings(gateway.config.login), msgspec.json.decode(request.body, type=Wish)
    must_log(gateway)
    # A password is no sign-in: whoever has one needs no credential, and nobody could end what it minted at the issuer.
    told = await asyncio.to_thread(gateway.tokens.verify, bearer(request), time.time())
    if isinstance(told, Rejected):
        raise DeskError("forbidden", "credentials are for who signed in with a token (`sluice login`)")
    if wish.source not in gateway.config.sources:
        raise DeskError("missing", f"there is no source `{wish.source}`")
    if not 0 <= wish.seconds <= login.credential_seconds:
        raise DeskError("wrong", f"a credential is for at most {round(login.credential_seconds)} seconds")
    purpose = settle_purpose(who, wish.purpose)
    if isinstance(purpose, Rejected):
        raise DeskError("forbidden", purpose.reason)
    if why := _objection(gateway, who, wish.source, purpose, request):
        raise DeskError("forbidden", why)
    seconds = wish.seconds or login.credential_seconds
    kept, fresh = await gateway.credentials.issue(told, who, wish.source, purpose, seconds, request.address)
    listener = gateway.config.listeners[0]
    return answer(
        {
            **_shown(kept), "user": fresh.name, "password": fresh.password, "host": login.host or listener.address,
            "port": login.port or listener.port, "database": wish.source, "tls": listener.tls is not None,
        },
        201,
    )  # fmt: skip


def _shown(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.id, "source": credential.source, "purpose": credential.purpose,
        "created_at": credential.created_at, "expires_at": credential.expires_at,
    }  # fmt: skip


async def _list(gateway: Gateway, who: Identity, _: HttpRequest, __: dict[str, str]) -> Answer:
    return answer([_shown(one) for one in await gateway.credentials.owned(who)])


async def _end(gateway: Gateway, who: Identity, _: HttpRequest, names: dict[str, str]) -> Answer:
    chosen = [one for one in await gateway.credentials.owned(who) if one.id == names["id"]]
    if not chosen:
        raise DeskError("missing", f"you have no credential `{names['id']}`")
    await gateway.credentials.end(chosen, who.display)
    return answer([_shown(one) for one in chosen])


async def _end_all(gateway: Gateway, who: Identity, _: HttpRequest, __: dict[str, str]) -> Answer:
    chosen = await gateway.credentials.owned(who)
    await gateway.credentials.end(chosen, who.display)
    return answer([_shown(one) for one in chosen])


ROUTES = (
    ("GET", "/v1/me", _me),
    ("GET", "/v1/credentials", _list),
    ("POST", "/v1/credentials", _mint),
    ("POST", "/v1/credentials/end", _end_all),
    ("POST", "/v1/credentials/{id}/end", _end),
)
