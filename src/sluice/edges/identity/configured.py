"""From the configuration to what checks identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.edges.config import Issuer, User
from sluice.edges.identity.directory import Account, Directory
from sluice.edges.identity.keys import read_keys
from sluice.edges.identity.tokens import TokenIssuer


def directory_of(users: Mapping[str, User], tokens: bool, secret: bytes = b"") -> Directory:
    """The configured users. `tokens`: some issuer is configured. Raises ValueError when two claim one certificate."""
    return Directory({name: _account(user) for name, user in users.items()}, tokens, secret)


def issuers_of(issuers: Sequence[Issuer]) -> tuple[TokenIssuer, ...]:
    """The configured issuers with their keys, read from their files (it may block).

    Raises OSError when a file cannot be read and ValueError when it holds no key that may be used.
    """
    return tuple(_issuer(issuer) for issuer in issuers)


def _account(user: User) -> Account:
    return Account(
        kind=user.kind,
        groups=frozenset(user.groups),
        verifier=None if user.scram is None else user.scram.text,
        certificates=user.certificates,
        purposes=None if user.purposes is None else frozenset(user.purposes),
        default_purpose=user.default_purpose,
        disabled=user.disabled,
    )


def _issuer(issuer: Issuer) -> TokenIssuer:
    path = issuer.jwks or issuer.public_key
    if path is None:
        raise ValueError(f"issuer `{issuer.issuer}` has neither `jwks` nor `public_key`")
    try:
        keys = read_keys(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return TokenIssuer(
        issuer=issuer.issuer,
        audience=issuer.audience,
        keys=keys,
        algorithms=issuer.algorithms,
        name_claim=issuer.name_claim,
        groups_claim=issuer.groups_claim,
        purpose_claim=issuer.purpose_claim,
        leeway=issuer.leeway,
    )
