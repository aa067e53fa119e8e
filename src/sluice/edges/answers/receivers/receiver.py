"""What all that events are sent to have in common."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Protocol

SECONDS = 30.0
"""How long a receiver may take for a batch."""


class ShipFailed(Exception):
    """The other side did not take a batch; the next run begins with it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are sent together.

    `keys`: of each body, what it belongs to (its connection), in whose order it should stay. `kind`: their media type. `place`:
    where the batch begins in its log, `<log>/<segment>-<byte>`: a batch that is sent again has the same. `day`: of its first
    event, `2026/01/31`.
    """

    bodies: list[bytes]
    keys: list[bytes]
    kind: str
    place: str
    day: str

    @property
    def lines(self) -> bytes:
        """All bodies, one a line."""
        return b"".join(body + b"\n" for body in self.bodies)


class Receiver(Protocol):
    """Somewhere that events go. `most`: of a batch, the lines and their bytes."""

    most: ClassVar[tuple[int, int]]

    def send(self, batch: Batch) -> None:
        """Returns when the other side has all of it, for good; ShipFailed, OSError or HTTPException when it does not."""

    def close(self) -> None:
        """Lets go of the other side."""


def library(name: str, extra: str) -> Any:
    """A library that only this receiver needs. ShipFailed, which says how to get it, when it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ShipFailed(f"this needs {name}: `pip install 'sluice[{extra}]'`") from error
