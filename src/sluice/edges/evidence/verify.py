"""Proves, from the files alone, that a log is what was signed: nothing altered, removed, put in, reordered or cut off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sluice.audit.note import Checkpoint, Verifier
from sluice.audit.tree import HASH, WIDTH, Edge, leaf_hashes, leaves
from sluice.edges.evidence.erasing import Erased, erasures
from sluice.edges.evidence.files import Closed, read_checkpoint, read_closed
from sluice.edges.evidence.flat import entries_of, level_of
from sluice.edges.evidence.redact import redactions
from sluice.edges.evidence.retention import holds, removals
from sluice.edges.sinks.failed import LogFailed, SegmentLocked
from sluice.edges.sinks.segments import Piece, Segment, open_segment, segments

_AHEAD = 4
_LISTED = 20
_LEAVES = 1 << 16

Leaves = tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class Findings:
    """What was found in a folder of evidence. `problems` empty: it holds."""

    folder: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether what is there is what was signed."""
        return not self.problems

    def problem(self, text: str) -> None:
        """Adds a problem, unless there are more than anybody reads."""
        if len(self.problems) < _LISTED:
            self.problems.append(text)


@dataclass(slots=True)
class Report(Findings):
    """What was found in one log. `events`: lines read; `signed`: of them under the checkpoint."""

    origin: str = ""
    events: int = 0
    signed: int = 0
    root: str = ""


def verify(
    folder: Path,
    verifier: Verifier,
    against: Checkpoint | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Reads a whole log. `against`: an older checkpoint that somebody kept; `progress` is told the events read so far.

    LogFailed when the log cannot be read at all.
    """
    report = Report(folder, origin=verifier.name)
    try:
        signed = read_checkpoint(folder, verifier)
    except LogFailed as error:
        report.problem(str(error))
        return report
    if signed is None:
        report.problem(f"`{folder}` has no checkpoint: nothing in it was signed")
        return report
    report.signed, report.root = signed.size, signed.root.hex()
    try:
        _Reading(report, signed, against, progress, verifier).all()
    except OSError as error:
        raise LogFailed(f"the log in `{folder}` cannot be read: {error.strerror}") from error
    return report


class _Reading:
    def __init__(
        self,
        report: Report,
        signed: Checkpoint,
        against: Checkpoint | None,
        progress: Callable[[int], None],
        verifier: Verifier,
    ) -> None:
        self.report, self.signed, self.progress = report, signed, progress
        self.against = against
        self.edge = Edge()
        self.marks = sorted({signed.size, *([against.size] if against else [])})
        self.roots: dict[int, bytes] = {0: self.edge.root()}
        self.differing: list[tuple[int, int, int]] = []
        self.tree_differs: set[str] = set()
        self.erased: dict[int, Erased] = {}
        self.removed: set[int] = set()
        self.struck = 0
        self._read_lists(verifier)

    def _read_lists(self, verifier: Verifier) -> None:
        folder = self.report.folder
        try:
            self.erased = erasures(folder, verifier)
            self.removed = {one.segment for one in removals(folder, verifier)}
            self.struck = len(redactions(folder, verifier))
            holds(folder, verifier)
        except LogFailed as error:
            self.report.problem(str(error))

    def all(self) -> None:
        report, folder = self.report, self.report.folder
        closed = {one.segment: one for one in read_closed(folder)}
        present = set(segments(folder))
        for number in sorted(closed.keys() | present):
            known = closed.get(number)
            if number in present:
                lines = self._segment(number, known)
                if known is not None and lines != known.lines:
                    report.problem(f"segment {number} has {lines} events; it was closed with {known.lines}")
            elif known is not None:
                why = self._why_missing(number)
                if not why:
                    report.problem(f"segment {number} is not here, and no list that was signed says why")
                self._by_leaves(number, known.first, known.lines, why or "is not here")
        gaps = [number for number in range(min(present, default=1), max(present, default=0)) if number not in present]
        for number in gaps:
            if number not in closed:
                report.problem(f"segment {number} is missing")
        report.events = self.edge.size
        self._conclude()

    def _segment(self, number: int, known: Closed | None) -> int:
        before = self.edge.size
        try:
            for entries, hashes, _ in _hashed(open_segment(self.report.folder, number)):
                self._compare(number, before, entries)
                self._grow(hashes)
                self.progress(self.edge.size)
        except SegmentLocked as error:
            if known is None:
                self.report.problem(str(error))
            else:
                self._by_leaves(number, known.first, known.lines, f"cannot be read here: {error}")
        except LogFailed as error:
            self.report.problem(str(error))
            self._grow_by_leaves(known.end if known else before)
        return self.edge.size - before

    def _why_missing(self, number: int) -> str:
        erased = self.erased.get(number)
        if erased is not None:
            return f"was erased on {erased.erased[:10]} ({erased.reason})"
        return "was removed by retention" if number in self.removed else ""

    def _by_leaves(self, number: int, first: int, lines: int, why: str) -> None:
        last = min(first + lines, self.signed.size)
        self.report.notes.append(f"segment {number} (events {first} to {first + lines - 1}) {why}; its leaves are here")
        if first != self.edge.size:
            self.report.problem(f"segment {number} does not follow the one before it")
        self._grow_by_leaves(last)

    def _grow_by_leaves(self, last: int) -> None:
        try:
            while self.edge.size < last:
                count = min(last - self.edge.size, _LEAVES)
                self._grow(leaf_hashes(entries_of(self.report.folder, self.edge.size, count)))
        except LogFailed as error:
            self.report.problem(str(error))

    def _compare(self, number: int, first: int, entries: bytes) -> None:
        count = min(len(entries) // HASH, self.signed.size - self.edge.size)
        if count <= 0 or len(self.differing) >= _LISTED:
            return
        try:
            stored = entries_of(self.report.folder, self.edge.size, count)
        except LogFailed as error:
            self.tree_differs.add(str(error))
            return
        if stored == entries[: count * HASH]:
            return
        for at in range(count):
            if stored[at * HASH : (at + 1) * HASH] != entries[at * HASH : (at + 1) * HASH]:
                index = self.edge.size + at
                self.differing.append((index, number, index - first + 1))

    def _grow(self, hashes: bytes) -> None:
        for mark in self.marks:
            inside = (mark - self.edge.size) * HASH
            if 0 < inside <= len(hashes):
                ahead = self.edge.copy()
                ahead.extend(hashes[:inside])
                self.roots[mark] = ahead.root()
        for level, (first, gained) in enumerate(self.edge.extend(hashes), 1):
            count = min(len(gained) // HASH, self.signed.size // WIDTH**level - first)
            if count > 0:
                self._same(level, first, gained[: count * HASH])

    def _same(self, level: int, first: int, expected: bytes) -> None:
        try:
            if level_of(self.report.folder, level, first, len(expected) // HASH) != expected:
                self.tree_differs.add(f"`tree/{level}` is not what the events make it")
        except LogFailed as error:
            self.tree_differs.add(str(error))

    def _conclude(self) -> None:
        report, signed = self.report, self.signed
        if self.edge.size < signed.size:
            report.problem(f"cut off: {signed.size} events were signed, {self.edge.size} are here")
        elif self.roots[signed.size] != signed.root:
            report.problem("the events do not make up the tree that was signed")
        elif self.differing:
            # The events are what was signed, so it is the tree beside them that was changed.
            self.tree_differs |= {f"`tree/entries` differs from event {index}" for index, _, _ in self.differing}
            self.differing.clear()
        for index, segment, line in self.differing:
            report.problem(f"event {index} (segment {segment}, line {line}) is not what was signed")
        if not self.differing:
            for text in sorted(self.tree_differs):
                report.problem(text)
        if self.edge.size > signed.size:
            report.notes.append(f"{self.edge.size - signed.size} events have no checkpoint yet")
        if self.struck:
            report.notes.append(f"{self.struck} texts were struck out; `redactions.jsonl` says which and why")
        if self.against is not None:
            self._conclude_against(self.against)

    def _conclude_against(self, against: Checkpoint) -> None:
        if against.origin != self.signed.origin:
            self.report.problem(f"the checkpoint to compare with is of another log, `{against.origin}`")
        elif against.size > self.signed.size:
            self.report.problem(
                f"cut off: a checkpoint of {against.size} events was signed, the log's own has {self.signed.size}"
            )
        elif self.roots.get(against.size) != against.root:
            self.report.problem(f"the first {against.size} events are not those of the checkpoint to compare with")
        else:
            self.report.notes.append(f"it continues the checkpoint of {against.size} events")


def _hashed(segment: Segment) -> Iterator[Leaves]:
    """The leaves of a segment, in order, read and hashed in two threads."""
    try:
        with ThreadPoolExecutor(2, "verify") as pool:
            ahead: deque[Future[Leaves]] = deque()
            for piece in segment.pieces():
                ahead.append(pool.submit(_leaves, piece))
                if len(ahead) >= _AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
    finally:
        segment.close()


def _leaves(piece: Piece) -> Leaves:
    lines, salts, _ = piece()
    return leaves(lines, salts)


def logs_in(folder: Path) -> list[Path]:
    """The logs in a folder: itself, if it is one, and the folders in it that are, but for those of tiles; LogFailed when there is none."""
    try:
        # Folders of tiles (that of the heads, too) hold a checkpoint and no log.
        beside = sorted(one for one in folder.iterdir() if one.is_dir() and not (one / "tile").exists())
        found = [one for one in (folder, *beside) if (one / "checkpoint").exists() or segments(one)]
    except OSError as error:
        raise LogFailed(f"the log in `{folder}` cannot be read: {error.strerror}") from error
    if not found:
        raise LogFailed(f"there is no log in `{folder}`")
    return found
