"""An event as one line of JSON that no content can forge or split.

JSON escapes line feeds and C0 controls by itself. What else a reader or a terminal may take for a line end, or that
changes what a human sees (C1 controls, U+2028/9, bidirectional overrides), is escaped here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from sluice.audit.events import Event

_ENCODER = msgspec.json.Encoder()
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


def encode(event: Event) -> bytes:
    """The event as a line, with its line feed; never raises on any content."""
    return line(json(event))


def json(value: object) -> bytes:
    """JSON of a value (structs, builtins) in printable characters only, without a line feed anywhere."""
    try:
        text = _ENCODER.encode(value)
    except UnicodeEncodeError:
        # A lone surrogate cannot be UTF-8: write it as an escape instead of losing the record.
        text = _ENCODER.encode(_encodable(msgspec.to_builtins(value)))
    if text.isascii() and b"\x7f" not in text:
        return text
    return _UNSAFE.sub(_escaped, text.decode()).encode()


def line(text: bytes) -> bytes:
    """One record of the log."""
    return text + b"\n"


def stamp(at: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the microsecond (`2026-01-31T09:30:00.250000Z`)."""
    micros = round(at * 1_000_000)
    return f"{_second(micros // 1_000_000)}.{micros % 1_000_000:06d}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(one) for one in value]
    return value
