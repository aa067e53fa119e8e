"""How long the log is kept: closed segments past their time are removed, unless somebody has to keep them.

What is removed are lines and salts. Tiles stay, so what is left still verifies, and so do proofs that were made before.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sluice.edges.evidence.files import put, read_closed, salts_path, sync_folder
from sluice.edges.evidence.lines import last_line, whole_size
from sluice.edges.sinks.jsonl import LogFailed, segment_path, segments


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


class _Timed(msgspec.Struct):
    time: datetime


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
    with _alone(folder):
        before = holds(folder)
        if any(one.name == name for one in before):
            raise LogFailed(f"there is a hold `{name}` already")
        made = Hold(name, reason, begin, end, datetime.now(UTC))
        _write(folder, [*before, made])
    return made


def lift(folder: Path, name: str) -> bool:
    """Lifts a hold; whether there was one. LogFailed when that cannot be written."""
    with _alone(folder):
        before = holds(folder)
        left = [one for one in before if one.name != name]
        if len(left) != len(before):
            _write(folder, left)
    return len(left) != len(before)


def prune(folder: Path, before: datetime, *, dry: bool = False) -> tuple[list[Removed], list[Hold]]:
    """Removes closed segments all of whose events are older, from the oldest on up to the first that has to stay.

    (What was removed, or with `dry` would be; the holds that kept something.) LogFailed when that cannot be done.
    """
    removed: list[Removed] = []
    try:
        with _alone(folder):
            placed, present = holds(folder), set(segments(folder))
            for closed in read_closed(folder):
                if closed.segment not in present:
                    continue
                path = segment_path(folder, closed.segment)
                last = _time(last_line(path))
                if last >= before:
                    break
                kept = [hold for hold in placed if hold.begin <= last and hold.end >= _time(_first_line(path))]
                if kept:
                    return removed, kept
                removed.append(Removed(closed.segment, closed.first, closed.lines, last, datetime.now(UTC)))
                if not dry:
                    _remove(folder, removed[-1])
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"a segment of the log in `{folder}` cannot be removed: {error}") from error
    return removed, []


def _remove(folder: Path, what: Removed) -> None:
    with (folder / "removed.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(what) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    segment_path(folder, what.segment).unlink()
    salts_path(folder, what.segment).unlink(missing_ok=True)
    sync_folder(folder)


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline() if whole_size(path) else b""


def _time(line: bytes) -> datetime:
    return msgspec.json.decode(line, type=_Timed).time


def _write(folder: Path, left: list[Hold]) -> None:
    try:
        put(folder / "holds.json", msgspec.json.encode(left), synced=True)
        sync_folder(folder)
    except OSError as error:
        raise LogFailed(f"the holds of the log in `{folder}` cannot be written: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    fd = os.open(folder / "retention.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
