"""An issuer of tokens for tests."""

from __future__ import annotations

import base64
import json
import warnings

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from sluice.edges.identity import TokenIssuer, TokenVerifier, read_keys

NOW = 1_800_000_000.0
ISSUER = "https://login.example.org"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed-1"})
STRANGER = ECKey.generate_key("P-256", {"kid": "ec-1"})


def key_set(*keys: Key, **changed: object) -> bytes:
    """A JSON Web Key Set of the public halves."""
    return json.dumps({"keys": [{**key.as_dict(private=False), **changed} for key in keys]}).encode()


def issuer(*keys: Key, **changed: object) -> TokenIssuer:
    """The issuer, with all its keys unless others are given."""
    fields = {"issuer": ISSUER, "audience": "sluice", "keys": read_keys(key_set(*(keys or (RSA, EC, ED)))), **changed}
    return TokenIssuer(**fields)


def claims(**changed: object) -> dict[str, object]:
    """Good claims, changed; None leaves one out."""
    good = {"iss": ISSUER, "aud": "sluice", "sub": "dana", "iat": NOW - 60, "exp": NOW + 600, "groups": ["data"]}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(body: dict[str, object] | None = None, key: Key = EC, algorithm: str = "ES256", **header: object) -> str:
    """A token. Headers of None are left out."""
    heading = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **header}
    given = {name: value for name, value in heading.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode(given, body or claims(), key, algorithms=[algorithm])


def forged(header: dict[str, object], body: object, signature: bytes = b"") -> str:
    """Three parts of anything."""
    parts = (json.dumps(header).encode(), json.dumps(body).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def verifier(**changed: object) -> TokenVerifier:
    """A verifier of the issuer's tokens."""
    return TokenVerifier([issuer(**changed)])
