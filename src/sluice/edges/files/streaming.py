"""One file through the detectors: read in blocks of whole records, scrubbed on all cores, written in order, resumable."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from sluice.classify.detectors import DETECTORS
from sluice.classify.scrubbing import Form, Tally, cut, scrub
from sluice.edges.files.shape import FileProblem, Shape

_BLOCK: Final = 1 << 20
_LONGEST: Final = 256 << 20
"""The longest record, in bytes."""
_SAVED_EVERY: Final = 32 << 20
_AHEAD: Final = 3
"""Blocks in work for each worker."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class _Point:
    """How far a file is done: bytes read and written, and what was found until there."""

    read: int = 0
    written: int = 0
    tally: Tally = field(default_factory=Tally)


def stream(
    source: Path, target: Path | None, shape: Shape, key: bytes | None, pool: Executor, workers: int, progress: Progress
) -> Tally:
    """Scrubs a file into `target` (None: only looks). FileProblem when it cannot be read or written.

    What was written stands beside the target as `.part` until all of it is there; begun again with the same key, it goes on.
    """
    form = shape.form
    if form == "parquet":
        raise FileProblem("is no stream of records")
    part = None if target is None else _Part(source, target, key)
    point = _Point() if part is None else part.resume()
    progress(point.read)
    try:
        with ExitStack() as stack:
            incoming = stack.enter_context(source.open("rb"))
            outgoing = None if part is None else stack.enter_context(part.open(point))
            if point.read == 0:
                point.read = len(incoming.read(len(shape.head)))
                point.written += outgoing.write(shape.head) if outgoing else 0
            incoming.seek(point.read)
            _pump(incoming, outgoing, part, point, shape, form, key, pool, workers, progress)
        if part is not None:
            part.finish()
    except OSError as error:
        raise FileProblem(f"{error.strerror}: `{error.filename or source}`") from error
    return point.tally


def _pump(
    incoming: BinaryIO,
    outgoing: BinaryIO | None,
    part: _Part | None,
    point: _Point,
    shape: Shape,
    form: Form,
    key: bytes | None,
    pool: Executor,
    workers: int,
    progress: Progress,
) -> None:
    waiting: deque[tuple[int, Future[tuple[bytes, list[tuple[bytes, int, int]]]]]] = deque()
    saved = point.read

    def take() -> None:
        nonlocal saved
        size, future = waiting.popleft()
        data, found = future.result()
        point.read += size
        point.tally.add(found)
        progress(size)
        if outgoing is not None and part is not None:
            point.written += outgoing.write(data)
            if point.read - saved >= _SAVED_EVERY:
                outgoing.flush()
                part.save(point)
                saved = point.read

    for block in _blocks(incoming, form):
        waiting.append((len(block), pool.submit(scrub, block, form, key, shape.columns, shape.delimiter)))
        while len(waiting) > workers * _AHEAD:
            take()
    while waiting:
        take()


def _blocks(file: BinaryIO, form: Form) -> Iterator[bytes]:
    """Runs of whole records, each about a block long."""
    if form == "json":
        yield file.read()
        return
    rest = b""
    while more := file.read(_BLOCK):
        rest += more
        end = cut(rest, form)
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _LONGEST:
            raise FileProblem(f"has a record of more than {_LONGEST >> 20} MB")
    if rest:
        yield rest


def mark_of(source: Path, key: bytes | None) -> str:
    """What a copy depends on: the file as it is now, the key, the detectors."""
    found = source.stat()
    told = f"{source.name}:{found.st_size}:{found.st_mtime_ns}:{len(DETECTORS)}".encode()
    return hmac.new(key or b"none", told, hashlib.sha256).hexdigest()


def places(tally: Tally) -> list[tuple[str, str, str, int]]:
    """A tally as plain lists, for files."""
    return [(*place, count) for place, count in tally.counts.items()]


def tallied(found: Iterable[tuple[str, str, str, int]]) -> Tally:
    """A tally out of plain lists."""
    tally = Tally()
    tally.counts.update({(path, kind, label): count for path, kind, label, count in found})
    return tally


class _Part:
    """The file that is being written, and beside it how far it is."""

    def __init__(self, source: Path, target: Path, key: bytes | None) -> None:
        self._target = target
        self._path = target.with_name(target.name + ".part")
        self._state = target.with_name(target.name + ".part.json")
        self._mark = mark_of(source, key)

    def resume(self) -> _Point:
        try:
            state = json.loads(self._state.read_text())
            size = self._path.stat().st_size
        except (OSError, ValueError):
            return _Point()
        if state["mark"] != self._mark or size < state["written"]:
            return _Point()
        return _Point(state["read"], state["written"], tallied(state["found"]))

    def open(self, point: _Point) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("r+b" if point.written else "wb")
        file.truncate(point.written)
        file.seek(point.written)
        return file

    def save(self, point: _Point) -> None:
        found = places(point.tally)
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps({"mark": self._mark, "read": point.read, "written": point.written, "found": found}))
        os.replace(fresh, self._state)  # noqa: PTH105 - atomic by name

    def finish(self) -> None:
        os.replace(self._path, self._target)  # noqa: PTH105 - atomic by name
        self._state.unlink(missing_ok=True)
