"""Sluice: the identity-aware database gateway."""

__version__ = "0.1.0"
