"""Tokens (JWT) to identities.

Sources: RFC 7519 (claims), RFC 8725 (what goes wrong with them), RFC 8693 section 4.1 (`act`: who acts for whom).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from sluice.edges.identity.fetched import FetchedKeys
from sluice.edges.identity.keys import VerifyKey, check_algorithms, choose
from sluice.edges.identity.rejected import Rejected
from sluice.model.identity import Identity

_LONGEST_NAME: Final = 256
_MOST_GROUPS: Final = 1_000
_LATEST: Final = 1e12
_MOST_ACTORS: Final = 3
_KEPT: Final = ("iss", "sub", "jti", "sid", "client_id", "azp", "email")
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens are accepted, signed how and for whom. `leeway`: seconds by which clocks may differ."""

    issuer: str
    audience: str
    keys: tuple[VerifyKey, ...] | FetchedKeys = field(repr=False)
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    kind: Literal["user", "service"] = "user"
    require: Mapping[str, str] = field(default_factory=dict)
    name_claim: str = "sub"
    groups_claim: str = "groups"
    group_names: Mapping[str, tuple[str, ...]] | None = None
    purpose_claim: str = "purpose"
    leeway: float = 30.0
    types: frozenset[str] = _TYPES

    def __post_init__(self) -> None:
        """Raises ValueError for algorithms that prove nothing."""
        check_algorithms(self.algorithms)

    def usable(self, now: float) -> tuple[VerifyKey, ...]:
        """The keys that count now."""
        return self.keys.usable(now) if isinstance(self.keys, FetchedKeys) else self.keys


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
        """Raises ValueError when an issuer is named twice for one audience."""
        self._issuers: dict[str, list[TokenIssuer]] = {}
        for issuer in issuers:
            known = self._issuers.setdefault(issuer.issuer, [])
            if any(other.audience == issuer.audience for other in known):
                raise ValueError("an issuer of tokens is configured twice")
            known.append(issuer)

    def __bool__(self) -> bool:
        return bool(self._issuers)

    def knows(self, issuer: str) -> bool:
        """Whether this issuer's tokens are accepted."""
        return issuer in self._issuers

    def fetched(self) -> Iterator[FetchedKeys]:
        """All key sets that come from issuers' servers."""
        for issuers in self._issuers.values():
            yield from (issuer.keys for issuer in issuers if isinstance(issuer.keys, FetchedKeys))

    def wanted(self, token: str, now: float) -> FetchedKeys | None:
        """The key set that has to be fetched, anew or at last, if this token is to be accepted; None: none."""
        try:
            issuer = self._issuer(token)
            kid, algorithm = _header(token, issuer)
        except _Unfit:
            return None
        keys = issuer.keys
        if not isinstance(keys, FetchedKeys):
            return None
        return keys if choose(keys.usable(now), kid, algorithm) is None else None

    def verify(self, token: str, now: float) -> Identity | Rejected:
        """Who the token says the caller is, or why it is not accepted. `now` is seconds since the epoch.

        An `act` claim makes an agent that acts for the subject. The identity ends when the token does.
        """
        claims = self.claims(token, now)
        if isinstance(claims, Rejected):
            return claims
        try:
            issuer = self._issuer(token)
            events = claims.get("events")
            if isinstance(events, dict) and LOGOUT_EVENT in events:
                # It has the audience and the subject of an identity token, and says the opposite.
                raise _Unfit("the token is a logout token")
            return _identity(claims, issuer, _in_force(claims, issuer, now))
        except _Unfit as unfit:
            return Rejected(str(unfit))

    def in_force(self, token: str, now: float) -> Mapping[str, object] | Rejected:
        """What a token says that is signed, for us, and in force, whatever it is about."""
        claims = self.claims(token, now)
        if isinstance(claims, Rejected):
            return claims
        try:
            _in_force(claims, self._issuer(token), now)
        except _Unfit as unfit:
            return Rejected(str(unfit))
        return claims

    def claims(self, token: str, now: float) -> Mapping[str, object] | Rejected:
        """What a token of a configured issuer says, its signature checked and nothing else."""
        try:
            return _signed(token, self._issuer(token), now)
        except _Unfit as unfit:
            return Rejected(str(unfit))

    def _issuer(self, token: str) -> TokenIssuer:
        """Whose the token says it is, and for whom; proven only by the signature, checked by that issuer's keys alone."""
        parts = token.split(".")
        if len(parts) != 3 or not token.isascii():
            raise _Unfit("the token is no signed JWT")
        stated = _object(parts[1])
        if not isinstance(name := stated.get("iss"), str):
            raise _Unfit("the token names no issuer")
        known = self._issuers.get(name)
        if known is None:
            raise _Unfit("the token is of an issuer that is not configured")
        audiences = _audiences(stated)
        return next((one for one in known if one.audience in audiences), known[0])


def _audiences(claims: Mapping[str, object]) -> list[object]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]


def _header(token: str, issuer: TokenIssuer) -> tuple[str | None, str]:
    """The id of the key that a token means, and its algorithm."""
    header = _object(token.split(".", 1)[0])
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise _Unfit("the token's algorithm is not accepted for its issuer")
    if not isinstance(kind, str) or kind.lower() not in issuer.types:
        raise _Unfit("the token is of another type than JWT")
    if "crit" in header or "b64" in header:
        raise _Unfit("the token's header asks for an extension that is not known")
    if kid is not None and not isinstance(kid, str):
        raise _Unfit("the token's `kid` is no text")
    return kid, algorithm


def _signed(token: str, issuer: TokenIssuer, now: float) -> Mapping[str, object]:
    kid, algorithm = _header(token, issuer)
    keys = issuer.usable(now)
    key = choose(keys, kid, algorithm)
    if key is None and not keys and isinstance(issuer.keys, FetchedKeys):
        raise _Unfit(f"the issuer's keys could not be fetched: {issuer.keys.trouble}")
    if key is None:
        raise _Unfit("none of the issuer's keys is the one the token means")
    try:
        return jwt.decode(token, key.key, registry=_Signatures(algorithm)).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _Unfit("the token's signature is wrong") from error


def _in_force(claims: Mapping[str, object], issuer: TokenIssuer, now: float) -> float:
    """Until when the token counts, leeway included."""
    if claims.get("iss") != issuer.issuer or issuer.audience not in _audiences(claims):
        raise _Unfit("the token is meant for another audience")
    for claim, value in issuer.require.items():
        if claims.get(claim) != value:
            raise _Unfit(f"the token's `{claim}` is not what its issuer's are required to be")
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


def _identity(claims: Mapping[str, object], issuer: TokenIssuer, expires: float) -> Identity:
    purposes = _purposes(_claim(claims, issuer.purpose_claim))
    subject = Identity(
        kind=issuer.kind,
        name=_name(_claim(claims, issuer.name_claim), issuer.name_claim),
        groups=_groups(claims, issuer, issuer.groups_claim),
        claims=tuple((name, value) for name in _KEPT if isinstance(value := claims.get(name), str)),
        method="token",
        # Where nothing is said of it, it may be long ago: else a logout would not count for such a token.
        authenticated_at=_time(claims, "auth_time") or _time(claims, "iat") or 0.0,
        expires_at=expires,
        purposes=purposes,
        default_purpose=next(iter(purposes)) if purposes is not None and len(purposes) == 1 else "",
    )
    seen: set[str] = set()
    for actor in reversed(_actors(claims)):
        if actor.get("iss", issuer.issuer) != issuer.issuer:
            raise _Unfit("the token's actor is another issuer's")
        name = _name(actor.get("sub"), "act.sub")
        if name in seen:
            raise _Unfit("the token's actor acts for itself")
        seen.add(name)
        subject = replace(
            subject,
            kind="agent",
            name=name,
            groups=_groups(actor, issuer, f"act.{issuer.groups_claim}"),
            on_behalf_of=subject,
        )
    return subject


def _actors(claims: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Who acts for the subject: whoever acts now first, then those who handed on to them."""
    found: list[Mapping[str, object]] = []
    while "act" in claims:
        actor = claims["act"]
        if not isinstance(actor, dict):
            raise _Unfit("the token's `act` is no actor")
        if len(found) == _MOST_ACTORS:
            raise _Unfit(f"the token was handed on more than {_MOST_ACTORS} times")
        found.append(actor)
        claims = actor
    return found


def _groups(claims: Mapping[str, object], issuer: TokenIssuer, said: str) -> frozenset[str]:
    told = _names(_claim(claims, issuer.groups_claim), said)
    if issuer.group_names is None:
        return told
    return frozenset(name for group in told for name in issuer.group_names.get(group, ()))


def _claim(claims: Mapping[str, object], name: str) -> object:
    """A claim by its name or, where there is none of just that name, by its path (`a.b`: `b` inside of `a`)."""
    if name in claims:
        return claims[name]
    head, dot, rest = name.partition(".")
    inside = claims.get(head)
    return _claim(inside, rest) if dot and isinstance(inside, dict) else None


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
