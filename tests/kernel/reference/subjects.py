"""SipHash-2-4 and what is hashed with it, plainly."""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1


def siphash(key: bytes, message: bytes) -> int:
    """As Aumasson and Bernstein give it."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & _MASK
        v[1] = _turned(v[1], 13) ^ v[0]
        v[0] = _turned(v[0], 32)
        v[2] = (v[2] + v[3]) & _MASK
        v[3] = _turned(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & _MASK
        v[3] = _turned(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & _MASK
        v[1] = _turned(v[1], 17) ^ v[2]
        v[2] = _turned(v[2], 32)


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK


def folded(value: bytes) -> bytes:
    """A value as it is hashed."""
    value = value.strip(b" \t\n\r\x0c")
    try:
        lower = value.decode().lower().encode()
    except UnicodeDecodeError:
        lower = value.lower()
    return lower if b"@" in value else lower.translate(None, b" -./()")
