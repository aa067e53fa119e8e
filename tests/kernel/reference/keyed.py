"""What hangs on the masking key."""

from __future__ import annotations

import hmac
from collections.abc import Iterator


def digest(key: bytes, value: bytes) -> bytes:
    """The HMAC-SHA256 of a value."""
    return hmac.digest(key, value, "sha256")


def stream(key: bytes, value: bytes) -> Iterator[int]:
    """Bytes without end: the value's HMAC under a key of its own, then HMACs of that with a counter behind it."""
    own = digest(key, b"sluice: what is made up")
    seed = digest(own, value)
    yield from seed
    count = 0
    while True:
        yield from digest(own, seed + count.to_bytes(8, "big"))
        count += 1


def below(bytes_of: Iterator[int], most: int) -> int:
    """The next eight bytes as a number below `most`."""
    return int.from_bytes(bytes(next(bytes_of) for _ in range(8)), "big") % most
