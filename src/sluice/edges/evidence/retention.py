"""How long the log is kept: closed segments past their time are removed, unless somebody has to keep them.

What is removed are lines and salts. Tiles stay, so what is left still verifies, and so do proofs that were made before.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sluice.edges.evidence.files import alone, drop_segment, put, read_closed, sync_folder
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


def holds(folder: Path) -> list[Hold]:
    """The legal holds on a log; LogFailed when they cannot be read: nothing may be removed then."""
    path = folder / "holds.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Hold])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"`{path}` cannot be read as the log's legal holds") from error


def place(folder: Path, name: str, reason: str, begin: datetime, end: datetime) -> Hold:
    """Places a hold; LogFailed when there is one of that name or it cannot be written."""
    with alone(folder):
        before = holds(folder)
        if any(one.name == name for one in before):
            raise LogFailed(f"there is a hold `{name}` already")
        made = Hold(name, reason, begin, end, datetime.now(UTC))
        _write(folder, [*before, made])
    return made


def lift(folder: Path, name: str) -> bool:
    """Lifts a hold; whether there was one. LogFailed when that cannot be written."""
    with alone(folder):
        before = holds(folder)
        left = [one for one in before if one.name != name]
        if len(left) != len(before):
            _write(folder, left)
    return len(left) != len(before)


def held_by(folder: Path, span: tuple[str, str]) -> Hold | None:
    """The first hold that keeps a segment of these times, any where they cannot be read; LogFailed as `holds`."""
    placed = holds(folder)
    try:
        begin, end = (datetime.fromisoformat(one) for one in span)
    except ValueError:
        return placed[0] if placed else None
    return next((hold for hold in placed if hold.begin <= end and hold.end >= begin), None)


def prune(folder: Path, before: datetime, *, dry: bool = False) -> tuple[list[Removed], list[Hold]]:
    """Removes closed segments all of whose events are older, from the oldest on up to the first that has to stay.

    (What was removed, or with `dry` would be; the holds that kept something.) LogFailed when that cannot be done.
    """
    removed: list[Removed] = []
    try:
        with alone(folder):
            placed, present = holds(folder), set(segments(folder))
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
                    _remove(folder, removed[-1])
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"a segment of the log in `{folder}` cannot be removed: {error}") from error
    return removed, []


def removals(folder: Path) -> list[Removed]:
    """The segments that retention removed; LogFailed when the list cannot be read."""
    try:
        lines = (folder / "removed.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Removed) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"the list of what was removed in `{folder}` cannot be read") from error


def _remove(folder: Path, what: Removed) -> None:
    with (folder / "removed.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(what) + b"\n")
        file.flush()
        os.fsync(file.fileno())
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


def _write(folder: Path, left: list[Hold]) -> None:
    try:
        put(folder / "holds.json", msgspec.json.encode(left), synced=True)
        sync_folder(folder)
    except OSError as error:
        raise LogFailed(f"the holds of the log in `{folder}` cannot be written: {error.strerror}") from error
