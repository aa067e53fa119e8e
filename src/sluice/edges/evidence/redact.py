"""Strikes texts out of closed segments, with their salts, so that every proof still holds and no guess can be confirmed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sluice.audit.note import Signer, Verifier
from sluice.audit.tree import SALT, struck
from sluice.edges.evidence.files import alone, put, read_closed, salts_path, sync_folder
from sluice.edges.evidence.lines import split
from sluice.edges.evidence.lists import add, entries
from sluice.edges.evidence.prove import Found, find
from sluice.edges.evidence.readers import moved
from sluice.edges.evidence.sealing import reseal
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import segment_path


class Redaction(msgspec.Struct, frozen=True):
    """A text that was struck out: of which event, where, when and why."""

    event: str
    index: int
    segment: int
    time: str
    reason: str


def redact(folder: Path, event_id: str, reason: str, signer: Signer) -> list[Redaction]:
    """Strikes out the text of an event; what was done. LogFailed when its segment is not closed yet or cannot be written."""
    made: list[Redaction] = []
    closed = {one.segment for one in read_closed(folder)}
    for found in list(find(folder, event_id)):
        changed = struck(found.line, found.salt)
        if changed is None:
            continue
        if found.segment not in closed:
            raise LogFailed(
                f"segment {found.segment} is still written to; its texts can be struck out when the next one has begun"
            )
        made.append(Redaction(event_id, found.index, found.segment, datetime.now(UTC).isoformat(), reason))
        try:
            add(folder / "redactions.jsonl", made[-1], signer)
            _replace(folder, found, changed)
        except OSError as error:
            raise LogFailed(f"segment {found.segment} could not be written: {error.strerror}") from error
    return made


def redactions(folder: Path, verifier: Verifier) -> list[Redaction]:
    """What was struck out of a log. LogFailed when the list cannot be read or is not what was signed."""
    return entries(folder / "redactions.jsonl", Redaction, verifier)


def _replace(folder: Path, found: Found, changed: bytes) -> None:
    with alone(folder):
        path, salts = segment_path(folder, found.segment), salts_path(folder, found.segment)
        if not path.exists():
            places: list[int] = []
            reseal(folder, found.segment, lambda kept: _changed(kept, found.number - 1, changed, places))
            moved(folder, found.segment, places[0], len(changed) - len(found.line))
            return
        whole = path.read_bytes()
        start = split(whole, found.number - 1)
        end = whole.index(b"\n", start)
        put(path, whole[:start] + changed + whole[end:], synced=True)
        # The salt goes last: with it and without the text nothing can be made up, without it a kept text would not verify.
        with salts.open("r+b") as file:
            file.seek((found.number - 1) * SALT)
            file.write(bytes(SALT))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
        moved(folder, found.segment, start, len(changed) - len(found.line))


def _changed(
    kept: Iterator[tuple[bytes, bytes]], number: int, line: bytes, places: list[int]
) -> Iterator[tuple[bytes, bytes]]:
    """Runs of lines with their salts, with another line, and no salt, in the place `number`; at which byte goes into `places`."""
    at = 0
    for run, salts in kept:
        lines, size = len(salts) // SALT, len(run)
        if 0 <= number < lines:
            start = split(run, number)
            places.append(at + start)
            run = run[:start] + line + run[run.index(b"\n", start) :]
            salts = salts[: number * SALT] + bytes(SALT) + salts[(number + 1) * SALT :]
        number -= lines
        at += size
        yield run, salts
