"""Webhooks: a JSON document, signed as Standard Webhooks describe it (https://www.standardwebhooks.com).

`webhook-signature` is `v1,` and the base64 of HMAC-SHA-256 over `<webhook-id>.<webhook-timestamp>.<body>`. A receiver checks
it and the age of the time, and uses the id to tell what it has seen already.
"""

from __future__ import annotations

import base64
import hmac
import json
import time

from sluice.edges.approvals.channels.channel import Channel, ChannelError
from sluice.edges.approvals.channels.post import post
from sluice.edges.approvals.outbox import Message
from sluice.edges.config.approving import Approvals, Webhook
from sluice.edges.secrets import SecretError


def webhook(settings: Approvals) -> dict[str, Channel]:
    """One channel for each webhook."""
    return {f"webhook:{name}": _Webhook(each) for name, each in settings.webhooks.items()}


def signature(secret: bytes, message: str, at: int, body: bytes) -> str:
    """The signature of one delivery."""
    signed = f"{message}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


class _Webhook:
    def __init__(self, settings: Webhook) -> None:
        self._settings = settings

    def tell(self, message: Message, address: str) -> None:
        about = {"type": message.subject, "address": address, "data": message.payload}
        body = json.dumps(about, separators=(",", ":")).encode()
        at = int(time.time())
        try:
            signed = signature(self._settings.secret.read(), message.id, at, body)
        except SecretError as error:
            raise ChannelError(str(error)) from error
        headers = {"webhook-id": message.id, "webhook-timestamp": str(at), "webhook-signature": signed}
        post(self._settings.url, body, {**headers, "content-type": "application/json", "user-agent": "sluice"})
