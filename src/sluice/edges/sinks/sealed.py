"""A sealed segment: its lines compressed, and encrypted where a key is configured.

The file is a row of zstd frames, so `zstd -dc` gives the lines of one that is not encrypted. Behind the frame of each block
of lines stand their salts, and at the end what is where, in frames that zstd skips. Encrypted, all of it is skipped: each part
is AES-256-GCM under a key of the segment's own. That key is kept in `keys/`, wrapped by the one in the configured key file;
without it, the segment is noise, here and in every copy.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluice.edges.sinks.failed import LogFailed, SegmentLocked

SKIPPED = struct.Struct("<II")
SKIPPABLE = 0x184D2A5E
END = struct.Struct("<I8s")
MAGIC = b"sluice-1"
KEY_BYTES = 32
_NONCE = 12


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A run of lines: its bytes as written, its lines, and where it and its salts are in the file."""

    size: int
    lines: int
    at: int
    length: int
    salts_at: int
    salts_length: int


class Index(msgspec.Struct, frozen=True):
    """What a sealed segment holds. `key`: the name of its wrapped key; empty when it is not encrypted."""

    segment: int
    begin: str
    end: str
    key: str
    blocks: tuple[Block, ...]


class Wrapped(msgspec.Struct, frozen=True):
    """A segment's key, wrapped (base64) by the key in the file `by`, whose fingerprint is `of`."""

    by: str
    of: str
    wrapped: str


def sealed_path(path: Path, number: int) -> Path:
    """Where a sealed segment of a log is."""
    return path / f"audit-{number:06d}.jsonl.zst"


def key_path(path: Path, number: int, name: str) -> Path:
    """Where a segment's wrapped key is."""
    return path / "keys" / f"audit-{number:06d}-{name}"


def read_key(path: Path) -> bytes:
    """The key in a key file: 64 hexadecimal digits, for its owner's eyes only. LogFailed when it cannot be had."""
    try:
        with path.open("rb") as file:
            mode, key = os.fstat(file.fileno()).st_mode, bytes.fromhex(file.read(100).decode("ascii").strip())
    except OSError as error:
        raise LogFailed(f"the sealing key `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LogFailed(f"the sealing key `{path}` is not 64 hexadecimal digits") from error
    if mode & 0o077:
        raise LogFailed(f"the sealing key `{path}` can be read by others; run `chmod 600 {path}`")
    if len(key) != KEY_BYTES:
        raise LogFailed(f"the sealing key `{path}` is not 64 hexadecimal digits")
    return key


def fingerprint(key: bytes) -> str:
    """By what a wrapped key says which key it needs."""
    return hashlib.sha256(b"sluice sealing key\n" + key).hexdigest()[:16]


def bound(segment: int, part: int) -> bytes:
    """What a part of a segment is authenticated with, so that none stands in another's place."""
    return b"sluice sealed segment %d part %d" % (segment, part)


def nonce_of(part: int) -> bytes:
    """Each part of a segment is encrypted once under its key, so its number will do."""
    return part.to_bytes(_NONCE, "big")


class Sealed:
    """A sealed segment, open for reading. FileNotFoundError when it is not there, LogFailed when it is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb", buffering=0)
        try:
            self.index = self._read_index()
        except (OSError, LogFailed):
            self._file.close()
            raise
        self._cipher: AESGCM | None = None

    @property
    def size(self) -> int:
        """The bytes of its lines, as they were written."""
        return sum(block.size for block in self.index.blocks)

    def pieces(self, size: int | None = None) -> Iterator[Callable[[], tuple[bytes, bytes, bool]]]:
        """Its blocks; a size other than its own is none that a sealed segment is read up to."""
        if size is not None and size != self.size:
            raise LogFailed(f"`{self._path}` has {self.size} bytes of lines, not {size}")
        self._unlocked()
        for number, block in enumerate(self.index.blocks):
            yield lambda n=number, b=block: (self._lines(n, b), self._salts(n, b), True)  # type: ignore[misc]

    def runs(self, start: int = 0) -> Iterator[bytes]:
        """Its lines from this byte on, block by block."""
        self._unlocked()
        at = 0
        for number, block in enumerate(self.index.blocks):
            if at + block.size > start:
                yield self._lines(number, block)[max(0, start - at) :]
            at += block.size

    def span(self) -> tuple[str, str]:
        """The times of its first and last event; these can be read without a key."""
        return self.index.begin, self.index.end

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _unlocked(self) -> None:
        """Gets the key, so that what fails for want of it fails at once. SegmentLocked when it cannot be had."""
        if not self.index.key or self._cipher is not None:
            return
        number, path = self.index.segment, key_path(self._path.parent, self.index.segment, self.index.key)
        try:
            wrapped = msgspec.json.decode(path.read_bytes(), type=Wrapped)
        except FileNotFoundError:
            raise SegmentLocked(
                f"segment {number} is sealed and its key is not here: it was erased, or this is a copy"
            ) from None
        except (OSError, msgspec.MsgspecError) as error:
            raise SegmentLocked(f"the key of segment {number}, `{path}`, cannot be read") from error
        try:
            key = read_key(Path(wrapped.by))
        except LogFailed as error:
            raise SegmentLocked(f"segment {number} is sealed: {error}") from error
        if fingerprint(key) != wrapped.of:
            raise SegmentLocked(f"segment {number} was sealed with another key than the one in `{wrapped.by}`")
        self._cipher = AESGCM(unwrapped(key, number, wrapped.wrapped))

    def _lines(self, number: int, block: Block) -> bytes:
        return self._part(2 * number, block.at, block.length, block.size)

    def _salts(self, number: int, block: Block) -> bytes:
        return self._part(2 * number + 1, block.salts_at, block.salts_length, 16 * block.lines)

    def _part(self, part: int, at: int, length: int, size: int) -> bytes:
        stored = os.pread(self._file.fileno(), length, at)
        try:
            if self._cipher is not None:
                stored = self._cipher.decrypt(nonce_of(part), stored, bound(self.index.segment, part))
            # What a frame says of its size is believed only if it is what is expected: it is memory.
            if zstandard.frame_content_size(stored) == size:
                return zstandard.ZstdDecompressor().decompress(stored)
        except (InvalidTag, zstandard.ZstdError) as error:
            raise LogFailed(f"`{self._path}` is damaged") from error
        raise LogFailed(f"`{self._path}` is damaged")

    def _read_index(self) -> Index:
        fd = self._file.fileno()
        whole = os.fstat(fd).st_size
        end = os.pread(fd, END.size, max(0, whole - END.size))
        length, magic = END.unpack(end) if len(end) == END.size else (0, b"")
        if magic != MAGIC or length + END.size > whole:
            raise LogFailed(f"`{self._path}` is damaged: it does not end as a sealed segment does")
        try:
            return msgspec.json.decode(os.pread(fd, length, whole - END.size - length), type=Index)
        except msgspec.MsgspecError as error:
            raise LogFailed(f"`{self._path}` is damaged: what is where in it cannot be read") from error


def unwrapped(key: bytes, segment: int, wrapped: str) -> bytes:
    """A segment's key; LogFailed when it was not wrapped by this one."""
    stored = base64.b64decode(wrapped)
    try:
        return AESGCM(key).decrypt(stored[:_NONCE], stored[_NONCE:], bound(segment, -1))
    except (InvalidTag, ValueError) as error:
        raise LogFailed(f"the key of segment {segment} is damaged") from error


def wrap(key: bytes, segment: int, own: bytes, nonce: bytes) -> str:
    """A segment's key, wrapped."""
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, own, bound(segment, -1))).decode()
