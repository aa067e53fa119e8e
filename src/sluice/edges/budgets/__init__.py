"""The shared counts behind budgets: how many values of a label each principal was shown, over all sessions of all gateways."""

from __future__ import annotations

from sluice.edges.budgets.counts import Spent, lease, put_back, slot_end, spent

__all__ = ["Spent", "lease", "put_back", "slot_end", "spent"]
