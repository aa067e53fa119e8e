"""The columns of a log whose sealed segments are encrypted: they are encrypted too, and in clear in memory alone.

Each file is AES-256-GCM, in parts, under a key drawn for the columns. That key stands in the log's folder `keys`, wrapped by the one in
the key file like those of segments; where it is gone, the columns and every copy of them are noise.
"""

from __future__ import annotations

import os
import secrets
import struct
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluice.edges.evidence.columns import columns_key_path
from sluice.edges.evidence.files import put, sync_folder
from sluice.edges.sinks.failed import LogFailed, SegmentLocked
from sluice.edges.sinks.sealed import KEY_BYTES, Wrapped, fingerprint, read_key, unwrapped, wrap

PART = 16 << 20
_NONCE = 12
_TAG = 16
_HEAD = struct.Struct("<Q")
_COLUMNS = 0
"""Stands for the columns where a segment's number goes: segments begin with 1."""


class Vault:
    """Keeps and opens the columns' files. `name`: of its key."""

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self._cipher = AESGCM(key)

    def put(self, path: Path, fd: int) -> None:
        """Writes what is in a file in memory, encrypted; OSError when it cannot be."""
        size = os.fstat(fd).st_size
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(out, "wb") as file:
            file.write(_HEAD.pack(size))
            for part, at in enumerate(range(0, size, PART)):
                nonce = secrets.token_bytes(_NONCE)
                file.write(nonce + self._cipher.encrypt(nonce, os.pread(fd, PART, at), _bound(path, size, part)))
            file.flush()
            os.fsync(file.fileno())

    def open(self, path: Path) -> int:
        """A file in memory with what is in a file of the columns; OSError, or LogFailed when that is damaged."""
        fd = memory()
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD.size)
                size = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else -1
                if path.stat().st_size != _HEAD.size + size + (_NONCE + _TAG) * -(-size // PART):
                    raise LogFailed(f"`{path}` is damaged; remove the folder, it is made again")
                for part, at in enumerate(range(0, size, PART)):
                    nonce, stored = file.read(_NONCE), file.read(min(PART, size - at) + _TAG)
                    os.write(fd, self._cipher.decrypt(nonce, stored, _bound(path, size, part)))
        except InvalidTag as error:
            os.close(fd)
            raise LogFailed(f"`{path}` is damaged; remove the folder, it is made again") from error
        except (OSError, LogFailed):
            os.close(fd)
            raise
        return fd


def memory() -> int:
    """A file in memory alone. LogFailed where the system has none: nothing is put on a disk in clear then."""
    try:
        return os.memfd_create("sluice-columns", os.MFD_CLOEXEC)
    except (AttributeError, OSError) as error:
        raise LogFailed(
            "questions of an encrypted log need files in memory, which this system does not give"
        ) from error


def place(fd: int) -> str:
    """By which path this process reads and writes a file in memory."""
    return f"/proc/self/fd/{fd}"


def key_file_of(folder: Path) -> Path | None:
    """The key file that keys in the log's folder are wrapped by; None when there is no such key: nothing is encrypted."""
    keys = folder / "keys"
    found = sorted(keys.iterdir(), key=lambda path: path.stat().st_mtime) if keys.exists() else []
    for path in reversed(found):
        try:
            return Path(msgspec.json.decode(path.read_bytes(), type=Wrapped).by)
        except msgspec.MsgspecError:
            continue
    return None


def new_vault(folder: Path, key_file: Path) -> Vault:
    """A vault with a key of its own; LogFailed when the key file cannot be read, OSError when the key cannot be kept."""
    key, own, name = read_key(key_file), secrets.token_bytes(KEY_BYTES), secrets.token_hex(8)
    wrapped = Wrapped(str(key_file.resolve()), fingerprint(key), wrap(key, _COLUMNS, own, secrets.token_bytes(_NONCE)))
    path = columns_key_path(folder, name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    put(path, msgspec.json.encode(wrapped), synced=True)
    sync_folder(path.parent)
    return Vault(name, own)


def vault_of(folder: Path, name: str) -> Vault | None:
    """The vault whose key is of this name; None when that was dropped. SegmentLocked when it cannot be unwrapped."""
    path = columns_key_path(folder, name)
    try:
        wrapped = msgspec.json.decode(path.read_bytes(), type=Wrapped)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise SegmentLocked(f"the key of the columns, `{path}`, cannot be read") from error
    try:
        key = read_key(Path(wrapped.by))
    except LogFailed as error:
        raise SegmentLocked(f"the columns are encrypted: {error}") from error
    if fingerprint(key) != wrapped.of:
        raise SegmentLocked(f"the columns were encrypted with another key than the one in `{wrapped.by}`")
    return Vault(name, unwrapped(key, _COLUMNS, wrapped.wrapped))


def _bound(path: Path, size: int, part: int) -> bytes:
    """What a part is authenticated with, so that none stands in another's place and none is left out."""
    return b"sluice columns %b of %d part %d" % (path.name.encode(), size, part)
