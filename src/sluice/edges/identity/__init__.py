"""Who a caller is: passwords, tokens and certificates to identities, and how often somebody may try."""

from __future__ import annotations

from sluice.edges.identity.certificates import CertificateMapper, certificate_name
from sluice.edges.identity.configured import directory_of, issuers_of
from sluice.edges.identity.directory import ANYBODY, Account, Directory, Way, bound, narrowed, settle_purpose
from sluice.edges.identity.discovery import DiscoveryError, Provider, discover
from sluice.edges.identity.fetched import FetchedKeys
from sluice.edges.identity.keys import read_keys
from sluice.edges.identity.logouts import Logout, logout_verifier, read_logout
from sluice.edges.identity.proof import Proof
from sluice.edges.identity.ratelimit import RateLimit
from sluice.edges.identity.rejected import Rejected
from sluice.edges.identity.tokens import TokenIssuer, TokenVerifier

__all__ = [
    "ANYBODY",
    "Account",
    "CertificateMapper",
    "Directory",
    "DiscoveryError",
    "FetchedKeys",
    "Logout",
    "Proof",
    "Provider",
    "RateLimit",
    "Rejected",
    "TokenIssuer",
    "TokenVerifier",
    "Way",
    "bound",
    "certificate_name",
    "directory_of",
    "discover",
    "issuers_of",
    "logout_verifier",
    "narrowed",
    "read_keys",
    "read_logout",
    "settle_purpose",
]
