"""The API's front: a request is proven, routed and answered; whatever is not known is not found."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from sluice.edges.approvals.requests import DeskError
from sluice.edges.config.parts import is_loopback
from sluice.edges.sinks.jsonl import LogFailed
from sluice.edges.store import StoreError
from sluice.model.identity import Identity
from sluice.runtime.api import asked, lent, logout, pages, signed_in, slack
from sluice.runtime.api.doorman import prove
from sluice.runtime.api.http import Answer, HttpRequest, problem

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

Handler = Callable[["Gateway", Identity, HttpRequest, dict[str, str]], Awaitable[Answer]]
_STATUSES = {"missing": 404, "forbidden": 403, "late": 409, "wrong": 422}

ROUTES: tuple[tuple[str, str, Handler], ...] = (*asked.ROUTES, *lent.ROUTES, *signed_in.ROUTES)
"""Method, path with `{name}`s, handler."""

OPEN: dict[tuple[str, str], Callable[[Gateway, HttpRequest], Awaitable[Answer]]] = {
    ("POST", slack.PATH): slack.interact,
    ("POST", logout.PATH): logout.logged_out,
    ("GET", signed_in.PATH): signed_in.where,
}
"""What proves itself otherwise, or needs no proof."""

_COMPILED = [
    (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9._-]+)", path)), run) for method, path, run in ROUTES
]


async def serve(gateway: Gateway, request: HttpRequest) -> Answer:
    """The answer to one request. Never raises."""
    if not is_loopback(gateway.config.admin.address):
        return problem(403, "the API carries passwords and is served on loopback only; put a proxy with TLS before it")
    try:
        return await _answered(gateway, request)
    except DeskError as error:
        return problem(_STATUSES[error.kind], str(error))
    except msgspec.MsgspecError as error:
        return problem(422, f"the body is not what is expected: {error}")
    except (StoreError, LogFailed) as error:
        gateway.log.error("the API could not do its work", reason=str(error))
        return problem(503, "the gateway cannot do this now; try again later")


async def _answered(gateway: Gateway, request: HttpRequest) -> Answer:
    if request.path.startswith(pages.PREFIX):
        return await pages.serve(gateway, request)
    unproven = OPEN.get((request.method, request.path))
    if unproven is not None:
        return await unproven(gateway, request)
    found = [(match, method, run) for method, path, run in _COMPILED if (match := path.fullmatch(request.path))]
    if not found:
        return problem(404, "there is nothing here")
    chosen = next(((match, run) for match, method, run in found if method == request.method), None)
    if chosen is None:
        return problem(405, f"this takes {' or '.join(method for _, method, _ in found)}")
    if request.method == "POST" and request.headers.get("content-type", "").split(";")[0] != "application/json":
        # A page in somebody's browser can post a form here, but not this.
        return problem(415, "send JSON")
    who = await prove(gateway, request)
    if isinstance(who, Answer):
        return who
    match, run = chosen
    return await run(gateway, who, request, match.groupdict())
