"""Cancel keys: Sluice's own, unguessable, and good for one live connection.

Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

_PID_BITS = 31
_OWN_BITS = 23
"""The bits above these are the number of the worker, where there are several."""
MOST_WORKERS = (1 << (_PID_BITS - _OWN_BITS)) - 1


def owner_of(pid: int) -> int:
    """The worker that issued a key, where there are several."""
    return pid >> _OWN_BITS


class CancelKeys:
    """Who may cancel what: process ids and secrets handed to clients, each with what to do when one comes back."""

    def __init__(self, worker: int = 0) -> None:
        """`worker`: its number among several, 0: there is one."""
        self._worker = worker
        self._live: dict[int, tuple[bytes, Callable[[], None]]] = {}

    def issue(self, cancel: Callable[[], None], length: int) -> tuple[int, bytes]:
        """A new key: (process id, secret of `length` bytes)."""
        while True:
            free = secrets.randbits(_OWN_BITS if self._worker else _PID_BITS)
            pid = self._worker << _OWN_BITS | free
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
