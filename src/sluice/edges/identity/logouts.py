"""Logout tokens: an issuer says that somebody logged out there.

Source: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6 (https://openid.net/specs/openid-connect-backchannel-1_0.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sluice.edges.identity.rejected import Rejected
from sluice.edges.identity.tokens import LOGOUT_EVENT, TokenIssuer, TokenVerifier
from sluice.model.identity import Identity

OLDEST_SECONDS: Final = 300.0
"""A logout token that was made longer ago is refused; issuers send them at once."""
_TYPES: Final = frozenset({"jwt", "logout+jwt", "application/logout+jwt"})
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Logout:
    """Who logged out at which issuer: `subject`, or `session` there, or both (else empty); `at` by the issuer's clock."""

    issuer: str
    subject: str
    session: str
    token: str
    at: float

    def means(self, identity: Identity) -> bool:
        """Whether this is somebody who authenticated there before that, or anybody who acts for them."""
        told = dict(identity.claims)
        if told.get("iss") != self.issuer or identity.authenticated_at > self.at:
            return False
        session = told.get("sid", "")
        if self.session and session:
            return session == self.session
        # Which of somebody's sessions a token is of is not always said: then all of theirs end.
        return bool(self.subject) and told.get("sub") == self.subject


def logout_verifier(issuers: tuple[TokenIssuer, ...], issuer: str, client: str) -> TokenVerifier:
    """What checks the logout tokens that an issuer sends to this client."""
    found = [replace(one, audience=client, require={}, types=_TYPES) for one in issuers if one.issuer == issuer]
    return TokenVerifier(found[:1])


def read_logout(verifier: TokenVerifier, token: str, now: float) -> Logout | Rejected:
    """What a logout token says, or why it is not accepted. Whether it came before is for who keeps its `token` (`jti`)."""
    claims = verifier.in_force(token, now)
    if isinstance(claims, Rejected):
        return claims
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        return Rejected("the token is no logout token")
    if "nonce" in claims:
        return Rejected("a logout token has no nonce")
    at = claims.get("iat")
    if isinstance(at, bool) or not isinstance(at, int | float) or not at > now - OLDEST_SECONDS:
        return Rejected("the logout token is too old, or does not say when it was made")
    names = [_text(claims, name) for name in ("iss", "sub", "sid", "jti")]
    if None in names:
        return Rejected("a name in the logout token is none")
    issuer, subject, session, number = (name or "" for name in names)
    if not number or not (subject or session):
        return Rejected("the logout token has no number, or names nobody")
    return Logout(issuer, subject, session, number, float(at))


def _text(claims: Mapping[str, object], name: str) -> str | None:
    """A claim, empty where there is none; None where it is something else than a short text."""
    value = claims.get(name, "")
    return value if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable() else None
