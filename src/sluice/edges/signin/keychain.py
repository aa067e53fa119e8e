"""The operating system's keychain, where there is one and `sluice[keychain]` is installed: macOS, Windows, Secret Service, KWallet.

Whatever goes wrong with it, the sign-in is kept in the file instead; headless machines have none.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, Final

SERVICE: Final = "sluice"
_STRONG: Final = 1.0
"""What asks no keychain (a file in clear, nothing at all) says less of itself."""


def put(name: str, secret: str) -> bool:
    """Keeps a secret under a name; False: no keychain took it."""
    found = _keychain()
    if found is None:
        return False
    backend, troubles = found
    try:
        backend.set_password(SERVICE, name, secret)
        # Some take more than they keep.
        return bool(backend.get_password(SERVICE, name) == secret)
    except troubles:
        return False


def get(name: str) -> str | None:
    """The secret of that name; None when no keychain has it, or lets it go."""
    found = _keychain()
    if found is None:
        return None
    backend, troubles = found
    try:
        secret = backend.get_password(SERVICE, name)
    except troubles:
        return None
    return None if secret is None else str(secret)


def drop(name: str) -> None:
    """Removes the secret of that name, if it can."""
    found = _keychain()
    if found is None:
        return
    backend, troubles = found
    try:
        backend.delete_password(SERVICE, name)
    except troubles:
        return


def _keychain() -> tuple[Any, tuple[type[Exception], ...]] | None:
    """The system's keychain, and what it may raise; None: there is none."""
    try:
        keyring: ModuleType = import_module("keyring")
    except ImportError:
        return None
    backend = keyring.get_keyring()
    return (backend, (keyring.errors.KeyringError, OSError, RuntimeError)) if backend.priority >= _STRONG else None
