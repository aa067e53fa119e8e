"""May they, still: every open session is held against the users, the issuers and the revocations whenever any of these changes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct
from sqlalchemy import Connection

from sluice.edges.identity import Logout, Proof, Rejected
from sluice.edges.revocations import Revocation, Revoked, listed, logouts
from sluice.edges.store import StoreError
from sluice.model.identity import Identity
from sluice.runtime.approvals import done
from sluice.session.events import IdentityChanged

if TYPE_CHECKING:
    from sluice.runtime.driver import Driver
    from sluice.runtime.gateway import Gateway

log = structlog.get_logger("sluice.standing")
_UNREAD = "the gateway cannot read who was revoked, so nobody is let in"


class OpenSession(Struct, frozen=True, kw_only=True):
    """One open session. `seen`: the labels it has had in clear. Times are seconds since the epoch."""

    id: str
    source: str
    identity: str
    groups: tuple[str, ...]
    method: str
    purpose: str
    address: str
    application: str
    since: float
    expires_at: float | None
    idle: bool
    seen: tuple[str, ...]
    process: int


class Standing:
    """This process's view of who may still be here."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._proofs: dict[Driver, Proof] = {}
        self._since: dict[Driver, float] = {}
        self._revoked = Revoked()
        self._stale = False
        self._read = False

    def enter(self, driver: Driver, proof: Proof) -> None:
        """A session begins. What changed while its login was under way is applied to it at once."""
        self._proofs[driver] = proof
        self._since[driver] = time.time()
        if proof.credential:
            self._gateway.spawn(self._gateway.credentials.look())
        self._judge(driver, proof)

    def leave(self, driver: Driver) -> None:
        """It ended."""
        self._proofs.pop(driver, None)
        self._since.pop(driver, None)

    def here(self) -> list[OpenSession]:
        """The sessions that are open now, the oldest first."""
        return [
            OpenSession(
                id=(caller := driver.session.caller).connection,
                source=self._gateway.source_of(driver),
                identity=caller.identity.display,
                groups=tuple(sorted(caller.identity.groups)),
                method=caller.identity.method,
                purpose=caller.purpose,
                address=caller.client.address,
                application=caller.client.application,
                since=since,
                expires_at=caller.identity.expires_at,
                idle=driver.session.idle,
                seen=tuple(sorted(driver.session.seen)),
                process=os.getpid(),
            )
            for driver, since in self._since.items()
        ]

    def objection(self, identity: Identity, connection: str = "") -> str:
        """What the revocations have against a caller; empty: nothing. While nobody has read them, they have it against everybody."""
        if not self._read:
            return _UNREAD
        return self._revoked.objection(identity, connection, time.time())

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "revocations" in topics:
            self._gateway.spawn(self.load())

    async def load(self) -> None:
        """Reads the revocations and applies them. What was read before stands while they cannot be read."""
        try:
            entries, gone = await done(self._gateway.store.read(_in_force))
        except StoreError as error:
            self._stale = True
            log.error("revocations could not be read", reason=str(error))
            return
        self._revoked, self._stale, self._read = Revoked(entries, gone), False, True
        self.judge()

    async def keep(self) -> None:
        """Once a while: reads again what could not be read."""
        if self._stale and not self._gateway.store.trouble:
            await self.load()
        await self._gateway.credentials.keep()

    def by_credential(self) -> frozenset[str]:
        """The minted credentials that open sessions began with."""
        return frozenset(proof.credential for proof in self._proofs.values() if proof.credential)

    def without_credentials(self, gone: frozenset[str]) -> None:
        """Ends the sessions that began with these."""
        for driver, proof in list(self._proofs.items()):
            if proof.credential in gone:
                self._end(driver, "the database credential that began this session was ended")

    def judge(self) -> None:
        """Holds every open session against what is in force now."""
        for driver, proof in list(self._proofs.items()):
            self._judge(driver, proof)

    def _judge(self, driver: Driver, proof: Proof) -> None:
        caller, now = driver.session.caller, time.time()
        found = proof.judged(self._gateway.directory, self._gateway.tokens)
        if isinstance(found, Rejected):
            why = f"the login that began this session is not valid any more: {found.reason}"
        else:
            why = self._revoked.objection(found, caller.connection, now)
        if why or isinstance(found, Rejected):
            self._end(driver, why)
        elif found != caller.identity:
            driver.happened(IdentityChanged(found, "", now))

    def _end(self, driver: Driver, why: str) -> None:
        caller = driver.session.caller
        log.info("a session is ended", session=caller.connection, who=caller.identity.display, reason=why)
        driver.happened(IdentityChanged(None, why, time.time()))


def _in_force(connection: Connection) -> tuple[tuple[Revocation, ...], tuple[Logout, ...]]:
    now = time.time()
    return listed(connection, now), logouts(connection, now)
