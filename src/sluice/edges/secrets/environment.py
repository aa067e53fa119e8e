"""A secret in an environment variable."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sluice.edges.secrets.secret import SecretError, trimmed


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """Written `${NAME}`."""

    name: str

    def read(self) -> bytes:
        """The variable's value; SecretError when it is not set or empty."""
        value = os.environb.get(os.fsencode(self.name))
        if value is None:
            raise SecretError(f"{self.where()} is not set; set it before starting")
        return trimmed(value, self.where())

    def where(self) -> str:
        """The variable's name."""
        return f"the environment variable `{self.name}`"
