"""Proofs of single events that verify without the log: a C2SP tlog-proof whose extra data is the line and its salt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.audit.note import Checkpoint, NoteError, Proof, Verifier, open_note
from sluice.audit.tree import SALT, check_inclusion, leaves
from sluice.edges.evidence.files import read_checkpoint, read_closed
from sluice.edges.evidence.flat import hashes_of
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

_BEGINNING = re.compile(rb'^\{"event":"[a-z-]+","id":"([^"\\]+)"', re.MULTILINE)


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the log, and its salt in hex."""

    line: str
    salt: str


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a log: its place among the leaves, in its segment, itself and its salt."""

    index: int
    segment: int
    number: int
    line: bytes
    salt: bytes


def find(folder: Path, event_id: str) -> Iterator[Found]:
    """The lines of the events with this id, oldest first. LogFailed when the log cannot be read."""
    mark = b'"id":' + msgspec.json.encode(event_id)
    for run, index, segment, first, salts in _runs(folder):
        for at, line in _marked(run, mark):
            yield Found(index + at, segment, index + at - first + 1, line, salts[at * SALT : (at + 1) * SALT])


def _runs(folder: Path) -> Iterator[tuple[bytes, int, int, int, bytes]]:
    """Runs of lines: the index of the first, their segment, the index that this begins with, and their salts."""
    firsts = {one.segment: one.first for one in read_closed(folder)}
    after = sum(one.lines for one in read_closed(folder))
    try:
        for number in sorted(segments(folder)):
            first = index = firsts.get(number, after)
            segment = open_segment(folder, number)
            try:
                for piece in segment.pieces():
                    run, own, _ = piece()
                    yield run, index, number, first, own
                    index += len(own) // SALT
            finally:
                segment.close()
            after = max(after, index)
    except OSError as error:
        raise LogFailed(f"the log in `{folder}` cannot be read: {error.strerror}") from error


def find_all(folder: Path, events: AbstractSet[str]) -> Iterator[tuple[str, Found]]:
    """The lines of all events with one of these ids, by id, in one reading of the log. LogFailed when it cannot be read."""
    for run, index, segment, first, salts in _runs(folder) if events else ():
        at = count = 0
        for match in _BEGINNING.finditer(run):
            name = match[1].decode()
            if name in events:
                count += run.count(b"\n", at, match.start())
                at = match.start()
                line = run[at : run.index(b"\n", at)]
                place = index + count
                yield name, Found(place, segment, place - first + 1, line, salts[count * SALT : (count + 1) * SALT])


def prove(folder: Path, verifier: Verifier, found: Found) -> Proof:
    """A proof of a line under the log's checkpoint; LogFailed when there is none for it."""
    signed = read_checkpoint(folder, verifier)
    if signed is None or found.index >= signed.size:
        raise LogFailed("the event has no checkpoint yet; one comes within a second while the gateway runs")
    path = hashes_of(folder, signed.size).inclusion(found.index)
    _, leaf, _ = leaves(found.line + b"\n", found.salt)
    check_inclusion(leaf, found.index, signed.size, path, signed.root)
    evidence = Evidence(found.line.decode(), found.salt.hex())
    return Proof(found.index, tuple(path), (folder / "checkpoint").read_bytes(), msgspec.json.encode(evidence))


def check_proof(text: bytes, known: tuple[Verifier, ...]) -> tuple[bytes, Proof, Checkpoint]:
    """The line that a proof proves, the proof, and the checkpoint it is under. NoteError or ProofError when it proves nothing."""
    proof = Proof.parse(text)
    checkpoint = Checkpoint.parse(open_note(proof.checkpoint, known).text)
    try:
        evidence = msgspec.json.decode(proof.extra, type=Evidence)
        salt, line = bytes.fromhex(evidence.salt), evidence.line.encode()
    except (msgspec.MsgspecError, ValueError):
        raise NoteError("the proof does not hold the event's line and salt") from None
    if len(salt) != SALT or b"\n" in line:
        raise NoteError("the proof does not hold the event's line and salt")
    _, leaf, _ = leaves(line + b"\n", salt)
    check_inclusion(leaf, proof.index, checkpoint.size, list(proof.path), checkpoint.root)
    return line, proof, checkpoint


def _marked(run: bytes, mark: bytes) -> Iterator[tuple[int, bytes]]:
    at = count = 0
    while (hit := run.find(mark, at)) >= 0:
        start, end = run.rfind(b"\n", 0, hit) + 1, run.index(b"\n", hit)
        count += run.count(b"\n", at, start)
        line = run[start:end]
        # Values of other events may hold the mark, escaped: only a line's own id counts.
        if msgspec.json.decode(line, type=_Named).id == msgspec.json.decode(b"{" + mark + b"}", type=_Named).id:
            yield count, line
        at, count = end + 1, count + 1


class _Named(msgspec.Struct):
    id: str = ""
