"""A secret in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sluice.edges.secrets.secret import MAX_BYTES, SecretError, trimmed


@dataclass(frozen=True, slots=True)
class FileSecret:
    """Written `{file: path}`; a relative path begins at the configuration's folder."""

    path: Path

    def read(self) -> bytes:
        """The file without its last line end; SecretError when it cannot be read or is empty."""
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise SecretError(f"{self.where()} cannot be read: {error.strerror}") from error
        return trimmed(content, self.where())

    def where(self) -> str:
        """The file's path."""
        return f"the file `{self.path}`"
