"""A file that lines are appended to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from sluice.edges.answers.receivers.receiver import Batch


class File:
    """A batch is there when it is on the medium."""

    most: ClassVar[tuple[int, int]] = (500, 8 << 20)

    def __init__(self, target: str, settings: Path | None) -> None:  # noqa: ARG002
        self._path = Path(target)

    def send(self, batch: Batch) -> None:
        """Appends and forces."""
        with self._path.open("ab") as file:
            file.write(batch.lines)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is open between batches."""
