"""The end of a log, without reading what lies before it, and what is appended from then on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from sluice.edges.sinks.segments import open_segment, segments


class LogTail:
    """Follows the segments of a log's folder. Any method raises OSError when they cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._offset = 0

    def newest(self, count: int, wants: Callable[[bytes], bool]) -> list[bytes]:
        """The last `count` wanted lines, oldest first; `fresh` goes on behind the last line there is."""
        found: deque[bytes] = deque()
        numbers = sorted(segments(self._folder), reverse=True)
        for number in numbers:
            kept: deque[bytes] = deque(maxlen=max(0, count - len(found)))
            offset = 0
            for line, behind in self._lines(number, 0):
                offset = behind
                if kept.maxlen and wants(line):
                    kept.append(line)
            if number == numbers[0]:
                self._number, self._offset = number, offset
            found.extendleft(reversed(kept))
            if len(found) >= count:
                break
        return list(found)

    def fresh(self) -> Iterator[bytes]:
        """The whole lines that were appended since, in the segment at hand and those begun after it."""
        for number in sorted(segments(self._folder)):
            if number < self._number:
                continue
            start = self._offset if number == self._number else 0
            self._number, self._offset = number, start
            for line, behind in self._lines(number, start):
                self._offset = behind
                yield line

    def _lines(self, number: int, offset: int) -> Iterator[tuple[bytes, int]]:
        """Whole lines from an offset on, each with the offset behind it; a line that is still being written is left."""
        segment = open_segment(self._folder, number)
        try:
            for run in segment.runs(offset):
                for line in run.split(b"\n")[:-1]:
                    offset += len(line) + 1
                    yield line, offset
        finally:
            segment.close()
