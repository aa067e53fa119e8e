"""Documents of an issuer's server: its OpenID Connect discovery and its keys. Small, checked, and only from whom they should be.

Sources: OpenID Connect Discovery 1.0 (sections 3 and 4), RFC 8414.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2

SECONDS: Final = 5.0
_LONGEST: Final = 1 << 20


class DiscoveryError(Exception):
    """An issuer's document could not be had, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What an issuer's server says of itself."""

    issuer: str
    jwks_uri: str
    told: Mapping[str, object]

    def endpoint(self, name: str) -> str:
        """The address of one of its endpoints (`token_endpoint` …). Raises DiscoveryError when it names none to trust."""
        found = self.told.get(name)
        if not isinstance(found, str) or not _as_safe(found, self.issuer):
            raise DiscoveryError(f"the issuer {self.issuer} names no usable `{name}`")
        return found


def discover(issuer: str, ca: Path | None = None) -> Provider:
    """Asks the issuer's server for its metadata (it blocks, at most a few seconds). Raises DiscoveryError."""
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    try:
        told = json.loads(fetch(url, ca))
    except (ValueError, RecursionError) as error:
        raise DiscoveryError(f"{url} is no JSON") from error
    if not isinstance(told, dict) or told.get("issuer") != issuer:
        # Else one issuer could hand out another's keys as its own.
        raise DiscoveryError(f"{url} speaks for another issuer")
    provider = Provider(issuer, "", told)
    return Provider(issuer, provider.endpoint("jwks_uri"), told)


def fetch(url: str, ca: Path | None = None) -> bytes:
    """A document by GET, without following redirects (it blocks, at most a few seconds). Raises DiscoveryError."""
    until = time.monotonic() + SECONDS
    try:
        with (
            httpx2.Client(verify=trust(ca), timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise DiscoveryError(f"{url} answered with status {answer.status_code}")
            found = b""
            for part in answer.iter_bytes():
                found += part
                if len(found) > _LONGEST:
                    raise DiscoveryError(f"{url} answered with too much")
                if time.monotonic() > until:
                    raise DiscoveryError(f"{url} took too long")
            return found
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise DiscoveryError(f"{url} cannot be reached: {error}") from error


def trust(ca: Path | None) -> ssl.SSLContext:
    """TLS towards an issuer: by the system's CAs, or by this one alone. OSError when it cannot be read."""
    return ssl.create_default_context(cafile=None if ca is None else str(ca))


def _as_safe(url: str, issuer: str) -> bool:
    """An issuer with TLS must not lead anybody to an address without."""
    scheme = urlsplit(url).scheme
    return scheme == "https" or (scheme == "http" and urlsplit(issuer).scheme == "http")
