"""What a process that was killed left open in its log: statements without an end, connections without a goodbye.

The next one to write there completes them. What the database did is not known: they are `lost`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sluice.audit.encode import encode, stamp
from sluice.audit.events import Disconnected, StatementAsked, StatementDone, decode
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

_LINE = re.compile(
    rb'^\{"event":"(statement-asked|statement-done|connected|disconnected|gateway-started|gateway-stopped)","id":"([^"]+)"'
    rb'(?:,"seq":(\d+))?',
    re.MULTILINE,
)
_REASON = "the process of the gateway ended; the statement's end was not seen"


class _Open:
    """One process's open ends; `last` is the number of each connection's last event."""

    def __init__(self) -> None:
        self.asked: dict[bytes, bytes] = {}
        self.last: dict[bytes, int] = {}

    def take(self, match: re.Match[bytes]) -> None:
        kind, name = match[1], match[2]
        if kind.startswith(b"gateway"):
            self.asked.clear()
            self.last.clear()
            return
        connection = name.rpartition(b"-")[0]
        if kind == b"disconnected":
            self.last.pop(connection, None)
            return
        self.last[connection] = int(match[3] or 0)
        if kind == b"statement-asked":
            end = match.string.find(b"\n", match.start())
            self.asked[name] = match.string[match.start() : end]
        elif kind == b"statement-done":
            self.asked.pop(name, None)


def completed(path: Path, now: float) -> tuple[bytes, int]:
    """(lines that complete what was left open in the log, how many statements were). Raises OSError when it cannot be read."""
    found, first = _Open(), _newest_start(path)
    for number in sorted(segments(path)):
        if number >= first:
            for run in _runs(path, number):
                for match in _LINE.finditer(run):
                    found.take(match)
    lines, statements = [], 0
    for line in found.asked.values():
        event = decode(line)
        if not isinstance(event, StatementAsked) or event.outcome != "allow" or event.refusal is not None:
            continue
        connection = event.connection.encode()
        found.last[connection] = found.last.get(connection, event.seq) + 1
        lines.append(encode(StatementDone(event.id, found.last[connection], stamp(now), "lost", 0, 0, (), 0)))
        statements += 1
    for connection, last in found.last.items():
        name = connection.decode()
        lines.append(encode(Disconnected(f"{name}-{last + 1}", last + 1, stamp(now), name, _REASON)))
    return b"".join(lines), statements


def _newest_start(path: Path) -> int:
    """The segment in which the newest process began to write; what lies before it was completed by it."""
    before = 0
    for number in sorted(segments(path), reverse=True):
        try:
            if any(b'{"event":"gateway-started",' in run for run in _runs(path, number)):
                return number
        except LogFailed:
            # Sealed, and its key was erased: what is in there is nobody's any more.
            return before
        before = number
    return 0


def _runs(path: Path, number: int) -> Iterator[bytes]:
    with closing(open_segment(path, number)) as segment:
        yield from segment.runs()
