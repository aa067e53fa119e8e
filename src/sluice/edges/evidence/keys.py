"""The key that signs checkpoints: Ed25519 in a PEM file (PKCS 8) that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sluice.edges.sinks.jsonl import LogFailed


def create_key(path: Path) -> Ed25519PrivateKey:
    """Makes a key; LogFailed when the file exists or cannot be written. Of several who create it at once, one does."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, pem)
            os.fsync(fd)
        finally:
            os.close(fd)
        # A link is made whole or not at all, and never over what is there.
        os.link(beside, path)
    except FileExistsError:
        raise LogFailed(f"the signing key `{path}` exists; it is not replaced") from None
    except OSError as error:
        raise LogFailed(f"the signing key `{path}` cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Reads a key; LogFailed when it cannot be read, is no Ed25519 key, or others may read it too."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read(1 << 16)
        key = load_pem_private_key(pem, None)
    except OSError as error:
        advice = "; `sluice audit keygen` makes one" if isinstance(error, FileNotFoundError) else ""
        raise LogFailed(f"the signing key `{path}` cannot be read: {error.strerror}{advice}") from error
    except (ValueError, TypeError) as error:
        raise LogFailed(f"the signing key `{path}` is no PEM private key without a password") from error
    if mode & 0o077:
        raise LogFailed(f"the signing key `{path}` can be read by others; run `chmod 600 {path}`")
    if not isinstance(key, Ed25519PrivateKey):
        raise LogFailed(f"the signing key `{path}` is not for Ed25519")
    return key


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The key in the file, which is made when there is none; LogFailed as `load_key`."""
    if not path.exists():
        try:
            return create_key(path)
        except LogFailed:
            # Another process was first; whatever else it was, reading says so.
            return load_key(path)
    return load_key(path)
