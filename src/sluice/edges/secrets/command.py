"""A secret that a command prints."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from sluice.edges.secrets.secret import SecretError, trimmed

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CommandSecret:
    """Written `{command: [program, argument, …]}`; it runs in the configuration's folder, without a shell."""

    arguments: tuple[str, ...]
    folder: Path

    def read(self) -> bytes:
        """What the command prints, without its last line end; SecretError when it fails, is slow (10 s) or silent."""
        try:
            done = subprocess.run(
                self.arguments,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            # Not chained: the error would carry what the command had printed by then.
            raise SecretError(f"{self.where()} took longer than {error.timeout:.0f} s") from None
        except OSError as error:
            raise SecretError(f"{self.where()} cannot be run: {error.strerror}") from error
        if done.returncode:
            raise SecretError(f"{self.where()} failed with status {done.returncode}; run it by hand to see why")
        return trimmed(done.stdout, self.where())

    def where(self) -> str:
        """The program alone: its arguments may be secrets themselves."""
        return f"the command `{self.arguments[0]}`"

    def __repr__(self) -> str:
        return f"CommandSecret({self.arguments[0]!r}, …)"
