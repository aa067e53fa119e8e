"""Minted credentials in the store. Each function is one transaction's work; writers name the topic `credentials`.

Times are seconds since the epoch. What is kept of an owner is what their token said: at every login, and whenever something
changes, that is held anew against the users, the issuers and the revocations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, delete, insert, select, update

from sluice.edges.store.tables import credentials
from sluice.model.identity import Identity

KEPT_SECONDS = 86_400.0
_MOST_NAMES = 500
_NAME = re.compile(r"c-[a-z2-9]{16}")


class Credential(Struct, frozen=True, kw_only=True):
    """One credential. `told` is what its owner's token said; `ended_at` None: nobody ended it."""

    id: str
    told: Identity
    source: str
    purpose: str
    verifier: str
    created_at: float
    expires_at: float
    ended_at: float | None = None

    @property
    def owner(self) -> str:
        """Whose it is, as the log names them."""
        return self.told.display


def is_name(user: str) -> bool:
    """Whether a user name has the form of a minted one; such are always asked for a password."""
    return _NAME.fullmatch(user) is not None


def put(connection: Connection, credential: Credential, most: int) -> bool:
    """Keeps a credential; False when its owner has too many already. What ended a day ago is forgotten."""
    now = credential.created_at
    connection.execute(
        delete(credentials).where(
            (credentials.c.expires_at < now - KEPT_SECONDS) | (credentials.c.ended_at < now - KEPT_SECONDS)
        )
    )
    if len(owned(connection, credential.owner, now)) >= most:
        return False
    connection.execute(
        insert(credentials).values(
            id=credential.id, kind="database", identity=msgspec.to_builtins(credential.told), source=credential.source,
            purpose=credential.purpose, verifier=credential.verifier, created_at=now, expires_at=credential.expires_at,
            ended_at=None, detail={"owner": credential.owner},
        )
    )  # fmt: skip
    return True


def find(connection: Connection, name: str, now: float) -> Credential | None:
    """A credential that is good now; None when there is none of that name."""
    row = connection.execute(select(credentials).where(credentials.c.id == name, *_good(now))).one_or_none()
    return None if row is None else _credential(row)


def owned(connection: Connection, owner: str, now: float) -> list[Credential]:
    """Somebody's good credentials, the oldest first."""
    return good(connection, lambda one: one.owner == owner, now)


def good(connection: Connection, chosen: Callable[[Credential], bool], now: float) -> list[Credential]:
    """The good credentials that are chosen, the oldest first."""
    found = connection.execute(select(credentials).where(*_good(now)).order_by(credentials.c.created_at))
    return [one for row in found if chosen(one := _credential(row))]


def end(connection: Connection, names: Iterable[str], now: float) -> None:
    """Ends credentials; those that ended before stay as they are."""
    for name in names:
        connection.execute(
            update(credentials).where(credentials.c.id == name, credentials.c.ended_at.is_(None)).values(ended_at=now)
        )


def alive(connection: Connection, names: Iterable[str], now: float) -> frozenset[str]:
    """Those of these names that are good now."""
    wanted = sorted(names)
    found: set[str] = set()
    for start in range(0, len(wanted), _MOST_NAMES):
        part = wanted[start : start + _MOST_NAMES]
        found.update(
            connection.execute(select(credentials.c.id).where(credentials.c.id.in_(part), *_good(now))).scalars()
        )
    return frozenset(found)


def _good(now: float) -> tuple[Any, Any]:
    return credentials.c.ended_at.is_(None), credentials.c.expires_at > now


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        id=row.id,
        told=msgspec.convert(row.identity, Identity),
        source=row.source,
        purpose=row.purpose,
        verifier=row.verifier,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )
