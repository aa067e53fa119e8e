"""Minted credentials in this process: looked up at each login, and followed while a session that began with one is open."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from sluice.audit.encode import stamp
from sluice.audit.events import CredentialEnded, CredentialMinted
from sluice.audit.template import caller as as_logged
from sluice.edges import credentials
from sluice.edges.approvals.requests import DeskError
from sluice.edges.config import Config
from sluice.edges.config.signing_in import Login
from sluice.edges.credentials import Credential, Minted
from sluice.edges.identity import Rejected, bound
from sluice.edges.sinks.jsonl import LogFailed
from sluice.edges.store import StoreError
from sluice.engines.postgres.oauth import Metadata
from sluice.model.identity import Identity
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

MOST = 50
"""Good credentials of one identity at once."""
log = structlog.get_logger("sluice.credentials")


class Credentials:
    """Mints, finds and ends them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stale = False

    async def find(self, name: str) -> Credential | None:
        """The good credential of that name. Raises StoreError when the store cannot be asked."""
        return await done(self._gateway.store.read(lambda connection: credentials.find(connection, name, time.time())))

    def holder(self, credential: Credential, source: str) -> Identity | Rejected:
        """Who logs in with a credential whose password was right, on this source and now."""
        gateway = self._gateway
        if source != credential.source:
            return Rejected(f"the credential is for source `{credential.source}`")
        if credential.expires_at <= time.time():
            return Rejected("the credential has expired")
        if not gateway.tokens.knows(dict(credential.told.claims).get("iss", "")):
            return Rejected("its issuer's tokens are not accepted any more")
        found = gateway.directory.admit("token", credential.told)
        return found if isinstance(found, Rejected) else bound(found, credential.purpose)

    async def issue(
        self, told: Identity, who: Identity, source: str, purpose: str, seconds: float, address: str
    ) -> tuple[Credential, Minted]:
        """A fresh credential of `who`, whose token told `told`. Raises DeskError, StoreError and LogFailed.

        One of a person lasts as long as is configured; one of an agent or a service no longer than its token.
        """
        now = time.time()
        ends = now + seconds
        if who.kind != "user" and told.expires_at is not None:
            ends = min(ends, told.expires_at)
        fresh = await asyncio.to_thread(credentials.secret)
        kept = Credential(
            id=fresh.name, told=replace(told, method="credential", expires_at=ends), source=source, purpose=purpose,
            verifier=fresh.verifier, created_at=now, expires_at=ends,
        )  # fmt: skip
        # In the log before anybody has it.
        self._gateway.note(
            CredentialMinted(
                self._gateway.new_id(), stamp(now), kept.id, as_logged(who), source, purpose, stamp(ends), address
            )
        )
        if not await done(
            self._gateway.store.write(lambda connection: credentials.put(connection, kept, MOST), "credentials")
        ):
            raise DeskError("late", f"you have {MOST} database credentials already; end some with `sluice credentials`")
        return kept, fresh

    async def owned(self, who: Identity) -> list[Credential]:
        """Whoever asks sees their own. Raises StoreError."""
        return await done(
            self._gateway.store.read(lambda connection: credentials.owned(connection, who.display, time.time()))
        )

    async def end(self, chosen: list[Credential], by: str) -> None:
        """Ends credentials, and the sessions that began with them within a moment. Raises StoreError."""
        if not chosen:
            return
        names, now = [one.id for one in chosen], time.time()
        await done(self._gateway.store.write(lambda connection: credentials.end(connection, names, now), "credentials"))
        for one in chosen:
            self._gateway.try_note(
                CredentialEnded(self._gateway.new_id(), stamp(now), one.id, one.owner, one.source, by)
            )

    def heard(self, topics: frozenset[str]) -> None:
        """Somebody changed the store."""
        if "credentials" in topics:
            self._gateway.spawn(self.look())

    async def look(self) -> None:
        """Ends the open sessions whose credential was ended. One that ran out ends them by itself."""
        wanted = self._gateway.standing.by_credential()
        if not wanted:
            return
        try:
            good = await done(
                self._gateway.store.read(lambda connection: credentials.alive(connection, wanted, time.time()))
            )
        except StoreError as error:
            self._stale = True
            log.error("credentials could not be read", reason=str(error))
            return
        self._stale = False
        self._gateway.standing.without_credentials(wanted - good)

    async def keep(self) -> None:
        """Once a while: looks again when it could not."""
        if self._stale and not self._gateway.store.trouble:
            await self.look()


def settings(login: Login | None) -> Login:
    """How people sign in here. Raises DeskError when they do not."""
    if login is None:
        raise DeskError("missing", "signing in is not configured here (`login` in `sluice.yaml`)")
    return login


def metadata_of(config: Config) -> Metadata | None:
    """Where clients that speak OAUTHBEARER are sent for a token: where people sign in, else the first issuer that is a server."""
    if config.login is not None:
        return Metadata(config.login.issuer, " ".join(config.login.scopes))
    served = (issuer.issuer for issuer in config.tokens if issuer.issuer.startswith(("https://", "http://")))
    return next((Metadata(issuer, "openid") for issuer in served), None)


def must_log(gateway: Gateway) -> None:
    """Raises LogFailed while the log cannot be written."""
    if not gateway.recorder.healthy:
        raise LogFailed("the event log cannot be written")
