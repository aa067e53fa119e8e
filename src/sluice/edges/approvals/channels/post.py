"""One HTTP POST with a short patience, to a configured address and nowhere else: redirects are not followed."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from sluice.edges.approvals.channels.channel import SECONDS, ChannelError

_MOST_ANSWER = 65_536


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body of a 2xx answer. Raises ChannelError for anything else."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = (
        http.client.HTTPSConnection(parts.hostname or "", port, timeout=SECONDS, context=ssl.create_default_context())
        if secure
        else http.client.HTTPConnection(parts.hostname or "", port, timeout=SECONDS)
    )
    try:
        connection.request(
            "POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, dict(headers)
        )
        answer = connection.getresponse()
        text = answer.read(_MOST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise ChannelError(f"{parts.hostname}: {type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise ChannelError(f"{parts.hostname} answered with status {answer.status}")
    return text
