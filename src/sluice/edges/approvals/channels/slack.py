"""Slack: a message with buttons in a channel, and what comes back when somebody presses one.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack (signature v0),
https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from sluice.edges.approvals.channels.channel import Channel, ChannelError, facts, headline
from sluice.edges.approvals.channels.post import post
from sluice.edges.approvals.outbox import Message
from sluice.edges.config.approving import Approvals, Slack
from sluice.edges.config.parts import is_loopback
from sluice.edges.secrets import SecretError

AGE_SECONDS = 300
_MOST_TEXT = 2900
_BLOCK, _INPUT = "sluice-reason", "reason"


class Pressed(Struct, frozen=True):
    """Somebody pressed a button: which Slack user, on which request, with what reason."""

    user: str
    request: str
    verdict: Literal["approve", "deny"]
    reason: str


def slack(settings: Approvals) -> dict[str, Channel]:
    """The Slack channel, if there is one."""
    return {} if settings.slack is None else {"slack": _Slack(settings.slack)}


def genuine(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether Slack signed this, just now. An old one is not: it may have been recorded and sent again."""
    at, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (at.isascii() and at.isdigit()) or abs(now - int(at)) > AGE_SECONDS:
        return False
    wanted = "v0=" + hmac.new(secret, f"v0:{at}:".encode() + body, "sha256").hexdigest()
    return hmac.compare_digest(wanted.encode(), given.encode())


def payload_of(body: bytes) -> dict[str, Any]:
    """The interaction in a form that Slack posted. Raises ValueError for what is malformed."""
    found = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
    if not isinstance(found, dict):
        raise ValueError("an interaction is an object")
    return found


def pressed(payload: dict[str, Any]) -> Pressed | None:
    """What an interaction says, None when it is not an answer. Raises LookupError and the like for what is malformed."""
    if payload.get("type") != "block_actions":
        return None
    for action in payload.get("actions", ()):
        verdict = str(action.get("action_id", "")).removeprefix("sluice-")
        if verdict in ("approve", "deny"):
            values: dict[str, Any] = payload.get("state", {}).get("values", {})
            reason = values.get(_BLOCK, {}).get(_INPUT, {}).get("value") or ""
            kind: Literal["approve", "deny"] = "approve" if verdict == "approve" else "deny"
            return Pressed(str(payload["user"]["id"]), str(action["value"]), kind, str(reason))
    return None


def socket_of(settings: Slack) -> str:
    """The address of a fresh Socket Mode connection (it blocks for seconds). Raises ChannelError.

    Source: https://docs.slack.dev/apis/events-api/using-socket-mode, https://docs.slack.dev/reference/methods/apps.connections.open.
    """
    if settings.app_token is None:
        raise ChannelError("there is no `app_token`")
    try:
        token = settings.app_token.read().decode()
    except (SecretError, UnicodeDecodeError) as error:
        raise ChannelError(f"the app token cannot be read: {error}") from error
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-www-form-urlencoded"}
    answer = _answer(post(f"{settings.api}/apps.connections.open", b"", headers))
    url = str(answer.get("url", "")) if answer.get("ok") else ""
    parts = urlsplit(url)
    if not url:
        raise ChannelError(f"Slack opened no connection: {str(answer.get('error', 'unknown'))[:100]}")
    if parts.scheme != "wss" and not (parts.scheme == "ws" and is_loopback(parts.hostname or "")):
        raise ChannelError("Slack's connection would be in clear")
    return url


def blocks(message: Message, address: str) -> list[dict[str, Any]]:
    """A message in Slack's blocks. What comes from people is plain text there: it can mention nobody and link nowhere."""
    lines = "\n".join(f"{name}: {value}" for name, value in facts(message))
    found: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": headline(message)[:150], "emoji": False}},
        {"type": "section", "text": {"type": "plain_text", "text": lines[:_MOST_TEXT] or "-", "emoji": False}},
    ]
    if message.subject != "request-asked":
        return found
    request = str(message.payload["id"])
    found.append(
        {
            "type": "input", "block_id": _BLOCK, "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": _INPUT, "max_length": 500},
        }
    )  # fmt: skip
    buttons = (("approve", "Approve", "primary"), ("deny", "Deny", "danger"))
    found.append(
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button", "action_id": f"sluice-{verdict}", "value": request, "style": style,
                    "text": {"type": "plain_text", "text": word},
                }
                for verdict, word, style in buttons
            ],
        }
    )  # fmt: skip
    if address:
        found.append({"type": "context", "elements": [{"type": "plain_text", "text": address + request}]})
    return found


class _Slack:
    def __init__(self, settings: Slack) -> None:
        self._settings = settings

    def tell(self, message: Message, address: str) -> None:
        text = {"channel": self._settings.channel, "text": headline(message), "blocks": blocks(message, address)}
        try:
            token = self._settings.token.read().decode()
        except (SecretError, UnicodeDecodeError) as error:
            raise ChannelError(f"the token cannot be read: {error}") from error
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        answer = _answer(post(f"{self._settings.api}/chat.postMessage", json.dumps(text).encode(), headers))
        if not answer.get("ok"):
            # Slack says no with status 200.
            raise ChannelError(f"Slack refused the message: {str(answer.get('error', 'unknown'))[:100]}")


def _answer(body: bytes) -> dict[str, Any]:
    """What Slack said. Raises ChannelError: what stands before it may say anything else."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ChannelError("Slack's answer is no JSON") from error
    if not isinstance(found, dict):
        raise ChannelError("Slack's answer is no object")
    return found
