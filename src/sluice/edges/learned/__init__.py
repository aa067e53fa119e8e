"""Labels that columns took on by writes, in the store: every node that shares it has them."""

from __future__ import annotations

from sluice.edges.learned.ledger import Places, add, known, lacking

__all__ = ["Places", "add", "known", "lacking"]
