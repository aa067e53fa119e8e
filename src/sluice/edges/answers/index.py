"""Keeps the columns in step with a log: reads what was appended since, and writes it as Parquet.

`columns/state.json` in the log's folder says up to where that is done and which files hold it. It is replaced whole, last, so
a run that was cut short is done again by the next one, and nothing is counted twice.

Where the log is encrypted when it is sealed, so are its columns (`vault.py`); in clear they are in memory alone, then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from sluice.edges.answers.engine import connect, errors
from sluice.edges.answers.shape import COMPACTED, DATASETS, PREPARE
from sluice.edges.answers.vault import Vault, key_file_of, memory, new_vault, place, vault_of
from sluice.edges.evidence.columns import columns_alone, drop_columns
from sluice.edges.evidence.files import put
from sluice.edges.evidence.sealing import create_key_file
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

SLICE = 64 << 20
MANY = 32
"""More small files of a data set than these become one."""
SMALL = 16 << 20
VERSION = 5
"""Of what is kept; columns of another version are made again."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_WRITE = "(format parquet, compression zstd, parquet_version v2, row_group_size 245760, use_tmp_file false)"


class State(msgspec.Struct):
    """Up to which byte of which segment the columns hold the log, and the files of each data set. `key`: of encrypted ones."""

    version: int = VERSION
    segment: int = 0
    offset: int = 0
    written: int = 0
    key: str = ""
    files: dict[str, list[str]] = {}


def catch_up(folder: Path, key_file: Path | None = None) -> int:
    """Brings the columns of the log in `folder` up to its last whole line; bytes of the log that were read.

    `key_file`: by which they are encrypted; without it, by the one that sealed segments of the log were. LogFailed when the log
    cannot be read or the columns cannot be written. Waits for another process that does the same.
    """
    columns = folder / "columns"
    try:
        columns.mkdir(mode=0o700, exist_ok=True)
        with columns_alone(columns):
            state, vault = _begin(folder, columns, key_file)
            run = _Run(folder, columns, state, vault)
            try:
                return run.all()
            finally:
                run.close()
    except OSError as error:
        raise LogFailed(f"the columns in `{columns}` cannot be written: {error.strerror}") from error
    except errors() as error:
        raise LogFailed(f"the columns in `{columns}` cannot be written: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True, slots=True)
class Files:
    """The files of each data set, as paths that are good until it is closed. `encrypted`: on disk."""

    paths: dict[str, list[str]]
    held: list[int]
    encrypted: bool

    def close(self) -> None:
        """Lets go of what is in memory."""
        for fd in self.held:
            os.close(fd)


def files(folder: Path) -> Files:
    """The files of a log's columns; LogFailed when they cannot be read."""
    columns = folder / "columns"
    state = read_state(columns)
    listed = {name: state.files.get(name, []) for name in DATASETS}
    if not state.key:
        return Files({name: [str(columns / one) for one in names] for name, names in listed.items()}, [], False)
    found = Files({name: [] for name in listed}, [], True)
    vault = vault_of(folder, state.key)
    if vault is None:
        raise LogFailed(f"the key of the columns in `{columns}` was dropped; ask again, they are made again")
    try:
        for name, names in listed.items():
            for one in names:
                found.held.append(vault.open(columns / one))
                found.paths[name].append(place(found.held[-1]))
    except OSError as error:
        found.close()
        raise LogFailed(f"the columns in `{columns}` cannot be read: {error.strerror}") from error
    except LogFailed:
        found.close()
        raise
    return found


def _begin(folder: Path, columns: Path, key_file: Path | None) -> tuple[State, Vault | None]:
    """What is there already, and what keeps it; columns in clear of an encrypted log go."""
    state, key_file = read_state(columns), key_file or key_file_of(folder)
    vault = vault_of(folder, state.key) if state.key else None
    if vault is None and (state.key or key_file is not None):
        drop_columns(folder)
        state = State()
        if key_file is not None:
            if not key_file.exists() and key_file_of(folder) is None:
                # As the first segment that is sealed would do.
                create_key_file(key_file)
            vault = new_vault(folder, key_file)
            state.key = vault.name
    return state, vault


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
    def __init__(self, folder: Path, columns: Path, state: State, vault: Vault | None) -> None:
        self.folder, self.columns = folder, columns
        self.state, self._vault = state, vault
        self._held: dict[str, int] = {}
        """Of an encrypted log, what is in memory: the slice under the name "", and files of the columns."""
        self._slice_path = columns / f"slice-{os.getpid()}.jsonl"
        if vault is not None:
            self._held[""] = memory()
            self._slice_path = Path(place(self._held[""]))
        self.database = connect()
        # What does not fit into memory would lie on the disk in clear.
        spill = "" if vault is not None else _quoted(columns)
        self.database.execute(f"set temp_directory = '{spill}'; set preserve_insertion_order = false")

    def close(self) -> None:
        """Lets go of the database and of what is in memory."""
        self.database.close()
        for fd in self._held.values():
            os.close(fd)
        self._held.clear()

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
        self._compact()
        return read

    def _slices(self, number: int, end: int) -> Iterator[int]:
        """Writes one slice of a segment after the other to a file of its own; where each ends in the segment."""
        segment = open_segment(self.folder, number)
        try:
            size, out = 0, None
            for run in segment.runs(end):
                out = out or self._fresh()
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
            if self._vault is None:
                self._slice_path.unlink(missing_ok=True)

    def _fresh(self) -> BinaryIO:
        if self._vault is None:
            return os.fdopen(os.open(self._slice_path, _NEW, 0o600), "wb")
        os.ftruncate(self._held[""], 0)
        os.lseek(self._held[""], 0, os.SEEK_SET)
        return os.fdopen(os.dup(self._held[""]), "wb")

    def _slice(self, number: int, end: int) -> None:
        for name in ("shapes", "sessions", "callers"):
            key = name.removesuffix("s")
            known = self._from(self.state.files.get(name, []), key)
            self.database.execute(f"create or replace temp table known_{name} as {known}")
        for query in PREPARE:
            self.database.execute(query.replace("$slice", f"'{_quoted(self._slice_path)}'"))
        for name, query in DATASETS.items():
            self._write(name, query)
        self.state.segment, self.state.offset = number, end
        self._save()

    def _write(self, name: str, query: str) -> None:
        self.state.written += 1
        file = f"{name}-{self.state.written:08d}.{'parquet' if self._vault is None else 'sealed'}"
        target = self.columns / file
        if self._vault is not None:
            self._held[file] = memory()
            target = Path(place(self._held[file]))
        found = self.database.execute(f"copy ({query}) to '{_quoted(target)}' {_WRITE}").fetchone()
        if found and found[0]:
            if self._vault is not None:
                self._vault.put(self.columns / file, self._held[file])
            self.state.files.setdefault(name, []).append(file)
        elif self._vault is not None:
            os.close(self._held.pop(file))
        else:
            target.unlink(missing_ok=True)

    def _from(self, names: list[str], what: str) -> str:
        if not names:
            return f"select 0::UBIGINT as {what} where false"
        for one in names:
            if self._vault is not None and one not in self._held:
                self._held[one] = self._vault.open(self.columns / one)
        paths = [Path(place(self._held[one])) if one in self._held else self.columns / one for one in names]
        listed = ", ".join(f"'{_quoted(path)}'" for path in paths)
        return f"select {what} from read_parquet([{listed}])"

    def _compact(self) -> None:
        done = False
        for name, listed in self.state.files.items():
            # What is added up stays small; of all else, what has grown large is left alone.
            small = [one for one in listed if name == "seen" or (self.columns / one).stat().st_size < SMALL]
            if len(small) > MANY:
                query = COMPACTED.get(name, "select * from $files").replace("$files", f"({self._from(small, '*')})")
                self.state.files[name] = [one for one in listed if one not in small]
                self._write(name, query)
                done = True
        if done:
            self._save()
            self._clean()

    def _save(self) -> None:
        put(self.columns / "state.json", msgspec.json.encode(self.state), synced=True)

    def _clean(self) -> None:
        listed = {one for names in self.state.files.values() for one in names}
        for path in self.columns.iterdir():
            if path.suffix in (".parquet", ".sealed", ".jsonl") and path.name not in listed:
                path.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
