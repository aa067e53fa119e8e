"""A syslog server: RFC 5424 over TCP, framed by RFC 6587."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from sluice.edges.answers.receivers.receiver import SECONDS, Batch

# Facility 13 (log audit), severity 6 (informational).
_PRIORITY = 13 * 8 + 6


class Syslog:
    """A batch is there when the far side, having read all of it, closed."""

    most: ClassVar[tuple[int, int]] = (500, 8 << 20)

    def __init__(self, target: str, settings: Path | None) -> None:  # noqa: ARG002
        self._parts = urlsplit(target)

    def send(self, batch: Batch) -> None:
        """Sends on a connection of its own."""
        with socket.create_connection((self._parts.hostname or "", self._parts.port or 601), SECONDS) as connection:
            for body in batch.bodies:
                event = msgspec.json.decode(body)
                time = next((one for name in ("time", "eventTime") if isinstance(one := event.get(name), str)), "-")
                message = f"<{_PRIORITY}>1 {time} - sluice - - - ".encode() + body
                connection.sendall(b"%d %b" % (len(message), message))
            # The far side closes when it has read everything: only then is the batch sent.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def close(self) -> None:
        """Nothing is open between batches."""
