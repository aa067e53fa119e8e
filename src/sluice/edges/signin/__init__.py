"""Signing in at an identity provider from a terminal: authorization code with PKCE, device flow, refresh; and what is kept of it."""

from __future__ import annotations

from sluice.edges.signin.flows import Client, Device, Pending, SignInError, Tokens
from sluice.edges.signin.kept import Kept, alone, forget, recall, remember
from sluice.edges.signin.loopback import Redirect

__all__ = [
    "Client",
    "Device",
    "Kept",
    "Pending",
    "Redirect",
    "SignInError",
    "Tokens",
    "alone",
    "forget",
    "recall",
    "remember",
]
