"""The end of a log, without reading what lies before it, and what is appended from then on."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

_SEGMENT = re.compile(r"audit-(\d{6,})\.jsonl")


class LogTail:
    """Follows the segments of a log's folder. Any method raises OSError when they cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._offset = 0

    def newest(self, count: int, wants: Callable[[bytes], bool]) -> list[bytes]:
        """The last `count` wanted lines, oldest first; `fresh` goes on behind the last line there is."""
        found: deque[bytes] = deque()
        segments = sorted(self._segments().items(), reverse=True)
        for number, path in segments:
            kept: deque[bytes] = deque(maxlen=max(0, count - len(found)))
            offset = 0
            for line, behind in _lines(path, 0):
                offset = behind
                if kept.maxlen and wants(line):
                    kept.append(line)
            if number == segments[0][0]:
                self._number, self._offset = number, offset
            found.extendleft(reversed(kept))
            if len(found) >= count:
                break
        return list(found)

    def fresh(self) -> Iterator[bytes]:
        """The whole lines that were appended since, in the segment at hand and those begun after it."""
        for number, path in sorted(self._segments().items()):
            if number < self._number:
                continue
            start = self._offset if number == self._number else 0
            self._number, self._offset = number, start
            for line, self._offset in _lines(path, start):
                yield line

    def _segments(self) -> dict[int, Path]:
        found = ((_SEGMENT.fullmatch(path.name), path) for path in self._folder.iterdir())
        return {int(match[1]): path for match, path in found if match is not None}


def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """Whole lines from an offset on, each with the offset behind it; a line that is still being written is left."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n"):
                offset += len(line)
                yield line[:-1], offset
