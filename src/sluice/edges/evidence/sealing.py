"""Seals closed segments: compressed, and encrypted where a key is configured.

A segment is sealed beside the one that was written, read back and compared, and only then takes its place. So a process
may be killed, or a disk fill up, at any point: the next run begins with what is there.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluice.audit.tree import count
from sluice.edges.evidence.columns import drop_clear_columns
from sluice.edges.evidence.files import alone, drop_keys, put, read_closed, salts_path, sync_folder
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.sealed import (
    END,
    KEY_BYTES,
    MAGIC,
    SKIPPABLE,
    SKIPPED,
    Block,
    Index,
    Sealed,
    Wrapped,
    bound,
    fingerprint,
    key_path,
    nonce_of,
    read_key,
    sealed_path,
    wrap,
)
from sluice.edges.sinks.segments import Segment, open_segment, segment_path, time_of

LEVEL = 3
Run = tuple[bytes, bytes]
Change = Callable[[Iterator[Run]], Iterator[Run]]


@dataclass(frozen=True, slots=True)
class Made:
    """A segment that was sealed: its lines' bytes before and its file's now."""

    segment: int
    before: int
    after: int
    encrypted: bool


def seal_closed(folder: Path, key_file: Path | None = None) -> Iterator[Made]:
    """Seals the closed segments that are not sealed yet, oldest first. LogFailed when one cannot be.

    `key_file` encrypts them; it is made when there is none.
    """
    if key_file is not None and not key_file.exists():
        create_key_file(key_file)
    for closed in read_closed(folder):
        with alone(folder):
            if segment_path(folder, closed.segment).exists():
                yield _sealed(folder, closed.segment, key_file, lambda found: found)


def reseal(folder: Path, number: int, change: Change) -> None:
    """Seals a sealed segment anew with other lines, under a new key: older copies of an encrypted one are noise then.

    The caller holds `alone`. LogFailed when it cannot be.
    """
    with_key = wrapped_key(folder, number)
    _sealed(folder, number, Path(with_key.by) if with_key else None, change)


def create_key_file(path: Path) -> None:
    """Makes a sealing key that only its owner can read; LogFailed when it cannot be written. Never over one that is there."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put(beside, secrets.token_hex(KEY_BYTES).encode() + b"\n", synced=True)
        os.link(beside, path)
    except FileExistsError:
        # Another process was first, and its key is as good.
        return
    except OSError as error:
        raise LogFailed(f"the sealing key `{path}` cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _sealed(folder: Path, number: int, key_file: Path | None, change: Change) -> Made:
    beside = sealed_path(folder, number).with_suffix(".new")
    try:
        segment = open_segment(folder, number)
        try:
            cipher, name = _new_key(folder, number, key_file)
            before, digest = _write(beside, number, cipher, name, change(_runs(segment, number)))
        finally:
            segment.close()
        _compare(beside, sealed_path(folder, number), digest)
        after = sealed_path(folder, number).stat().st_size
        sync_folder(folder)
        segment_path(folder, number).unlink(missing_ok=True)
        salts_path(folder, number).unlink(missing_ok=True)
        drop_keys(folder, number, but=name)
        sync_folder(folder)
        if name:
            drop_clear_columns(folder)
    except OSError as error:
        raise LogFailed(f"segment {number} cannot be sealed: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return Made(number, before, after, bool(name))


def _runs(segment: Segment, number: int) -> Iterator[Run]:
    for piece in segment.pieces():
        lines, salts, whole = piece()
        if not whole:
            raise LogFailed(f"segment {number} cannot be sealed: not all of its lines have their salts")
        yield lines, salts


def _new_key(folder: Path, number: int, key_file: Path | None) -> tuple[AESGCM | None, str]:
    if key_file is None:
        return None, ""
    key, own, name = read_key(key_file), secrets.token_bytes(KEY_BYTES), secrets.token_hex(8)
    wrapped = Wrapped(str(key_file.resolve()), fingerprint(key), wrap(key, number, own, secrets.token_bytes(12)))
    path = key_path(folder, number, name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    put(path, msgspec.json.encode(wrapped), synced=True)
    sync_folder(path.parent)
    return AESGCM(own), name


def _write(path: Path, number: int, cipher: AESGCM | None, name: str, found: Iterator[Run]) -> tuple[int, bytes]:
    """Writes a sealed segment; the bytes of its lines, and a digest of these and the salts."""
    blocks: list[Block] = []
    digest, size, first, last = hashlib.sha256(), 0, b"", b""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        for lines, salts in found:
            digest.update(lines + salts)
            first, last = first or lines.partition(b"\n")[0], lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
            part = 2 * len(blocks)
            places = [_part(file, number, part + n, data, cipher) for n, data in enumerate((lines, salts))]
            blocks.append(Block(len(lines), count(lines), *places[0], *places[1]))
            size += len(lines)
        index = msgspec.json.encode(Index(number, time_of(first), time_of(last), name, tuple(blocks)))
        file.write(SKIPPED.pack(SKIPPABLE, len(index) + END.size) + index + END.pack(len(index), MAGIC))
        file.flush()
        os.fsync(file.fileno())
    return size, digest.digest()


def _part(file: BinaryIO, number: int, part: int, data: bytes, cipher: AESGCM | None) -> tuple[int, int]:
    """Writes a part; where it is and how long. Only lines that are not encrypted are a frame that zstd gives out."""
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(data)
    if cipher is not None:
        packed = cipher.encrypt(nonce_of(part), packed, bound(number, part))
    if cipher is not None or part % 2:
        file.write(SKIPPED.pack(SKIPPABLE, len(packed)))
    at = file.tell()
    file.write(packed)
    return at, len(packed)


def _compare(beside: Path, target: Path, digest: bytes) -> None:
    """Puts a sealed segment in its place, if it reads back as what went in."""
    again, read = hashlib.sha256(), Sealed(beside)
    try:
        for piece in read.pieces():
            lines, salts, _ = piece()
            again.update(lines + salts)
    finally:
        read.close()
    if again.digest() != digest:
        raise LogFailed(f"`{beside}` does not read back as what was sealed; the segment stays as it is")
    beside.replace(target)


def wrapped_key(folder: Path, number: int) -> Wrapped | None:
    """The wrapped key of a segment; None when it is not encrypted. OSError or LogFailed when that cannot be read."""
    path = sealed_path(folder, number)
    if not path.exists():
        return None
    sealed = Sealed(path)
    sealed.close()
    if not sealed.index.key:
        return None
    return msgspec.json.decode(key_path(folder, number, sealed.index.key).read_bytes(), type=Wrapped)
