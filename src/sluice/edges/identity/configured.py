"""From the configuration to what checks identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.edges.config import Issuer, User
from sluice.edges.identity.directory import Account, Directory
from sluice.edges.identity.fetched import FetchedKeys, Place
from sluice.edges.identity.keys import VerifyKey, read_keys
from sluice.edges.identity.tokens import TokenIssuer, TokenVerifier


def directory_of(users: Mapping[str, User], tokens: bool, secret: bytes = b"") -> Directory:
    """The configured users. `tokens`: some issuer is configured. Raises ValueError when two claim one certificate."""
    return Directory({name: _account(user) for name, user in users.items()}, tokens, secret)


def issuers_of(issuers: Sequence[Issuer], before: TokenVerifier | None = None) -> tuple[TokenIssuer, ...]:
    """The configured issuers with their keys, read from their files (it may block); keys to be fetched are not fetched here.

    `before`: key sets that were fetched for it are kept where they come from the same place. Raises OSError when a file
    cannot be read and ValueError when it holds no key that may be used.
    """
    known = {} if before is None else {keys.place: keys for keys in before.fetched()}
    return tuple(_issuer(issuer, known) for issuer in issuers)


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


def _issuer(issuer: Issuer, known: Mapping[Place, FetchedKeys]) -> TokenIssuer:
    return TokenIssuer(
        issuer=issuer.issuer,
        audience=issuer.audience,
        keys=_keys(issuer, known),
        algorithms=issuer.algorithms,
        kind=issuer.kind,
        require=issuer.require,
        name_claim=issuer.name_claim,
        groups_claim=issuer.groups_claim,
        group_names=issuer.group_names,
        purpose_claim=issuer.purpose_claim,
        leeway=issuer.leeway,
    )


def _keys(issuer: Issuer, known: Mapping[Place, FetchedKeys]) -> tuple[VerifyKey, ...] | FetchedKeys:
    if issuer.discover or issuer.jwks_url is not None:
        fetched = FetchedKeys(issuer.issuer, issuer.jwks_url, issuer.ca)
        return known.get(fetched.place, fetched)
    path = issuer.jwks or issuer.public_key
    if path is None:
        raise ValueError(f"issuer `{issuer.issuer}` says nowhere where its keys are")
    try:
        return read_keys(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
