"""Who a command stands in for: an identity exactly as the gateway would take it from a login."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from sluice.edges.config import Config
from sluice.edges.identity import Account, Directory, Rejected, directory_of, settle_purpose
from sluice.faces.cli.statuses import Failure, Status
from sluice.model.identity import Identity, Kind


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token would say besides the name. `behalf` names the user that an agent acts for, if any."""

    kind: Kind = "user"
    groups: frozenset[str] = frozenset()
    behalf: str = ""
    behalf_groups: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.groups or self.behalf)


def caller(config: Config, name: str, claims: Claims) -> Identity:
    """Whom the gateway would take a caller of that name for. Failure when it would let nobody of that name in."""
    directory = directory_of(config.users, bool(config.tokens))
    account = directory.account(name)
    if account is not None and not account.by_token:
        return _by_proof(directory, name, account, claims)
    if account is None and not claims.groups:
        advice = "for one that logs in by token say its `--group`s (and `--kind`)"
        raise Failure(Status.USAGE, f"there is no user `{name}` in the configuration", advice)
    now = time.time()
    kind = claims.kind if account is None else account.kind
    told = Identity(kind, name, claims.groups, method="token", authenticated_at=now)
    if claims.behalf:
        behind = Identity("user", claims.behalf, claims.behalf_groups, method="token", authenticated_at=now)
        told = replace(told, on_behalf_of=behind)
    return _admitted(directory.admit(name, told), name)


def purpose(identity: Identity, stated: str) -> str:
    """The purpose the connection would have. Failure when the identity may not state it."""
    settled = settle_purpose(identity, stated)
    if isinstance(settled, Rejected):
        raise Failure(Status.FAILED, settled.reason)
    return settled


def _by_proof(directory: Directory, name: str, account: Account, claims: Claims) -> Identity:
    if claims:
        problem = f"`{name}` logs in by password or certificate, which say nothing of groups or of acting for others"
        raise Failure(Status.USAGE, problem, "leave out `--group` and `--on-behalf-of`")
    method = "scram" if account.verifier is not None else "certificate"
    return _admitted(directory.identity(name, method, time.time()), name)


def _admitted(found: Identity | Rejected, name: str) -> Identity:
    if isinstance(found, Rejected):
        raise Failure(Status.FAILED, f"`{name}` could not log in: {found.reason}")
    return found
