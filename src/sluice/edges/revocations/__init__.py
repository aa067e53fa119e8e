"""What is no longer good: kept in the store, heard of by every process."""

from __future__ import annotations

from sluice.edges.revocations.ledger import KINDS, Revocation, Revoked, lift, listed, log_out, logouts, revoke

__all__ = ["KINDS", "Revocation", "Revoked", "lift", "listed", "log_out", "logouts", "revoke"]
