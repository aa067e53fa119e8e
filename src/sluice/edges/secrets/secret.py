"""What every reference to a secret can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

MAX_BYTES = 65_536


class SecretError(Exception):
    """A secret that cannot be read. The text says where it should be, never what it is."""


@runtime_checkable
class Secret(Protocol):
    """Where a secret is. Printing one shows the place."""

    def read(self) -> bytes:
        """The secret, read anew each time so that it can be rotated; may block for seconds. Raises SecretError."""
        ...

    def where(self) -> str:
        """The place in words, for messages."""
        ...


def trimmed(secret: bytes, where: str) -> bytes:
    """Without the line end that editors and `echo` leave; SecretError when nothing is left or it is too large."""
    if len(secret) > MAX_BYTES:
        raise SecretError(f"{where} holds more than {MAX_BYTES} bytes; expected a secret")
    kept = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not kept:
        raise SecretError(f"{where} is empty; expected a secret")
    return kept
