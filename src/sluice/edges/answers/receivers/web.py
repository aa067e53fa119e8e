"""An HTTP address that takes lines of JSON by POST."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from sluice.edges.answers.receivers.receiver import SECONDS, Batch, ShipFailed


class Web:
    """A batch is there when it was answered with 2xx."""

    most: ClassVar[tuple[int, int]] = (500, 8 << 20)

    def __init__(self, target: str, settings: Path | None) -> None:  # noqa: ARG002
        self._parts = urlsplit(target)

    def send(self, batch: Batch) -> None:
        """Posts on a connection of its own."""
        parts = self._parts
        host, port = parts.hostname or "", parts.port
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, batch.lines, {"content-type": batch.kind})
            status = connection.getresponse().status
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise ShipFailed(f"`{parts.geturl()}` answered with {status}")

    def close(self) -> None:
        """Nothing is open between batches."""
