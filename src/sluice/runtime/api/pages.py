"""The page of a request at `/requests/ID`: who may answer signs in at the identity provider, reads, and answers.

What a browser holds is signed and says who was proven; who they are is judged anew at every step. An answer is taken only from
the page itself: the cookie goes nowhere else (SameSite), the form carries a mark made for this person and this request, and a
browser that names another origin is refused.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec

from sluice.edges.approvals import desk, page
from sluice.edges.approvals.channels.channel import facts, headline
from sluice.edges.approvals.outbox import Message
from sluice.edges.approvals.requests import DeskError, Request, standing
from sluice.edges.config.signing_in import Login
from sluice.edges.identity import Rejected
from sluice.edges.identity.sealed import seal, unsealed
from sluice.edges.signin import Client, Pending, SignInError
from sluice.model.identity import Identity
from sluice.runtime.api.asked import answered, may_see
from sluice.runtime.api.http import Answer, HttpRequest
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

PREFIX = "/requests/"
_CALLBACK = PREFIX + "callback"
_WHO, _BEGUN = "sluice_who", "sluice_begun"
_WHO_SECONDS, _BEGUN_SECONDS, _CLIENT_SECONDS = 900.0, 600.0, 300.0
_ID = re.compile(r"/requests/(r-[a-z2-9]{8})")


class Begun(msgspec.Struct, frozen=True):
    """A sign-in that a browser went away for, and the request it comes back to."""

    pending: dict[str, str]
    to: str


class Clients:
    """The gateway's own client at the issuer, found again every few minutes, and by one request at a time."""

    def __init__(self) -> None:
        self._found: tuple[Login, Client, float] | None = None
        self._one = asyncio.Lock()

    async def of(self, login: Login, ca: str | None) -> Client:
        """The client for these settings. Raises SignInError."""
        async with self._one:
            found, now = self._found, time.monotonic()
            if found is None or found[0] != login or now - found[2] > _CLIENT_SECONDS:
                made = await asyncio.to_thread(Client, login.issuer, login.client_id, login.scopes, login.resource, ca)
                self._found = found = (login, made, now)
            return found[1]


async def serve(gateway: Gateway, request: HttpRequest) -> Answer:
    """The answer to a browser. Raises StoreError and LogFailed."""
    login, address = gateway.config.login, gateway.config.approvals.address
    if login is None or address is None or urlsplit(address).path != PREFIX:
        return _page(404, page.plain("Sluice", "There is nothing here."))
    try:
        if (request.method, request.path) == ("GET", _CALLBACK):
            return await _came_back(gateway, login, address, request)
        found = _ID.fullmatch(request.path)
        if found is None or request.method not in ("GET", "POST"):
            return _page(404, page.plain("Sluice", "There is nothing here."))
        who = _who(gateway, request)
        if who is None and request.method == "GET":
            return await _go(gateway, login, address, found[1])
        if who is None:
            return _page(401, page.plain("Sluice", "Your sign-in has ended; open the request again."))
        return await _shown(gateway, request, found[1], who, address)
    except SignInError as error:
        gateway.log.warning("signing in for a page failed", reason=str(error), address=request.address)
        return _page(401, page.plain("Sluice", "Signing in did not work; open the request again."))


async def _go(gateway: Gateway, login: Login, address: str, to: str) -> Answer:
    """Sends a browser to the identity provider."""
    client = await gateway.clients.of(login, _ca(gateway, login))
    pending = client.begin(address + "callback")
    kept = Begun({name: value for name, value in asdict(pending).items() if name != "url"}, to)
    until = time.time() + _BEGUN_SECONDS
    cookie = _cookie(
        _BEGUN, seal(gateway.page_secret, _BEGUN, msgspec.json.encode(kept), until), _BEGUN_SECONDS, address
    )
    return Answer(303, headers=(("location", pending.url), cookie))


async def _came_back(gateway: Gateway, login: Login, address: str, request: HttpRequest) -> Answer:
    now = time.time()
    sealed = unsealed(gateway.page_secret, _BEGUN, _cookies(request).get(_BEGUN, ""), now)
    if sealed is None:
        raise SignInError("no sign-in was begun in this browser, or too long ago")
    begun = msgspec.json.decode(sealed, type=Begun)
    client = await gateway.clients.of(login, _ca(gateway, login))
    tokens = await asyncio.to_thread(client.finish, Pending(url="", **begun.pending), request.query)
    token = tokens.identity if login.proof == "id_token" else tokens.access
    await gateway.keyrings.before(gateway.tokens, token)
    told = await asyncio.to_thread(gateway.tokens.verify, token, now)
    if isinstance(told, Rejected):
        raise SignInError(f"the token that was given is not accepted: {told.reason}")
    until = min(now + _WHO_SECONDS, told.expires_at or now)
    cookie = _cookie(_WHO, seal(gateway.page_secret, _WHO, msgspec.json.encode(told), until), _WHO_SECONDS, address)
    return Answer(303, headers=(("location", address + begun.to), cookie, _cookie(_BEGUN, "", 0, address)))


def _who(gateway: Gateway, request: HttpRequest) -> Identity | None:
    """Who was proven in this browser, as they are judged now."""
    sealed = unsealed(gateway.page_secret, _WHO, _cookies(request).get(_WHO, ""), time.time())
    if sealed is None:
        return None
    told = msgspec.json.decode(sealed, type=Identity)
    if not gateway.tokens.knows(dict(told.claims).get("iss", "")):
        return None
    found = gateway.admitted("token", told)
    return None if isinstance(found, Rejected) else found


async def _shown(gateway: Gateway, request: HttpRequest, name: str, who: Identity, address: str) -> Answer:
    try:
        found = await done(gateway.store.read(lambda connection: desk.show(connection, name)))
        if not may_see(found, who):
            raise DeskError("missing", f"there is no request `{name}`")
    except DeskError as error:
        return _page(404, page.plain("Sluice", str(error)))
    said, status = "", 200
    if request.method == "POST":
        said, status, found = await _voted(gateway, request, found, who, address)
    form = (request.path, _mark(gateway, found, who)) if standing(found, time.time()) == "open" else None
    return _page(status, page.shown(headline(_message(found)), facts(_message(found)), who.display, said, form))


async def _voted(
    gateway: Gateway, request: HttpRequest, found: Request, who: Identity, address: str
) -> tuple[str, int, Request]:
    """What came of an answer, its status, and the request after it."""
    parts = urlsplit(address)
    origin = request.headers.get("origin", "")
    given = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    mark = unsealed(gateway.page_secret, f"mark {found.id}", given.get("mark", ""), time.time())
    if origin not in ("", f"{parts.scheme}://{parts.netloc}") or mark != who.display.encode():
        return "This answer did not come from this page, or too late. Nothing was counted.", 403, found
    verdict = given.get("verdict")
    if verdict not in ("approve", "deny"):
        return "An answer approves or denies.", 422, found
    try:
        after = await answered(
            gateway, found.id, who, "approve" if verdict == "approve" else "deny", given.get("reason", ""), "page"
        )
    except DeskError as error:
        return str(error), 409, found
    return f"Your answer is counted: {after.id} is {after.state}.", 200, after


def _mark(gateway: Gateway, found: Request, who: Identity) -> str:
    return seal(gateway.page_secret, f"mark {found.id}", who.display.encode(), time.time() + _WHO_SECONDS)


def _message(found: Request) -> Message:
    payload = msgspec.to_builtins(found)
    return Message(
        id="", channel="page", subject="request-asked", payload=payload, attempts=0, created_at=found.created_at
    )


def _ca(gateway: Gateway, login: Login) -> str | None:
    found = next((one.ca for one in gateway.config.tokens if one.issuer == login.issuer and one.ca), None)
    return None if found is None else str(found)


def _cookies(request: HttpRequest) -> dict[str, str]:
    try:
        return {name: one.value for name, one in SimpleCookie(request.headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _cookie(name: str, value: str, seconds: float, address: str) -> tuple[str, str]:
    secure = "; Secure" if address.startswith("https://") else ""
    return "set-cookie", f"{name}={value}; Path={PREFIX}; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax{secure}"


def _page(status: int, body: bytes) -> Answer:
    headers = (
        ("content-security-policy", page.POLICY),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    )
    return Answer(status, body, "text/html; charset=utf-8", headers)
