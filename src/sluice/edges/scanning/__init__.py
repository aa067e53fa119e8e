"""Databases scanned for sensitive columns, and what was proposed for them."""

from sluice.edges.scanning.labelling import Labelled, label, look_into
from sluice.edges.scanning.looked import Looked
from sluice.edges.scanning.proposals import Entry, Proposals
from sluice.edges.scanning.scan import Column, Scan

__all__ = ["Column", "Entry", "Labelled", "Looked", "Proposals", "Scan", "label", "look_into"]
