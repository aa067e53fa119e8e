"""Revocations: an identity by its name, a token by its id, a session by its id. Times are seconds since the epoch."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, or_, select

from sluice.edges.store.tables import revocations
from sluice.model.identity import Identity

Kind = Literal["user", "token", "session"]
KINDS: Final[tuple[Kind, ...]] = ("user", "token", "session")


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
    in_force = or_(revocations.c.until.is_(None), revocations.c.until > now)
    found = connection.execute(select(*columns).where(in_force).order_by(revocations.c.at))
    return tuple(Revocation(**row._mapping) for row in found)


class Revoked:
    """A view of what is in force, as a process holds it: asked at each login and for each open session."""

    def __init__(self, entries: Iterable[Revocation] = ()) -> None:
        self._entries: dict[tuple[str, str], Revocation] = {(entry.kind, entry.subject): entry for entry in entries}

    def objection(self, identity: Identity, connection: str, now: float) -> str:
        """Why this caller may not be here; empty: nothing is known against them. Whoever they act for counts too."""
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
