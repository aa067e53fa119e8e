"""Tokens (JWT) to identities.

Sources: RFC 7519 (claims), RFC 8725 (what goes wrong with them), RFC 8693 section 4.1 (`act`: who acts for whom).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from sluice.edges.identity.keys import VerifyKey, check_algorithms, choose
from sluice.edges.identity.rejected import Rejected
from sluice.model.identity import Identity

_LONGEST_NAME: Final = 256
_MOST_GROUPS: Final = 1_000
_LATEST: Final = 1e12
_KEPT: Final = ("iss", "jti", "client_id", "azp", "email")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens are accepted, signed how and for whom. `leeway`: seconds by which clocks may differ."""

    issuer: str
    audience: str
    keys: tuple[VerifyKey, ...] = field(repr=False)
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    name_claim: str = "sub"
    groups_claim: str = "groups"
    purpose_claim: str = "purpose"
    leeway: float = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError for algorithms that prove nothing."""
        check_algorithms(self.algorithms)


class _Unfit(ValueError):
    """A token that is not accepted; the text is for the log."""


class _Signatures(JWSRegistry):
    """The one algorithm that a token may be signed by. Which are good enough, `check_algorithms` settled."""

    max_header_length = 8_192

    def __init__(self, algorithm: str) -> None:
        # Header fields that are not known do not matter (RFC 7515, section 4); those that must be known are in `crit`.
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._algorithm = algorithm

    def get_alg(self, name: str) -> JWSAlgModel:
        """The algorithm itself. No warning that EdDSA has a newer name, once a login."""
        if name != self._algorithm:
            raise UnsupportedAlgorithmError(f"`{name}` is not the algorithm that was chosen")
        return self.algorithms[name]


class TokenVerifier:
    """Checks tokens of the issuers it is given, and says whose they are."""

    def __init__(self, issuers: Sequence[TokenIssuer]) -> None:
        """Raises ValueError when an issuer is named twice."""
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        if len(self._issuers) != len(issuers):
            raise ValueError("an issuer of tokens is configured twice")

    def __bool__(self) -> bool:
        return bool(self._issuers)

    def verify(self, token: str, now: float) -> Identity | Rejected:
        """Who the token says the caller is, or why it is not accepted. `now` is seconds since the epoch.

        An `act` claim makes an agent that acts for the subject. The identity ends when the token does.
        """
        try:
            issuer = self._issuers.get(_stated_issuer(token))
            if issuer is None:
                raise _Unfit("the token is of an issuer that is not configured")
            claims = _signed(token, issuer)
            expires = _in_force(claims, issuer, now)
            return _identity(claims, issuer, now, expires)
        except _Unfit as unfit:
            return Rejected(str(unfit))


def _stated_issuer(token: str) -> str:
    """Whose the token says it is; proven only by the signature, checked by that issuer's keys alone."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        raise _Unfit("the token is no signed JWT")
    stated = _object(parts[1]).get("iss")
    if not isinstance(stated, str):
        raise _Unfit("the token names no issuer")
    return stated


def _signed(token: str, issuer: TokenIssuer) -> Mapping[str, object]:
    header = _object(token.split(".", 1)[0])
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise _Unfit("the token's algorithm is not accepted for its issuer")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Unfit("the token is of another type than JWT")
    if "crit" in header or "b64" in header:
        raise _Unfit("the token's header asks for an extension that is not known")
    if kid is not None and not isinstance(kid, str):
        raise _Unfit("the token's `kid` is no text")
    key = choose(issuer.keys, kid, algorithm)
    if key is None:
        raise _Unfit("none of the issuer's keys is the one the token means")
    try:
        return jwt.decode(token, key.key, registry=_Signatures(algorithm)).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _Unfit("the token's signature is wrong") from error


def _in_force(claims: Mapping[str, object], issuer: TokenIssuer, now: float) -> float:
    """Until when the token counts, leeway included."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer.issuer or issuer.audience not in audiences:
        raise _Unfit("the token is meant for another audience")
    expires = _time(claims, "exp")
    if expires is None:
        raise _Unfit("the token never expires")
    if now >= expires + issuer.leeway:
        raise _Unfit("the token has expired")
    for claim in ("nbf", "iat"):
        begins = _time(claims, claim)
        if begins is not None and begins > now + issuer.leeway:
            raise _Unfit(f"the token is not in force yet (`{claim}`)")
    return expires + issuer.leeway


def _identity(claims: Mapping[str, object], issuer: TokenIssuer, now: float, expires: float) -> Identity:
    purposes = _purposes(claims.get(issuer.purpose_claim))
    subject = Identity(
        kind="user",
        name=_name(claims.get(issuer.name_claim), issuer.name_claim),
        groups=_names(claims.get(issuer.groups_claim), issuer.groups_claim),
        claims=tuple((name, value) for name in _KEPT if isinstance(value := claims.get(name), str)),
        method="token",
        authenticated_at=_time(claims, "auth_time") or _time(claims, "iat") or now,
        expires_at=expires,
        purposes=purposes,
        default_purpose=next(iter(purposes)) if purposes is not None and len(purposes) == 1 else "",
    )
    if "act" not in claims:
        return subject
    actor = claims["act"]
    if not isinstance(actor, dict):
        raise _Unfit("the token's `act` is no actor")
    if "act" in actor:
        raise _Unfit("the token was delegated more than once")
    if actor.get("iss", issuer.issuer) != issuer.issuer:
        raise _Unfit("the token's actor is another issuer's")
    return Identity(
        kind="agent",
        name=_name(actor.get("sub"), "act.sub"),
        groups=_names(actor.get(issuer.groups_claim), f"act.{issuer.groups_claim}"),
        claims=subject.claims,
        method="token",
        authenticated_at=subject.authenticated_at,
        expires_at=expires,
        on_behalf_of=subject,
        purposes=purposes,
        default_purpose=subject.default_purpose,
    )


def _object(part: str) -> Mapping[str, object]:
    try:
        found = json.loads(urlsafe_b64decode(part.encode()))
    except (ValueError, RecursionError) as error:
        raise _Unfit("the token is no signed JWT") from error
    if not isinstance(found, dict):
        raise _Unfit("the token is no signed JWT")
    return found


def _time(claims: Mapping[str, object], claim: str) -> float | None:
    value = claims.get(claim)
    if value is None:
        return None
    # The comparison is false for NaN too, and needs no conversion of an integer that no float can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise _Unfit(f"the token's `{claim}` is no time")
    return float(value)


def _name(value: object, claim: str) -> str:
    # Names go into messages, logs and the database's own session: nothing in them may end a line or a field.
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME or not value.isprintable():
        raise _Unfit(f"the token's `{claim}` is no name")
    return value


def _names(value: object, claim: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > _MOST_GROUPS:
        raise _Unfit(f"the token's `{claim}` is no list of names")
    return frozenset(_name(entry, claim) for entry in listed)


def _purposes(value: object) -> frozenset[str] | None:
    return None if value is None else _names(value, "purpose")
