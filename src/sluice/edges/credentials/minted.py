"""A fresh credential: its name, its password, and what checks the password."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sluice.edges.approvals.requests import new_id
from sluice.engines.postgres.scram import Verifier

_BYTES = 24


@dataclass(frozen=True, slots=True)
class Minted:
    """`name` is the user to log in as; `password` is told to its owner once and kept nowhere."""

    name: str
    password: str = field(repr=False)
    verifier: str = field(repr=False)


def secret() -> Minted:
    """A name nobody has and a password nobody can guess (it hashes, so it takes some milliseconds)."""
    password = secrets.token_urlsafe(_BYTES)
    return Minted(new_id("c") + new_id("")[1:], password, str(Verifier.make(password, secrets.token_bytes(16))))
