"""Who a request of the API comes from: proven as at a login, by password or token, or turned away alike."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from typing import TYPE_CHECKING

from sluice.edges.identity import Rejected
from sluice.engines.postgres.scram import ScramError, Verifier
from sluice.model.identity import Identity
from sluice.runtime.api.http import Answer, HttpRequest, problem

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

_ASK = (("www-authenticate", 'Basic realm="sluice", charset="UTF-8"'),)


def bearer(request: HttpRequest) -> str:
    """The bearer token a request carries; empty: none."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else ""


async def prove(gateway: Gateway, request: HttpRequest) -> Identity | Answer:
    """The caller's identity with the groups it holds by itself, or the answer that turns it away.

    Groups that a grant lends for a while do not count here: who was let in for an hour lets nobody else in.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if token := bearer(request):
        user, secret, basic = "token", token, False
    elif scheme.lower() == "basic" and rest:
        user, secret = _pair(rest)
        basic = True
    else:
        return _unproven("say who you are: a user and password, or a bearer token")
    now = time.time()
    person = "" if user == "token" else user
    if gateway.rate.wait(request.address, person, now) > 0:
        return problem(429, "too many failed logins from here; wait a minute, then try again")
    await gateway.keyrings.before(gateway.tokens, secret)
    found = await asyncio.to_thread(_checked, gateway, user, secret, basic)
    if isinstance(found, Rejected):
        gateway.rate.failed(request.address, person, now)
        gateway.log.warning("API login failed", user=user, reason=found.reason, address=request.address)
        return _unproven("the user, password or token is not valid")
    return found


def _checked(gateway: Gateway, user: str, secret: str, basic: bool) -> Identity | Rejected:
    if not basic:
        return gateway.check_token(user, secret)
    way = gateway.directory.way(user, None)
    if way.method in ("token", "oauth"):
        return gateway.check_token(user, secret)
    # Whoever does not exist is checked too, so that it takes as long.
    kept = Verifier.mock(user, gateway.mock_secret) if way.verifier is None else Verifier.parse(way.verifier)
    try:
        given = Verifier.make(secret, kept.salt, kept.iterations)
    except ScramError:
        return Rejected("the password cannot be one")
    if not hmac.compare_digest(given.stored_key, kept.stored_key) or way.doubt:
        return Rejected(way.doubt or "wrong password")
    return gateway.directory.identity(user, "scram-sha-256", time.time())


def _pair(text: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def _unproven(text: str) -> Answer:
    refused = problem(401, text)
    return Answer(401, refused.body, refused.kind, _ASK)
