"""The users that are configured: how each proves who they are, and what they then are."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sluice.edges.identity.certificates import CertificateMapper, certificate_expiry
from sluice.edges.identity.rejected import Rejected
from sluice.model.identity import Identity, Kind

OAUTH: Final = "oauth"
ANYBODY: Final = frozenset({"token", OAUTH})
"""Names to log in by when the token alone is to say who it is: given as the password, or by the mechanism OAUTHBEARER."""

_UNKNOWN: Final = "unknown user (who is not configured gives a token as user `token`)"


@dataclass(frozen=True, slots=True)
class Account:
    """One configured user. Without `verifier` and `certificates` they log in by token."""

    kind: Kind = "user"
    groups: frozenset[str] = frozenset()
    verifier: str | None = field(default=None, repr=False)
    certificates: tuple[str, ...] = ()
    purposes: frozenset[str] | None = None
    default_purpose: str = ""
    disabled: bool = False

    @property
    def by_token(self) -> bool:
        """Whether a token is how this user logs in."""
        return self.verifier is None and not self.certificates


@dataclass(frozen=True, slots=True)
class Way:
    """How a login has to go on. A `doubt` (for the log) makes it fail at its end, like any wrong password."""

    method: Literal["scram", "token", "oauth", "certificate"]
    verifier: str | None = field(default=None, repr=False)
    doubt: str = ""


class Directory:
    """All configured users by name."""

    def __init__(self, accounts: Mapping[str, Account], tokens: bool = False, secret: bytes = b"") -> None:
        """`tokens`: some issuer's tokens are accepted. `secret`: lasting randomness, by which unknown names are answered.

        Raises ValueError when two users claim one certificate.
        """
        self._accounts = dict(accounts)
        self._tokens = tokens
        self._secret = secret
        self._some_by_token = tokens and any(account.by_token for account in accounts.values())
        self._mapper = CertificateMapper({name: account.certificates for name, account in accounts.items()})

    def account(self, user: str) -> Account | None:
        """The user's account, a disabled one too."""
        return self._accounts.get(user)

    def verifier(self, user: str) -> str | None:
        """The user's SCRAM verifier; None: there is none, or the user is disabled."""
        account = self._accounts.get(user)
        return None if account is None or account.disabled else account.verifier

    def way(self, user: str, certificate: bytes | None) -> Way:
        """How this user proves who they are. `certificate`: the client's, in DER, verified by TLS.

        A certificate that proves the user is enough. Whoever does not exist is asked all the same, for a password or, where
        users log in by token, now and always for one of the two: what is asked for says nothing about who exists.
        """
        account = self._accounts.get(user)
        if certificate is not None and account is not None and account.certificates:
            owner = self._mapper.user(certificate)
            if owner == user:
                return Way("certificate", doubt="the user is disabled" if account.disabled else "")
            if account.verifier is None:
                return Way(
                    "scram", doubt=owner.reason if isinstance(owner, Rejected) else "the certificate is another's"
                )
        if account is None and user in ANYBODY and self._tokens:
            return Way("oauth" if user == OAUTH else "token")
        if account is None:
            return Way("token" if self._seems_by_token(user) else "scram", doubt=_UNKNOWN)
        if account.by_token and self._tokens:
            return Way("token", doubt="the user is disabled" if account.disabled else "")
        if account.verifier is None:
            return Way("scram", doubt="the user has no password")
        return Way("scram", account.verifier, "the user is disabled" if account.disabled else "")

    def _seems_by_token(self, user: str) -> bool:
        return self._some_by_token and hmac.digest(self._secret, user.encode(), "sha256")[0] % 2 == 1

    def identity(self, user: str, method: str, now: float, certificate: bytes | None = None) -> Identity | Rejected:
        """Who a proven user is; `now` is seconds since the epoch. A certificate's end ends the identity."""
        account = self._accounts.get(user)
        if account is None or account.disabled:
            return Rejected("the user is unknown or disabled")
        return Identity(
            kind=account.kind,
            name=user,
            groups=account.groups,
            method=method,
            authenticated_at=now,
            expires_at=certificate_expiry(certificate) if method == "certificate" and certificate is not None else None,
            purposes=account.purposes,
            default_purpose=account.default_purpose,
        )

    def admit(self, user: str, told: Identity) -> Identity | Rejected:
        """What a token told, held against the name the client gave and against the users, where they are narrower.

        An agent for whom neither its token nor the users fix a purpose has none, and policy refuses it.
        """
        if user != told.name and user not in ANYBODY:
            return Rejected("the token is another user's")
        admitted = self._whole(told)
        if isinstance(admitted, Rejected) or admitted.kind != "agent" or admitted.purposes is not None:
            return admitted
        return replace(admitted, purposes=frozenset(), default_purpose="")

    def _whole(self, told: Identity) -> Identity | Rejected:
        behind = None if told.on_behalf_of is None else self._whole(told.on_behalf_of)
        if isinstance(behind, Rejected):
            return behind
        known = self._known(told)
        if isinstance(known, Rejected) or behind is None:
            return known
        purposes = _narrower(known.purposes, behind.purposes)
        default = _among(known.default_purpose, purposes)
        return replace(known, on_behalf_of=behind, purposes=purposes, default_purpose=default)

    def _known(self, told: Identity) -> Identity | Rejected:
        account = self._accounts.get(told.name)
        if account is None:
            return told
        if account.disabled:
            return Rejected("the user is disabled")
        # Else whoever may choose a name at an issuer could choose that of a user with a password.
        if not account.by_token:
            return Rejected("the user does not log in by token")
        if told.kind == "agent" and account.kind != "agent":
            return Rejected("an actor is configured as something else than an agent")
        purposes = _narrower(told.purposes, account.purposes)
        default = _among(told.default_purpose or account.default_purpose, purposes)
        groups = told.groups | account.groups
        return replace(told, kind=account.kind, groups=groups, purposes=purposes, default_purpose=default)


def settle_purpose(identity: Identity, stated: str) -> str | Rejected:
    """The purpose a connection has: the one it states if it may, else the identity's default.

    The reason of a refusal is fit for the client: it names what it stated and nothing it did not know.
    """
    if not stated:
        return identity.default_purpose
    if identity.purposes is not None and stated not in identity.purposes:
        return Rejected(f"purpose `{stated}` is not among those `{identity.name}` may state")
    return stated


def narrowed(identity: Identity, stated: str) -> Identity:
    """An agent whose connection stated a purpose has that one alone: its statements choose no other."""
    return replace(identity, purposes=frozenset({stated})) if stated and identity.kind == "agent" else identity


def bound(identity: Identity, purpose: str) -> Identity | Rejected:
    """An identity that has this one purpose (empty: that of who states none). Rejected when it may not have it (any more)."""
    if identity.purposes is not None and purpose not in identity.purposes:
        return Rejected(f"purpose `{purpose}` is not among those `{identity.name}` may state any more")
    return replace(identity, purposes=frozenset({purpose}), default_purpose=purpose)


def _narrower(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _among(purpose: str, purposes: frozenset[str] | None) -> str:
    return purpose if purposes is None or purpose in purposes else ""
