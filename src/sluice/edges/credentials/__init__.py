"""Database credentials that Sluice mints for who signed in: kept in the store as what checks them, never as the secret."""

from __future__ import annotations

from sluice.edges.credentials.ledger import Credential, alive, end, find, good, is_name, owned, put
from sluice.edges.credentials.minted import Minted, secret

__all__ = ["Credential", "Minted", "alive", "end", "find", "good", "is_name", "owned", "put", "secret"]
