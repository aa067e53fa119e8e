"""Files and folders of them, each to its place in a copy of the tree."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.classify.scrubbing import Tally
from sluice.edges.files.parquet import parquet
from sluice.edges.files.shape import FileProblem, shape_of
from sluice.edges.files.streaming import Progress, mark_of, places, stream, tallied


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file. `problem`: why it was left out; nothing was written for it then."""

    path: Path
    form: str
    size: int
    tally: Tally
    problem: str = ""


def files_in(source: Path) -> list[Path]:
    """The file itself, or all files under a folder, in order. Links out of it are not followed."""
    if not source.is_dir():
        return [source]
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(source)
        for name in names
        if not name.endswith((".part", ".part.json")) and Path(folder, name).is_file()
    )


def process(source: Path, target: Path | None, key: bytes | None, progress: Progress) -> Iterator[Result]:
    """Scans every file of `source`; with a `target`, writes the scrubbed copy there. `progress` hears of bytes done.

    A folder whose scrubbing was broken off goes on where it stopped, if begun again with the same key.
    """
    workers = max(1, len(os.sched_getaffinity(0)))
    ledger = _Ledger(target, key) if target is not None and source.is_dir() else None
    with ThreadPoolExecutor(workers) as pool:
        for path in files_in(source):
            place = None
            if target is not None:
                place = target / path.relative_to(source) if source.is_dir() else target
            known = ledger.known(path, place) if ledger and place else None
            if known is None:
                known = _one(path, place, key, pool, workers, progress)
                if ledger and not known.problem:
                    ledger.add(known)
            else:
                progress(known.size)
            yield known
    if ledger is not None:
        ledger.close()


class _Ledger:
    """Which files of a tree are done; only there while the tree is not."""

    def __init__(self, target: Path, key: bytes | None) -> None:
        self._key = key
        self._path = target / ".sluice-scrub.jsonl"
        self._done: dict[str, dict[str, Any]] = {}
        target.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                self._done[entry["mark"]] = entry

    def known(self, path: Path, place: Path) -> Result | None:
        entry = self._done.get(mark_of(path, self._key)) if self._done and place.exists() else None
        if entry is None or entry["path"] != str(path):
            return None
        return Result(path, entry["form"], entry["size"], tallied(entry["found"]))

    def add(self, result: Result) -> None:
        entry = {
            "mark": mark_of(result.path, self._key),
            "path": str(result.path),
            "form": result.form,
            "size": result.size,
            "found": places(result.tally),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


def _one(
    path: Path, place: Path | None, key: bytes | None, pool: ThreadPoolExecutor, workers: int, progress: Progress
) -> Result:
    form, size = "", 0
    try:
        size = path.stat().st_size
        shape = shape_of(path)
        form = shape.form
        if form == "parquet":
            return Result(path, form, size, parquet(path, place, key, progress))
        return Result(path, form, size, stream(path, place, shape, key, pool, workers, progress))
    except OSError as error:
        return Result(path, form, size, Tally(), f"cannot be read: {error.strerror}")
    except FileProblem as problem:
        return Result(path, form, size, Tally(), str(problem))
