"""The keys that identifying values are hashed with: one file, a secret of 64 hexadecimal digits a line, the last in use.

Keys are added and never replaced, since what was hashed under one is found by that one alone. Whoever takes a line out makes
the hashes under it random numbers for good: that is how they are erased.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sluice.edges.evidence.files import put
from sluice.edges.sinks.failed import LogFailed
from sluice.mask.subjects import SubjectKey, subject_key

_SECRET = 32


def load_keys(path: Path) -> tuple[SubjectKey, ...]:
    """The keys, the one in use last; LogFailed when they cannot be read, are none, or others may read them too."""
    try:
        with path.open("rb") as file:
            mode, text = os.fstat(file.fileno()).st_mode, file.read(1 << 20).decode("ascii")
        found = [bytes.fromhex(line) for line in text.split("\n") if line.strip()]
    except OSError as error:
        raise LogFailed(f"the keys of hashed values in `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LogFailed(f"`{path}` is not a file of keys: expected 64 hexadecimal digits a line") from error
    if mode & 0o077:
        raise LogFailed(f"the keys of hashed values in `{path}` can be read by others; run `chmod 600 {path}`")
    if not found or any(len(secret) != _SECRET for secret in found):
        raise LogFailed(f"`{path}` is not a file of keys: expected 64 hexadecimal digits a line")
    return tuple(subject_key(secret) for secret in found)


def load_or_create_keys(path: Path) -> tuple[SubjectKey, ...]:
    """The keys in the file, which is made with one when there is none; LogFailed as `load_keys`, and when it cannot be written."""
    if not path.exists():
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            put(beside, _fresh(), synced=True)
            # A link is made whole or not at all, and never over what is there: of several who do this at once, one does.
            os.link(beside, path)
        except FileExistsError:
            pass
        except OSError as error:
            raise LogFailed(f"the keys of hashed values `{path}` cannot be written: {error.strerror}") from error
        finally:
            beside.unlink(missing_ok=True)
    return load_keys(path)


def add_key(path: Path) -> SubjectKey:
    """Adds a key, which is in use from the next reload on; those before it stay. LogFailed as `load_or_create_keys`."""
    load_or_create_keys(path)
    try:
        put(path, path.read_bytes().rstrip(b"\n") + b"\n" + _fresh(), synced=True)
    except OSError as error:
        raise LogFailed(f"the keys of hashed values `{path}` cannot be written: {error.strerror}") from error
    return load_keys(path)[-1]


def _fresh() -> bytes:
    return secrets.token_hex(_SECRET).encode() + b"\n"
