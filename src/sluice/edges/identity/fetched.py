"""An issuer's keys as its server has them: fetched beside the path, kept, and fetched again when they turn out to be others.

Rotation takes no restart: a token signed by a key that nobody knows has the set fetched again, at most every few seconds,
whoever sends such tokens. A key that the issuer withdrew counts no longer than until the next fetch, which comes by itself.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from sluice.edges.identity.discovery import DiscoveryError, discover, fetch
from sluice.edges.identity.keys import VerifyKey, read_keys

FRESH_SECONDS: Final = 300.0
"""After so long a key set is fetched again, used or not."""
LEAST_SECONDS: Final = 5.0
"""Two fetches of one set are at least this far apart."""
LONGEST_SECONDS: Final = 6 * 3600.0
"""Keys that could not be confirmed for so long count no more."""


Place = tuple[str, str | None, Path | None]
"""Issuer, address (None: by discovery at the issuer), CA."""


class FetchedKeys:
    """One issuer's key set. Times are seconds since the epoch, passed in. `url` None: by discovery at the issuer."""

    def __init__(self, issuer: str, url: str | None = None, ca: Path | None = None) -> None:
        self.place: Place = (issuer, url, ca)
        self.trouble = "they were not fetched yet"
        self._keys: tuple[VerifyKey, ...] = ()
        self._fetched = self._tried = float("-inf")
        self._one = threading.Lock()

    def usable(self, now: float) -> tuple[VerifyKey, ...]:
        """The keys that count now; none when they were never fetched, or too long ago."""
        return self._keys if now - self._fetched < LONGEST_SECONDS else ()

    def may_fetch(self, now: float) -> bool:
        """Whether the last attempt lies far enough back, or the clock was turned back since."""
        return not 0 <= now - self._tried < LEAST_SECONDS

    def due(self, now: float) -> bool:
        """Whether the set is to be fetched though nobody asks for it."""
        return self.may_fetch(now) and not 0 <= now - self._fetched < FRESH_SECONDS

    def fetch(self, now: float) -> bool:
        """Fetches the set (it blocks, for a few seconds at most); whether that worked. If not, `trouble` says why.

        Of several callers at once one fetches, and the others wait for it.
        """
        with self._one:
            if not self.may_fetch(now):
                return not self.trouble
            self._tried = now
            try:
                issuer, url, ca = self.place
                self._keys = read_keys(fetch(url or discover(issuer, ca).jwks_uri, ca))
            except (DiscoveryError, ValueError, OSError) as error:
                self.trouble = str(error)
                return False
            self._fetched, self.trouble = now, ""
            return True
