"""What the control process and its workers tell each other, over a socket that they alone hold: a line of JSON each.

Nothing on a statement's way waits for it, but for one thing: labels taken on by a write are in force in every worker before
the session that wrote goes on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

_LONGEST = 16 << 20


class Told(Struct, frozen=True, tag_field="is", tag=str.lower):
    """A message."""


class Ready(Told, frozen=True):
    """The worker takes connections from here on."""


class Family(Struct, frozen=True):
    """One metric of a worker: its samples as (name, labels, value)."""

    name: str
    kind: str
    samples: tuple[tuple[str, tuple[tuple[str, str], ...], float], ...]


class Beat(Told, frozen=True):
    """The worker is alive. `ill`, `unready`: why it is not healthy or ready; empty: it is."""

    ill: str
    unready: str
    sessions: int
    metrics: tuple[Family, ...]


class Cancel(Told, frozen=True):
    """A cancel request of somebody else's session."""

    pid: int
    secret: bytes


class FailedLogin(Told, frozen=True):
    """A login failed in one worker: it counts in all."""

    address: str
    person: str


class Learned(Told, frozen=True):
    """Columns of a source took on labels. `number`: answer with `Applied` (0: no answer is waited for)."""

    source: str
    places: tuple[tuple[int, int, tuple[str, ...]], ...]
    number: int


class Applied(Told, frozen=True):
    """What was learned under this number is in force."""

    number: int


class CatalogChanged(Told, frozen=True):
    """A source's catalog changed by what passed through one worker."""

    source: str


class Reloaded(Told, frozen=True):
    """A reload that was asked for is done; `good`: what was read is in force."""

    good: bool


Message = Ready | Beat | Cancel | FailedLogin | Learned | Applied | CatalogChanged | Reloaded
_DECODER = msgspec.json.Decoder(Message)
_ENCODER = msgspec.json.Encoder()


class Reins:
    """One end. `heard` gets each message; `gone` is called once when the other end is no more."""

    def __init__(self, heard: Callable[[Message], None], gone: Callable[[], None]) -> None:
        self._heard, self._gone = heard, gone
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, end: socket.socket) -> None:
        """Begins to hear and to tell."""
        reader, self._writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST)
        self._task = asyncio.create_task(self._listen(reader))

    def tell(self, message: Message) -> None:
        """Tells the other end, if it is there."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(_ENCODER.encode(message) + b"\n")

    def close(self) -> None:
        """Lets go."""
        if self._task is not None:
            self._task.cancel()
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._heard(_DECODER.decode(line))
        except (ConnectionError, ValueError):
            pass
        self._gone()


def places(learned: Sequence[tuple[tuple[int, int], frozenset[str]]]) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """Labels by place, as a message has them."""
    return tuple((oid, attnum, tuple(sorted(labels))) for (oid, attnum), labels in learned)
