"""Start-up packets and the messages of the login, to read and to write.

Sources: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP and
https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sluice.engines.postgres.speak import frame

LONGEST = 10_000
"""Bytes of a start-up packet, as the server limits it."""

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = 3 << 16 | 2
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102


@dataclass(frozen=True, slots=True)
class Startup:
    """What a client opens with: its protocol version and its parameters."""

    version: int
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A request to cancel, on a connection of its own."""

    process_id: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BadPacket:
    """A packet that is none: why, without anything the client sent, and the SQLSTATE to answer with."""

    reason: str
    code: str = "08P01"


def first_packet(data: bytes) -> tuple[Startup | CancelRequest | BadPacket, int] | None:
    """The packet at the head of the data and its length; None: it is not whole yet."""
    if len(data) < 4:
        return None
    length = int.from_bytes(data[:4], "big")
    if not 8 <= length <= LONGEST:
        return BadPacket("impossible length of a start-up packet"), len(data)
    if len(data) < length:
        return None
    code = int.from_bytes(data[4:8], "big")
    body = data[8:length]
    if code == CANCEL_REQUEST:
        if not 8 <= len(body) <= 260:
            return BadPacket("malformed cancel request"), length
        return CancelRequest(int.from_bytes(body[:4], "big"), body[4:]), length
    if code in (SSL_REQUEST, GSS_REQUEST):
        return BadPacket("an encryption request out of place"), length
    if code >> 16 != 3:
        return BadPacket(f"protocol {code >> 16}.{code & 0xFFFF} is not spoken here, only 3.0 to 3.2", "0A000"), length
    return _startup(code, body), length


def _startup(version: int, body: bytes) -> Startup | BadPacket:
    if body == b"\0":
        return Startup(version, {})
    if not body.endswith(b"\0\0"):
        return BadPacket("a start-up packet without its end")
    parts = body[:-2].split(b"\0")
    if len(parts) % 2:
        return BadPacket("a start-up parameter without a value")
    try:
        texts = [part.decode() for part in parts]
    except UnicodeDecodeError:
        return BadPacket("a start-up parameter that is not UTF-8")
    if any(not name for name in texts[::2]):
        return BadPacket("a start-up parameter without a name")
    return Startup(version, dict(zip(texts[::2], texts[1::2], strict=True)))


def options(text: str) -> list[tuple[str, str]] | None:
    """The settings in an `options` parameter (`-c name=value`, `--name=value`), read as the server does.

    None: there is something else in it too, or it cannot be read.
    """
    words = _words(text)
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == "-c" and position + 1 < len(words):
            position += 1
            setting = words[position]
        elif word.startswith(("-c", "--")):
            setting = word[2:]
        else:
            return None
        name, equals, value = setting.partition("=")
        if not equals:
            return None
        found.append((name.replace("-", "_").lower(), value))
        position += 1
    return found


_SPACES = " \t\n\v\f\r"


def _words(text: str) -> list[str]:
    words: list[str] = []
    word: list[str] = []
    inside = False
    characters = iter(text)
    for c in characters:
        if c == "\\":
            word.append(next(characters, ""))
            inside = True
        elif c in _SPACES:
            if inside:
                words.append("".join(word))
            word, inside = [], False
        else:
            word.append(c)
            inside = True
    return [*words, "".join(word)] if inside else words


def opening(parameters: Mapping[str, str]) -> bytes:
    """A start-up packet in protocol 3.0. Raises ValueError for a zero byte: it would begin a parameter of its own."""
    if any("\0" in name or "\0" in value for name, value in parameters.items()):
        raise ValueError("a start-up parameter holds a zero byte")
    body = b"".join(name.encode() + b"\0" + value.encode() + b"\0" for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, PROTOCOL_3_0) + body


def cancel(process_id: int, secret: bytes) -> bytes:
    """A cancel request."""
    return struct.pack("!iiI", 12 + len(secret), CANCEL_REQUEST, process_id) + secret


def negotiate(minor: int, unknown: Sequence[str]) -> bytes:
    """NegotiateProtocolVersion: the newest minor version spoken, and the options that are not known."""
    return frame(b"v", struct.pack("!ii", minor, len(unknown)) + b"".join(name.encode() + b"\0" for name in unknown))


def authentication(code: int, body: bytes = b"") -> bytes:
    """An authentication message: 0 ok, 3 cleartext, 10 SASL, 11 continue, 12 final."""
    return frame(b"R", code.to_bytes(4, "big") + body)


def parameter(name: str, value: str) -> bytes:
    """ParameterStatus."""
    return frame(b"S", name.encode() + b"\0" + value.encode() + b"\0")


def key_data(process_id: int, secret: bytes) -> bytes:
    """BackendKeyData."""
    return frame(b"K", process_id.to_bytes(4, "big") + secret)
