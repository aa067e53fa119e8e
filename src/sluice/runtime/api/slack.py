"""Slack's buttons: what Slack signed is an answer by whoever the configuration says that Slack user is."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluice.edges.approvals.channels.channel import ChannelError
from sluice.edges.approvals.channels.post import post
from sluice.edges.approvals.channels.slack import Pressed, genuine, payload_of, pressed
from sluice.edges.approvals.requests import DeskError
from sluice.edges.config.approving import Slack
from sluice.edges.identity import Rejected
from sluice.edges.secrets import SecretError
from sluice.edges.sinks.jsonl import LogFailed
from sluice.edges.store import StoreError
from sluice.runtime.api.asked import answered
from sluice.runtime.api.http import Answer, HttpRequest, problem

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

PATH = "/v1/slack/interactions"
_REPLIES = "hooks.slack.com"


async def interact(gateway: Gateway, request: HttpRequest) -> Answer:
    """Takes an interaction; Slack gets its answer at once, the person who pressed hears in Slack what came of it."""
    settings = gateway.config.approvals.slack
    if settings is None or settings.signing_secret is None:
        return problem(404, "there is nothing here")
    try:
        secret = await asyncio.to_thread(settings.signing_secret.read)
    except SecretError as error:
        gateway.log.error("Slack's signing secret cannot be read", reason=str(error))
        return problem(503, "the gateway cannot do this now; try again later")
    if not genuine(secret, request.headers, request.body, time.time()):
        return problem(401, "this is not signed by Slack, or too old")
    try:
        payload = payload_of(request.body)
        answer = pressed(payload)
    except (ValueError, LookupError, AttributeError, TypeError):
        return problem(400, "this is no interaction")
    if answer is not None:
        told = await _counted(gateway, settings, answer)
        gateway.spawn(_reply(gateway, settings, payload, told))
    return Answer(200)


async def taken(gateway: Gateway, settings: Slack, payload: dict[str, Any]) -> None:
    """Takes an interaction that came by Slack's own connection, and tells the person who pressed what came of it."""
    try:
        answer = pressed(payload)
    except (LookupError, AttributeError, TypeError):
        gateway.log.warning("Slack sent an interaction that is none")
        return
    if answer is not None:
        await _reply(gateway, settings, payload, await _counted(gateway, settings, answer))


async def _counted(gateway: Gateway, settings: Slack, answer: Pressed) -> str:
    name = settings.people.get(answer.user)
    who = Rejected("unknown") if name is None else gateway.directory.identity(name, "slack", time.time())
    if isinstance(who, Rejected):
        gateway.log.warning("an answer by nobody who is known", slack_user=answer.user, request=answer.request)
        return "Sluice does not know who you are: `approvals.slack.people` has to name you."
    try:
        found = await answered(gateway, answer.request, who, answer.verdict, answer.reason, "slack")
    except DeskError as error:
        return str(error)
    except (StoreError, LogFailed) as error:
        gateway.log.error("an answer could not be counted", reason=str(error))
        return "The gateway cannot count your answer now; try again later."
    return f"{found.id} is {found.state}"


async def _reply(gateway: Gateway, settings: Slack, payload: dict[str, Any], told: str) -> None:
    """Tells the person who pressed, at the address Slack gave for that; nowhere but at Slack."""
    url = str(payload.get("response_url", ""))
    if urlsplit(url).hostname not in (_REPLIES, urlsplit(settings.api).hostname):
        return
    text = json.dumps({"response_type": "ephemeral", "replace_original": False, "text": told})
    try:
        await asyncio.to_thread(post, url, text.encode(), {"content-type": "application/json"})
    except ChannelError as error:
        gateway.log.warning("Slack did not take the reply", reason=str(error))
