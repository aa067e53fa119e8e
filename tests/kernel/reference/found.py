"""What the kernel's method `detect` must do to a value, in plain Python; where findings are is what the detectors say of a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html import unescape as unreferenced

from sluice.classify.detectors import DETECTORS
from sluice.classify.matcher import Finding, find

UNREAD = 127
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|.', re.DOTALL)
_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|.)", re.DOTALL)
_SIMPLE = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}
Tally = Counter[tuple[str, str]]
"""By path and kind."""


def number(one: Finding) -> int:
    """The bit of a finding's detector."""
    return UNREAD if one.detector is None else DETECTORS.index(one.detector)


def text(value: bytes, name: str, hide: int, tally: Tally, path: str = "") -> bytes:
    """The value with what is hidden in it replaced."""
    out, at = b"", 0
    for one in find([value], name)[0]:
        tally[path, one.kind] += 1
        if hide >> number(one) & 1:
            shown = "unread" if one.detector is None else one.detector.shown
            out += value[at : one.start] + b"[" + shown.encode() + b"]"
            at = one.end
    return out + value[at:]


def xml(value: bytes, name: str, hide: int, tally: Tally) -> bytes:
    """An XML with anything hidden in it, be it behind references, is replaced whole."""
    if text(value, name, hide, tally) != value:
        return b"<redacted/>"
    plain = unreferenced(value.decode()).encode()
    return b"<redacted/>" if b"&" in value and text(plain, name, hide, tally) != plain else value


def json(value: bytes, name: str, hide: int, tally: Tally) -> bytes:
    """Replaces within strings, and whole numbers of seven digits and more; each under the key that it is under."""
    out: list[bytes] = []
    levels: list[tuple[bool, str]] = []
    tokens = [match[0] for match in _TOKEN.finditer(value)]
    for index, token in enumerate(tokens):
        behind = next((one for one in tokens[index + 1 :] if one not in b" \t"), b"")
        is_key = token[:1] == b'"' and behind == b":" and bool(levels) and not levels[-1][0]
        if token in b"{[" and token:
            levels.append((token == b"[", ""))
        elif token in b"}]" and token:
            levels.pop()
        under = next((key for _, key in reversed(levels) if key), name)
        path = "".join("[]" if array else f".{key}" for array, key in levels[: len(levels) - is_key])
        path = path.removeprefix(".") + ("{key}" if is_key else "")
        if token[:1] == b'"':
            plain = _ESCAPE.sub(_meant, token[1:-1])
            clean = text(plain, "" if is_key else under, hide, tally, path)
            out.append(token if clean == plain else b'"' + _escaped(clean) + b'"')
            if is_key:
                levels[-1] = (False, token[1:-1].decode())
        elif len(token) >= 7 and token.isdigit():
            out.append(b"0" if text(token, under, hide, tally, path) != token else token)
        else:
            out.append(token)
    return b"".join(out)


def _meant(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    if said[:1] != b"u":
        return _SIMPLE.get(said, said)
    units = bytes.fromhex(said.replace(b"\\u", b"").removeprefix(b"u").decode())
    return units.decode("utf-16-be", "replace").encode()


def _escaped(plain: bytes) -> bytes:
    short = {0x22: b'\\"', 0x5C: b"\\\\", 0x0A: b"\\n", 0x09: b"\\t"}
    return b"".join(short.get(byte) or (b"\\u%04x" % byte if byte < 0x20 else bytes([byte])) for byte in plain)


OF: dict[str, Callable[[bytes, str, int, Tally], bytes]] = {"text": text, "json": json, "xml": xml}
"""By kind of type."""
