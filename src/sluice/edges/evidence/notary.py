"""Makes leaves of the lines that a log has taken, and signs the tree's head.

It works behind the log, in a thread of its own: a statement never waits for it, and it holds Python's lock only between calls
that go over thousands of lines without it. What it signs is on the medium before: the lines because the log forced them there
first, their salts because it does so itself. The tree of the open segment need not be: it is made again from the lines at the
next start, which therefore also notices when those are no longer what was signed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import Checkpoint, NoteError, Signer
from sluice.audit.tally import Tallied, Tally
from sluice.audit.tree import HASH, SALT, Edge, fresh, leaves
from sluice.edges.evidence.files import (
    Closed,
    add_closed,
    put,
    put_at,
    read_checkpoint,
    read_closed,
    salts_path,
    sync_folder,
)
from sluice.edges.evidence.flat import ENTRIES, FlatTree
from sluice.edges.evidence.lines import split
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.sinks.segments import open_segment, runs, segment_path, segments

_ADVICE = "run `sluice audit verify`, keep the folder as evidence, and begin another"


class Notary:
    """Signs the log `log` as `origin` with `key`. LogFailed when what it signed before is no longer what the log holds.

    `closed`: how many segments grow no more. `found` says in words what the start had to mend. Every method may be called from one thread at a time.
    """

    def __init__(self, log: JsonLog, key: Ed25519PrivateKey, origin: str) -> None:
        try:
            self._signer = Signer(origin, key)
        except NoteError as error:
            raise LogFailed(f"the log's origin `{origin}` cannot be used: {error}") from error
        self.verifier = self._signer.verifier
        self.found: tuple[str, ...] = ()
        self._folder = log.path
        self._tree = FlatTree(self._folder)
        self._salts: bytearray = bytearray()
        self._tally, self._tallying = Tally(), Lock()
        self.signed = read_checkpoint(self._folder, self.verifier) or Checkpoint(origin, 0, Edge().root())
        closed = self._closed()
        self._edge = closed[-1].behind() if closed else Edge()
        self.closed = len(closed)
        self._number = closed[-1].segment + 1 if closed else min(segments(self._folder), default=1)
        self._offset, self._first = 0, self._edge.size
        try:
            self._replay(*log.position)
        except OSError as error:
            raise LogFailed(f"the log's tree in `{self._folder}` cannot be read: {error.strerror}") from error

    def advance(self, number: int, size: int) -> Checkpoint | None:
        """Signs the log up to `size` of segment `number`, which must be on the medium; None: nothing is new.

        OSError when a file could not be written; the next call goes on from there.
        """
        before = self.signed
        while self._number < number:
            self._take(segment_path(self._folder, self._number).stat().st_size)
            self._sign()
            self._close_segment()
        self._take(size)
        self._sign()
        return self.signed if self.signed != before else None

    def told(self) -> Iterable[Tallied]:
        """What the lines say that were signed since the last time, added up. May be called from any thread."""
        with self._tallying:
            return self._tally.take()

    def _closed(self) -> list[Closed]:
        closed = read_closed(self._folder)
        if not closed or self._tree.size() >= closed[-1].end:
            return closed
        if closed[0].first or not {one.segment for one in closed} <= set(segments(self._folder)):
            raise LogFailed(
                f"the tree in `{self._folder / 'tree'}` ends before entry {closed[-1].end}, and segments it was made of are "
                "not here any more; put the folder back from a copy"
            )
        # Everything it was made of is here, so it is made again, and held to the checkpoint on the way.
        (self._folder / "closed.jsonl").unlink()
        return []

    def _replay(self, number: int, size: int) -> None:
        known = self.signed.size
        if known < self._edge.size:
            raise LogFailed(f"the checkpoint in `{self._folder}` is older than the list of closed segments; {_ADVICE}")
        self._check(complete=False)
        for segment in sorted(one for one in segments(self._folder) if self._number <= one <= number):
            self._number = segment
            self._replay_segment(size if segment == number else None)
            if segment < number:
                if self._edge.size > self.signed.size:
                    self._sign()
                self._close_segment()
        self._check(complete=True)
        if self._edge.size > known > 0:
            self.found = (f"{self._edge.size - known} events had no checkpoint yet",)
        self._sign()

    def _replay_segment(self, size: int | None) -> None:
        segment = open_segment(self._folder, self._number)
        try:
            for piece in segment.pieces(size):
                self._replay_run(*piece())
            self._offset = segment.size if size is None else size
        finally:
            segment.close()

    def _replay_run(self, run: bytes, salts: bytes, _: bool) -> None:
        known = min(self.signed.size - self._edge.size, len(salts) // SALT)
        cut = split(run, known) if known > 0 else 0
        if cut:
            self._add(run[:cut], salts[: known * SALT])
            self._check(complete=False)
        if cut < len(run):
            self._add(run[cut:])

    def _check(self, *, complete: bool) -> None:
        size = self._edge.size
        if size == self.signed.size and self._edge.root() != self.signed.root:
            raise LogFailed(
                f"the log in `{self._folder}` is not what was signed: its first {size} events differ; {_ADVICE}"
            )
        if complete and size < self.signed.size:
            raise LogFailed(
                f"the log in `{self._folder}` is cut off: {self.signed.size} events were signed, it has {size}; {_ADVICE}"
            )

    def _take(self, size: int) -> None:
        if size <= self._offset:
            return
        fd = os.open(segment_path(self._folder, self._number), os.O_RDONLY | os.O_CLOEXEC)
        try:
            for run in runs(fd, self._offset, size):
                self._add(run)
                self._offset += len(run)
                with self._tallying:
                    self._tally.add(run)
        finally:
            os.close(fd)

    def _add(self, run: bytes, salts: bytes | None = None) -> None:
        entries, hashes, salts = fresh(run, os.urandom(HASH)) if salts is None else leaves(run, salts)
        self._salts += salts
        self._tree.add(ENTRIES, self._edge.size, entries)
        for level, (first, gained) in enumerate(self._edge.extend(hashes), 1):
            self._tree.add(str(level), first, gained)

    def _sign(self) -> None:
        if self._edge.size == self.signed.size and not self._tree.pending:
            return
        self._flush()
        checkpoint = Checkpoint(self.verifier.name, self._edge.size, self._edge.root())
        put(self._folder / "checkpoint", self._signer.sign(checkpoint.text()), synced=True)
        sync_folder(self._folder)
        self.signed = checkpoint

    def _flush(self) -> None:
        at = (self._edge.size - self._first) * SALT - len(self._salts)
        put_at(salts_path(self._folder, self._number), self._salts, at, synced=True)
        self._salts.clear()
        self._tree.flush()

    def _close_segment(self) -> None:
        self._flush()
        self._tree.sync()
        add_closed(self._folder, Closed.of(self._number, self._first, self._offset, self._edge))
        self.closed += 1
        self._number = min(one for one in segments(self._folder) if one > self._number)
        self._offset, self._first = 0, self._edge.size
