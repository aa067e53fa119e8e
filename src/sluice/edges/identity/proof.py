"""How a session's caller proved who they are: enough to judge them anew, as the configuration and the revocations are now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluice.edges.identity.directory import Directory, bound, narrowed
from sluice.edges.identity.rejected import Rejected
from sluice.edges.identity.tokens import TokenVerifier
from sluice.model.identity import Identity


@dataclass(frozen=True, slots=True)
class Proof:
    """A login that succeeded. `told` is what a token said, before it was held against the users; `stated` the purpose asked for.

    `credential` is the minted one that was used (empty: none), which fixes `purpose`.
    """

    user: str
    identity: Identity
    told: Identity | None
    stated: str
    credential: str = ""
    purpose: str = ""

    def judged(self, directory: Directory, tokens: TokenVerifier) -> Identity | Rejected:
        """Who the caller is by now; Rejected when the same proof would not be accepted any more."""
        if self.told is not None:
            if not tokens.knows(dict(self.told.claims).get("iss", "")):
                return Rejected("its issuer's tokens are not accepted any more")
            found = directory.admit(self.user, self.told)
            if self.credential and not isinstance(found, Rejected):
                found = bound(found, self.purpose)
        else:
            found = directory.identity(self.user, self.identity.method, self.identity.authenticated_at)
        if isinstance(found, Rejected):
            return found
        return narrowed(replace(found, expires_at=self.identity.expires_at), self.stated)
