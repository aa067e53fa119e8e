"""The starter set: policies and labels that are safe as they stand, copied by `sluice init` to be changed."""

from __future__ import annotations

from typing import Final

POLICIES: Final = ("access.cedar", "agents.cedar", "data-science.cedar", "dba.cedar", "secrets.cedar", "support.cedar")
"""The policy files of this folder."""

LABELS: Final = "labels.yaml"
"""The label book of this folder."""
