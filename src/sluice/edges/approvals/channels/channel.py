"""What a channel does: tell people one message, or say why it could not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sluice.edges.approvals.outbox import Message
from sluice.edges.config.approving import Approvals

SECONDS = 10.0
_HEADLINES = {
    "request-asked": "{requester} asks for approval on {source}",
    "request-answered": "{id} is {state}",
    "break-glass": "BREAK-GLASS: {identity} took {role} on {source}",
}


class ChannelError(Exception):
    """The message was not delivered; it will be tried again. The text holds no secret."""


class Channel(Protocol):
    """One configured way to tell people. Called in a thread of its own; may block for `SECONDS`."""

    def tell(self, message: Message, address: str) -> None:
        """Delivers. `address` is where people find requests (empty: unknown). Raises ChannelError."""


Maker = Callable[[Approvals], Mapping[str, Channel]]


def headline(message: Message) -> str:
    """A message in one line."""
    return _HEADLINES[message.subject].format_map({"id": "", "role": "", **message.payload})


def facts(message: Message) -> list[tuple[str, str]]:
    """What a message is about, for people, as (name, value); without what is empty."""
    about = message.payload
    detail: dict[str, Any] = about.get("detail", {})
    needs = " and ".join(f"{need['count']} of {need['group']}" for need in about.get("needs", ()))
    touched = ", ".join(f"{one['table']} ({one['access']})" for one in detail.get("tables", ()))
    answers = "; ".join(f"{vote['verdict']} by {vote['voter']}: {vote['reason']}" for vote in about.get("votes", ()))
    ends = about.get("closes_at") or about.get("ends_at")
    found = [
        ("request", about.get("id", "")), ("who", about.get("requester") or about.get("identity", "")),
        ("source", about.get("source", "")), ("purpose", about.get("purpose", "")), ("reason", about.get("reason", "")),
        ("statement", detail.get("statement", "")), ("access", detail.get("role") or about.get("role", "")),
        ("touches", touched), ("rows, by plan", detail.get("estimated_rows")),
        ("labels", ", ".join(detail.get("labels", ()))), ("held because", detail.get("why", "")),
        ("wants", needs), ("answers", answers),
        ("until", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ends)) if ends else ""),
    ]  # fmt: skip
    return [(name, str(value)) for name, value in found if value not in (None, "")]
