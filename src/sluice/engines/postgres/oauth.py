"""OAUTHBEARER, the server's end, sans-io: a client's message to the token in it, and what it is told when that is not good.

Sources: RFC 7628, RFC 6750 (the form of a token), https://www.postgresql.org/docs/18/sasl-authentication.html#SASL-OAUTHBEARER.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

MECHANISM: Final = "OAUTHBEARER"
DUMMY: Final = b"\x01"
"""What a client answers to an error, before it is turned away."""
ASKED: Final = "the client asked where to get a token"
"""Why a login ended that was none: libpq asks so before it opens a browser."""
_SEPARATOR: Final = "\x01"
_PAIR = re.compile(r"([A-Za-z]+)=([\x20-\x7e\t\r\n]*)")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")


class OAuthError(ValueError):
    """A message that is none; the text is for the log, never for the other side."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a client gets a token, and with which scopes."""

    issuer: str
    scope: str

    def refusal(self) -> bytes:
        """The error that a client reads (RFC 7628, section 3.2.2); the same whatever is wrong with its token."""
        told = {
            "status": "invalid_token",
            "openid-configuration": self.issuer.rstrip("/") + "/.well-known/openid-configuration",
            "scope": self.scope,
        }
        return json.dumps(told).encode()


def token_of(message: bytes) -> str:
    """The token in a client's first message; empty: it only asks where to get one. Raises OAuthError."""
    try:
        text = message.decode("ascii")
    except UnicodeDecodeError as error:
        raise OAuthError("an OAUTHBEARER message that is not ASCII") from error
    header, separator, rest = text.partition(_SEPARATOR)
    # No channel binding, and nobody but the start-up packet's user: as the server has it.
    if header not in ("n,,", "y,,") or not separator:
        raise OAuthError("an OAUTHBEARER message with channel binding, an authorization identity or no beginning")
    if not rest.endswith(_SEPARATOR * 2) and rest != _SEPARATOR:
        raise OAuthError("an OAUTHBEARER message without its end")
    found: dict[str, str] = {}
    for part in rest[: -len(_SEPARATOR)].removesuffix(_SEPARATOR).split(_SEPARATOR):
        pair = _PAIR.fullmatch(part)
        if pair is None or pair[1] in found:
            raise OAuthError("an OAUTHBEARER message with a malformed or repeated field")
        found[pair[1]] = pair[2]
    if "auth" not in found:
        raise OAuthError("an OAUTHBEARER message without `auth`")
    if not found["auth"]:
        return ""
    bearer = _BEARER.fullmatch(found["auth"])
    if bearer is None:
        raise OAuthError("an OAUTHBEARER message whose `auth` is no bearer token")
    return bearer[1]
