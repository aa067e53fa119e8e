"""Keeps the columns in step with a log: reads what was appended since, and writes it as Parquet.

`columns/state.json` in the log's folder says up to where that is done and which files hold it. It is replaced whole, last, so
a run that was cut short is done again by the next one, and nothing is counted twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice.edges.answers.engine import connect, errors
from sluice.edges.answers.shape import DATASETS, PREPARE
from sluice.edges.evidence.files import put
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

SLICE = 64 << 20
MANY = 32
VERSION = 2
"""Of what is kept; columns of another version are made again."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_WRITE = "(format parquet, compression zstd, parquet_version v2, row_group_size 245760)"


class State(msgspec.Struct):
    """Up to which byte of which segment the columns hold the log, and the files of each data set."""

    version: int = VERSION
    segment: int = 0
    offset: int = 0
    written: int = 0
    files: dict[str, list[str]] = {}


def catch_up(folder: Path, temporary: Path | None = None) -> int:
    """Brings the columns of the log in `folder` up to its last whole line; bytes of the log that were read.

    LogFailed when the log cannot be read or the columns cannot be written. Waits for another process that does the same.
    """
    columns = folder / "columns"
    try:
        columns.mkdir(mode=0o700, exist_ok=True)
        with _alone(columns):
            return _Run(folder, columns, temporary or columns).all()
    except OSError as error:
        raise LogFailed(f"the columns in `{columns}` cannot be written: {error.strerror}") from error
    except errors() as error:
        raise LogFailed(f"the columns in `{columns}` cannot be written: {str(error).splitlines()[0]}") from error


def files(folder: Path) -> dict[str, list[str]]:
    """The files of each data set of a log, as paths; LogFailed when there are none yet or they cannot be read."""
    state = read_state(folder / "columns")
    return {name: [str(folder / "columns" / one) for one in state.files.get(name, [])] for name in DATASETS}


def read_state(columns: Path) -> State:
    """What the columns hold; LogFailed when that cannot be read."""
    try:
        found = msgspec.json.decode((columns / "state.json").read_bytes(), type=State)
        return found if found.version == VERSION else State()
    except FileNotFoundError:
        return State()
    except (OSError, msgspec.MsgspecError) as error:
        raise LogFailed(f"`{columns / 'state.json'}` cannot be read; remove `{columns}`, it is made again") from error


class _Run:
    def __init__(self, folder: Path, columns: Path, temporary: Path) -> None:
        self.folder, self.columns, self.temporary = folder, columns, temporary
        self._slice_path = temporary / f"slice-{os.getpid()}.jsonl"
        self.state = read_state(columns)
        self.database = connect()
        self.database.execute(f"set temp_directory = '{_quoted(temporary)}'; set preserve_insertion_order = false")

    def all(self) -> int:
        read = 0
        self._clean()
        for number in sorted(segments(self.folder)):
            if number < self.state.segment:
                continue
            start = self.state.offset if number == self.state.segment else 0
            for end in self._slices(number, start):
                self._slice(number, end)
                read += end - start
                start = end
        if any(len(names) > MANY for names in self.state.files.values()):
            self._compact()
        self.database.close()
        return read

    def _slices(self, number: int, end: int) -> Iterator[int]:
        """Writes one slice of a segment after the other to a file of its own; where each ends in the segment."""
        segment = open_segment(self.folder, number)
        try:
            size, out = 0, None
            for run in segment.runs(end):
                out = out or os.fdopen(os.open(self._slice_path, _NEW, 0o600), "wb")
                out.write(run)
                size += len(run)
                end += len(run)
                if size >= SLICE:
                    out.close()
                    size, out = 0, None
                    yield end
            if out is not None:
                out.close()
                yield end
        finally:
            segment.close()
            self._slice_path.unlink(missing_ok=True)

    def _slice(self, number: int, end: int) -> None:
        for name in ("shapes", "sessions"):
            key = name.removesuffix("s")
            known = _from_files(self.columns, self.state.files.get(name, []), key)
            self.database.execute(f"create or replace temp table known_{name} as {known}")
        for query in PREPARE:
            self.database.execute(query.replace("$slice", f"'{_quoted(self._slice_path)}'"))
        for name, query in DATASETS.items():
            self._write(name, query)
        self.state.segment, self.state.offset = number, end
        self._save()

    def _write(self, name: str, query: str) -> None:
        self.state.written += 1
        file = f"{name}-{self.state.written:08d}.parquet"
        found = self.database.execute(f"copy ({query}) to '{_quoted(self.columns / file)}' {_WRITE}").fetchone()
        if found and found[0]:
            self.state.files.setdefault(name, []).append(file)
        else:
            (self.columns / file).unlink(missing_ok=True)

    def _compact(self) -> None:
        for name, listed in self.state.files.items():
            if len(listed) > MANY:
                order = " order by time" if name in ("facts", "others") else ""
                query = _from_files(self.columns, listed, "*") + order
                self.state.files[name] = []
                self._write(name, query)
        self._save()
        self._clean()

    def _save(self) -> None:
        put(self.columns / "state.json", msgspec.json.encode(self.state), synced=True)

    def _clean(self) -> None:
        listed = {one for names in self.state.files.values() for one in names}
        for path in self.columns.iterdir():
            if path.suffix in (".parquet", ".jsonl") and path.name not in listed:
                path.unlink(missing_ok=True)


def _from_files(columns: Path, names: list[str], what: str) -> str:
    if not names:
        return f"select 0::UBIGINT as {what} where false"
    listed = ", ".join(f"'{_quoted(columns / one)}'" for one in names)
    return f"select {what} from read_parquet([{listed}])"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@contextmanager
def _alone(columns: Path) -> Iterator[None]:
    fd = os.open(columns / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
