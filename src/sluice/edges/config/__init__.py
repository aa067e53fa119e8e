"""The typed configuration: one `sluice.yaml`, read with file and line, unknown keys refused."""

from __future__ import annotations

from sluice.edges.config.approving import Approvals
from sluice.edges.config.changes import Changes, changed
from sluice.edges.config.config import Admin, Audit, Config, Limits, Masking
from sluice.edges.config.errors import ConfigError
from sluice.edges.config.fail_open import FailOpen, fail_open
from sluice.edges.config.files import policy_files, read_labels
from sluice.edges.config.listeners import Listener, ListenerTls
from sluice.edges.config.load import load
from sluice.edges.config.people import Issuer, User, Verifier
from sluice.edges.config.sources import Source, SourceTls
from sluice.edges.config.stores import StoreSettings
from sluice.edges.config.witnesses import Witness

__all__ = [
    "Admin",
    "Approvals",
    "Audit",
    "Changes",
    "Config",
    "ConfigError",
    "FailOpen",
    "Issuer",
    "Limits",
    "Listener",
    "ListenerTls",
    "Masking",
    "Source",
    "SourceTls",
    "StoreSettings",
    "User",
    "Verifier",
    "Witness",
    "changed",
    "fail_open",
    "load",
    "policy_files",
    "read_labels",
]
