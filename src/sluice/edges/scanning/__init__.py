"""Databases scanned for sensitive columns, and what was proposed for them."""

from sluice.edges.scanning.proposals import Entry, Proposals
from sluice.edges.scanning.scan import Column, Scan

__all__ = ["Column", "Entry", "Proposals", "Scan"]
