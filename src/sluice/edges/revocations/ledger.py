"""Revocations: an identity by its name, a token by its id, a session by its id. Times are seconds since the epoch."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from sluice.edges.identity import Logout
from sluice.edges.store.tables import revocations
from sluice.model.identity import Identity

Kind = Literal["user", "token", "session"]
KINDS: Final[tuple[Kind, ...]] = ("user", "token", "session")
LOGOUT_SECONDS: Final = 30 * 86_400.0
"""A logout is kept so long: longer than anything lives that was begun before it."""
_LOGOUT: Final = "logout"


class Revocation(Struct, frozen=True, kw_only=True):
    """One entry. It counts from `at` on, for good or until `until`."""

    id: str
    kind: Kind
    subject: str
    reason: str
    given_by: str
    at: float
    until: float | None = None


def revoke(
    connection: Connection, kind: Kind, subject: str, reason: str, given_by: str, now: float, until: float | None
) -> Revocation:
    """Adds an entry; to be told to followers of `revocations`."""
    entry = Revocation(
        id=f"v-{secrets.token_hex(6)}",
        kind=kind,
        subject=subject,
        reason=reason,
        given_by=given_by,
        at=now,
        until=until,
    )
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    connection.execute(insert(revocations).values(**fields, detail={}))
    return entry


def lift(connection: Connection, entry: str) -> bool:
    """Takes an entry away; False when there is none."""
    return bool(connection.execute(delete(revocations).where(revocations.c.id == entry)).rowcount)


def listed(connection: Connection, now: float) -> tuple[Revocation, ...]:
    """Everything in force, the oldest first."""
    columns = [revocations.c[name] for name in Revocation.__struct_fields__]
    found = connection.execute(
        select(*columns).where(_in_force(now), revocations.c.kind.in_(KINDS)).order_by(revocations.c.at)
    )
    return tuple(Revocation(**row._mapping) for row in found)


def log_out(connection: Connection, logout: Logout, now: float) -> bool:
    """Notes that an issuer logged somebody out; False: this very word of it came before. A change of `revocations`."""
    name = "o-" + hashlib.sha256(f"{logout.issuer}\0{logout.token}".encode()).hexdigest()
    connection.execute(delete(revocations).where(revocations.c.kind == _LOGOUT, revocations.c.until <= now))
    if connection.execute(select(revocations.c.id).where(revocations.c.id == name)).one_or_none() is not None:
        return False
    detail = {"issuer": logout.issuer, "subject": logout.subject, "session": logout.session, "token": logout.token}
    connection.execute(
        insert(revocations).values(
            id=name, kind=_LOGOUT, subject=logout.subject, reason="", given_by=logout.issuer, at=logout.at,
            until=now + LOGOUT_SECONDS, detail=detail,
        )
    )  # fmt: skip
    return True


def logouts(connection: Connection, now: float) -> tuple[Logout, ...]:
    """Who logged out at their issuer, as far as that is kept."""
    found = connection.execute(
        select(revocations.c.detail, revocations.c.at).where(_in_force(now), revocations.c.kind == _LOGOUT)
    )
    return tuple(Logout(**row.detail, at=row.at) for row in found)


def _in_force(now: float) -> ColumnElement[bool]:
    return or_(revocations.c.until.is_(None), revocations.c.until > now)


class Revoked:
    """A view of what is in force, as a process holds it: asked at each login and for each open session."""

    def __init__(self, entries: Iterable[Revocation] = (), logouts: Iterable[Logout] = ()) -> None:
        self._entries: dict[tuple[str, str], Revocation] = {(entry.kind, entry.subject): entry for entry in entries}
        self._logouts: dict[tuple[str, str], list[Logout]] = {}
        for logout in logouts:
            for name in {logout.subject, logout.session} - {""}:
                self._logouts.setdefault((logout.issuer, name), []).append(logout)

    def objection(self, identity: Identity, connection: str, now: float) -> str:
        """Why this caller may not be here; empty: nothing is known against them. Whoever they act for counts too."""
        if self._logouts and self._logged_out(identity):
            return "whoever this is logged out at the identity provider"
        if not self._entries:
            return ""
        keys = [("session", connection)]
        behind: Identity | None = identity
        while behind is not None:
            keys += [("user", behind.name), ("token", dict(behind.claims).get("jti", ""))]
            behind = behind.on_behalf_of
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and (entry.until is None or entry.until > now):
                what = "this session" if entry.kind == "session" else f"the {entry.kind}"
                return f"{what} was revoked" + (f": {entry.reason}" if entry.reason else "")
        return ""

    def _logged_out(self, identity: Identity) -> bool:
        behind: Identity | None = identity
        while behind is not None:
            told = dict(behind.claims)
            for name in {told.get("sub", ""), told.get("sid", "")} - {""}:
                if any(logout.means(behind) for logout in self._logouts.get((told.get("iss", ""), name), ())):
                    return True
            behind = behind.on_behalf_of
        return False
