"""How long the log is kept: closed segments past their time are removed, unless somebody has to keep them.

What is removed are lines and salts. Tiles stay, so what is left still verifies, and so do proofs that were made before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sluice.audit.note import Signer, Verifier
from sluice.edges.evidence.files import alone, drop_segment, read_closed, sync_folder
from sluice.edges.evidence.lists import add, entries
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments


class Hold(msgspec.Struct, frozen=True):
    """Events between two times are kept, whatever retention says, until the hold is lifted."""

    name: str
    reason: str
    begin: datetime
    end: datetime
    placed: datetime


class Removed(msgspec.Struct, frozen=True):
    """A segment that is past its time and was removed."""

    segment: int
    first: int
    lines: int
    last: datetime
    removed: datetime


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the list of holds: one was placed, or the one of a name lifted."""

    placed: Hold | None = None
    lifted: str = ""
    at: datetime | None = None


def holds(folder: Path, verifier: Verifier) -> list[Hold]:
    """The legal holds on a log; LogFailed when they cannot be read or are not what was signed: nothing may be removed then."""
    if (folder / "holds.json").exists():
        raise LogFailed(
            f"`{folder / 'holds.json'}` is a list of holds that nobody signed; remove it and place them anew"
        )
    found: dict[str, Hold] = {}
    for change in entries(folder / "holds.jsonl", Change, verifier):
        if change.placed is not None:
            found[change.placed.name] = change.placed
        else:
            found.pop(change.lifted, None)
    return list(found.values())


def place(folder: Path, name: str, reason: str, begin: datetime, end: datetime, signer: Signer) -> Hold:
    """Places a hold; LogFailed when there is one of that name or it cannot be written."""
    with alone(folder):
        if any(one.name == name for one in holds(folder, signer.verifier)):
            raise LogFailed(f"there is a hold `{name}` already")
        made = Hold(name, reason, begin, end, datetime.now(UTC))
        _note(folder, Change(placed=made), signer)
    return made


def lift(folder: Path, name: str, signer: Signer) -> bool:
    """Lifts a hold; whether there was one. LogFailed when that cannot be written."""
    with alone(folder):
        there = any(one.name == name for one in holds(folder, signer.verifier))
        if there:
            _note(folder, Change(lifted=name, at=datetime.now(UTC)), signer)
    return there


def held_by(folder: Path, span: tuple[str, str], verifier: Verifier) -> Hold | None:
    """The first hold that keeps a segment of these times, any where they cannot be read; LogFailed as `holds`."""
    placed = holds(folder, verifier)
    try:
        begin, end = (datetime.fromisoformat(one) for one in span)
    except ValueError:
        return placed[0] if placed else None
    return next((hold for hold in placed if hold.begin <= end and hold.end >= begin), None)


def prune(folder: Path, before: datetime, signer: Signer, *, dry: bool = False) -> tuple[list[Removed], list[Hold]]:
    """Removes closed segments all of whose events are older, from the oldest on up to the first that has to stay.

    (What was removed, or with `dry` would be; the holds that kept something.) LogFailed when that cannot be done.
    """
    removed: list[Removed] = []
    try:
        with alone(folder):
            placed, present = holds(folder, signer.verifier), set(segments(folder))
            for closed in read_closed(folder):
                if closed.segment not in present:
                    continue
                begin, last = _span(folder, closed.segment)
                if last >= before:
                    break
                kept = [hold for hold in placed if hold.begin <= last and hold.end >= begin]
                if kept:
                    return removed, kept
                removed.append(Removed(closed.segment, closed.first, closed.lines, last, datetime.now(UTC)))
                if not dry:
                    _remove(folder, removed[-1], signer)
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"a segment of the log in `{folder}` cannot be removed: {error}") from error
    return removed, []


def removals(folder: Path, verifier: Verifier) -> list[Removed]:
    """The segments that retention removed; LogFailed when the list cannot be read or is not what was signed."""
    return entries(folder / "removed.jsonl", Removed, verifier)


def _remove(folder: Path, what: Removed, signer: Signer) -> None:
    add(folder / "removed.jsonl", what, signer)
    drop_segment(folder, what.segment)


def _span(folder: Path, number: int) -> tuple[datetime, datetime]:
    segment = open_segment(folder, number)
    try:
        begin, end = segment.span()
        return datetime.fromisoformat(begin), datetime.fromisoformat(end)
    except ValueError as error:
        raise LogFailed(f"segment {number} does not say from when it is") from error
    finally:
        segment.close()


def _note(folder: Path, change: Change, signer: Signer) -> None:
    try:
        add(folder / "holds.jsonl", change, signer)
        sync_folder(folder)
    except OSError as error:
        raise LogFailed(f"the holds of the log in `{folder}` cannot be written: {error.strerror}") from error
