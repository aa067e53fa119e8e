"""How often logins may fail, for each address and each user name.

Only failures cost, so a pool may open as many connections as it likes. Ask `wait` before a login and once more before
its success is told: guesses that ran side by side are then worth no more than guesses in a row.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

MINUTE: Final = 60.0
_IPV6_SITE: Final = 64
_ENTRIES: Final = 10_000


class RateLimit:
    """A bucket of failures for each address and user; both refill evenly. Times are seconds, passed in.

    `per_address` and `per_user` are failures a minute, and as many at once. At most `entries` buckets of each kind are
    held: beyond that the one that failed longest ago is forgotten.
    """

    def __init__(self, per_address: int, per_user: int, entries: int = _ENTRIES) -> None:
        """Raises ValueError for bounds below one."""
        if min(per_address, per_user, entries) < 1:
            raise ValueError("limits of failed logins begin at 1")
        self._addresses = _Buckets(per_address, entries)
        self._users = _Buckets(per_user, entries)

    def wait(self, address: str, user: str, now: float) -> float:
        """Seconds until this user may try from this address; 0: at once. `user` is empty while it is not known."""
        by_user = self._users.wait(user, now) if user else 0.0
        return max(self._addresses.wait(_site(address), now), by_user)

    def failed(self, address: str, user: str, now: float) -> None:
        """A login failed."""
        self._addresses.spend(_site(address), now)
        if user:
            self._users.spend(user, now)

    def __len__(self) -> int:
        return len(self._addresses.left) + len(self._users.left)


class _Buckets:
    """What is left of each key's failures, and when that was so; the key that failed longest ago first."""

    __slots__ = ("_entries", "_most", "left")

    def __init__(self, most: int, entries: int) -> None:
        self._most = float(most)
        self._entries = entries
        self.left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        return max(0.0, 1.0 - self._now(key, now)) * MINUTE / self._most

    def spend(self, key: str, now: float) -> None:
        self.left[key] = (max(0.0, self._now(key, now) - 1.0), now)
        self.left.move_to_end(key)
        if len(self.left) > self._entries:
            self.left.popitem(last=False)

    def _now(self, key: str, now: float) -> float:
        left, then = self.left.get(key, (self._most, now))
        return min(self._most, left + max(0.0, now - then) * self._most / MINUTE)


def _site(address: str) -> str:
    """The address, or its network where a single client has a whole one (IPv6: /64)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _IPV6_SITE), strict=False))
