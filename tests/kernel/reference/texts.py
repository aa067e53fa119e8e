"""Masks on text: by character in UTF-8, by byte in what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters, digits

from reference.keyed import digest, stream

_ADDRESS = re.compile(r"([^ ]+)@([A-Za-z0-9-]*\.[A-Za-z0-9.-]*)", re.DOTALL)
_SHAPED = (ascii_letters + digits).encode()


def characters(value: bytes) -> list[bytes]:
    """The value's characters."""
    try:
        return [c.encode() for c in value.decode()]
    except UnicodeDecodeError:
        return [bytes([byte]) for byte in value]


def partial(value: bytes, first: int, last: int) -> bytes:
    """Its ends, and stars; only stars where the ends are half of it or more."""
    all_of = characters(value)
    if len(all_of) <= 2 * (first + last):
        return b"*" * len(all_of)
    behind = len(all_of) - last
    return b"".join(all_of[:first]) + b"*" * (behind - first) + b"".join(all_of[behind:])


def email(value: bytes) -> bytes:
    """The first character and the domain, or eight stars."""
    found = _ADDRESS.fullmatch(value.decode("latin-1"))
    if found is None:
        return b"********"
    return characters(value)[0] + b"***@" + found[2].encode("latin-1")


def hashed(value: bytes, key: bytes) -> bytes:
    """Half of the HMAC in hex."""
    return digest(key, value)[:16].hex().encode()


def pseudonym(value: bytes, key: bytes) -> bytes | None:
    """The same shape, made up; None where there is no shape but the value itself."""
    return shaped(value, stream(key, value))


def shaped(value: bytes, made_of: Iterator[int]) -> bytes | None:
    """Digits for digits, letters for letters, one letter for each character beyond ASCII that begins here."""
    made = bytearray()
    changed = False
    for byte in value:
        if 0x80 <= byte < 0xC0:
            continue
        low, many = _alphabet(byte)
        made.append(low + next(made_of) % many if many else byte)
        changed = changed or many > 0
    if changed and bytes(made) == value:
        at = next(at for at, byte in enumerate(made) if byte in _SHAPED)
        low, many = _alphabet(made[at])
        made[at] = low + (made[at] - low + 1) % many
    return bytes(made) if changed or not value else None


def _alphabet(byte: int) -> tuple[int, int]:
    if byte in digits.encode():
        return ord("0"), 10
    if byte in ascii_letters[:26].encode() or byte >= 0xC0:
        return ord("a"), 26
    return (ord("A"), 26) if byte in ascii_letters[26:].encode() else (byte, 0)


def cut(value: bytes, most: int) -> bytes:
    """At most so many characters."""
    return b"".join(characters(value)[:most])


def cut_bytes(value: bytes, most: int) -> bytes:
    """At most so many bytes, in whole characters."""
    kept = b""
    for character in characters(value):
        if len(kept) + len(character) > most:
            break
        kept += character
    return kept
