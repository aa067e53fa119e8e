"""Cancel keys: Sluice's own, unguessable, and good for one live connection.

Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

_PID_BITS = 31


class CancelKeys:
    """Who may cancel what: process ids and secrets handed to clients, each with what to do when one comes back."""

    def __init__(self) -> None:
        self._live: dict[int, tuple[bytes, Callable[[], None]]] = {}

    def issue(self, cancel: Callable[[], None], length: int) -> tuple[int, bytes]:
        """A new key: (process id, secret of `length` bytes)."""
        while True:
            pid = secrets.randbits(_PID_BITS)
            if pid and pid not in self._live:
                break
        secret = secrets.token_bytes(length)
        self._live[pid] = (secret, cancel)
        return pid, secret

    def use(self, pid: int, secret: bytes) -> bool:
        """Cancels what the key is for; False when there is no such key."""
        known, cancel = self._live.get(pid, (b"", None))
        if cancel is None or not hmac.compare_digest(known, secret):
            return False
        cancel()
        return True

    def withdraw(self, pid: int) -> None:
        """The connection is over."""
        self._live.pop(pid, None)
