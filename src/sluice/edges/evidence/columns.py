"""The columns for questions, as far as those who take parts of a log away have to know them: they may hold copies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice.edges.evidence.files import put_at, sync_folder


class _Kept(msgspec.Struct):
    key: str = ""


def columns_key_path(folder: Path, name: str) -> Path:
    """Where the wrapped key of a log's encrypted columns is."""
    return folder / "keys" / f"columns-{name}"


def drop_columns(folder: Path) -> None:
    """Removes the columns, and the keys of encrypted ones, so that copies are noise; OSError when that fails.

    The caller holds `columns_alone`.
    """
    keys = folder / "keys"
    for path in keys.glob("columns-*") if keys.exists() else ():
        # Written over first: where the medium writes in place, that is the end of it.
        put_at(path, bytes(path.stat().st_size), 0, synced=True)
        path.unlink()
    if keys.exists():
        sync_folder(keys)
    columns = folder / "columns"
    for path in columns.iterdir() if columns.exists() else ():
        if path.name != "lock":
            path.unlink(missing_ok=True)


def drop_clear_columns(folder: Path) -> None:
    """Removes columns that are not encrypted, now that lines they were made of are; OSError when that fails."""
    columns = folder / "columns"
    if not columns.exists():
        return
    with columns_alone(columns):
        try:
            if msgspec.json.decode((columns / "state.json").read_bytes(), type=_Kept).key:
                return
        except (FileNotFoundError, msgspec.MsgspecError):
            # Whatever lies there goes.
            pass
        drop_columns(folder)


@contextmanager
def columns_alone(columns: Path) -> Iterator[None]:
    """Keeps other processes from making columns meanwhile; OSError when that cannot be had."""
    fd = os.open(columns / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
