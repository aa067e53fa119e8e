"""A mask on one value, whatever its type: `mask` is what the kernel's `mask_value` must do. `scrub` is not here."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from reference import texts, values

TEXTUAL = ("text", "varchar", "bpchar", "char", "name", "xml")
JSON = ("json", "jsonb")
KINDS = (*TEXTUAL, *JSON, *values.KINDS)
METHODS = ("null", "redact", "partial", "email", "hash", "pseudonym", "generalize")
ARRAY = "array:"
NAME = 63

Params = Mapping[str, str]


def mask(value: bytes | None, method: str, kind: str, binary: bool, params: Params, key: bytes) -> bytes | None:
    """The masked value, or None: NULL."""
    if value is None or method == "null" or kind.removeprefix(ARRAY) not in KINDS:
        return None
    if not kind.startswith(ARRAY):
        return one(value, method, kind, binary, params, key)
    kind = kind.removeprefix(ARRAY)
    return (_binary_array if binary else _text_array)(value, method, kind, params, key)


def one(value: bytes, method: str, kind: str, binary: bool, params: Params, key: bytes) -> bytes | None:
    """A value that is no array."""
    if kind == "xml":
        return b"<redacted/>" if method in ("redact", "generalize") else None
    if kind in TEXTUAL:
        return _text(value, method, kind, params, key)
    if kind in JSON:
        return _json(value, method, kind == "jsonb" and binary, key)
    return values.mask(value, method, kind, binary, params, key)


def _text(value: bytes, method: str, kind: str, params: Params, key: bytes) -> bytes | None:
    if kind == "bpchar":
        value = value.rstrip(b" ")
    if method in ("redact", "generalize"):
        made: bytes | None = b"[redacted]"
    elif method == "partial":
        made = texts.partial(value, int(params.get("keep_first", "0")), int(params.get("keep_last", "4")))
    elif method == "email":
        made = texts.email(value)
    elif method == "hash":
        made = texts.hashed(value, key)
    else:
        made = texts.pseudonym(value, key)
    if made is None:
        return None
    if kind == "char":
        return made[:1]
    if kind == "name":
        return texts.cut_bytes(made, NAME)
    if "max_len" not in params:
        return made
    most = int(params["max_len"])
    made = texts.cut(made, most)
    return made + b" " * (most - len(texts.characters(made))) if kind == "bpchar" else made


def _json(value: bytes, method: str, versioned: bool, key: bytes) -> bytes | None:
    version = b"\x01" if versioned else b""
    if not value.startswith(version):
        return None
    if method in ("redact", "generalize", "partial"):
        return version + b'"[redacted]"'
    if method == "hash":
        return version + b'"' + texts.hashed(value.removeprefix(version), key) + b'"'
    return None


def _binary_array(value: bytes, method: str, kind: str, params: Params, key: bytes) -> bytes | None:
    try:
        dimensions = struct.unpack_from("!i", value)[0]
        if not 0 <= dimensions <= 6:
            return None
        at = 12 + 8 * dimensions
        head, out, nulls = value[:at], b"", 0
        if len(head) < at:
            return None
        while at < len(value):
            size = struct.unpack_from("!i", value, at)[0]
            element = value[at + 4 : at + 4 + size] if size >= 0 else None
            if size < -1 or (element is not None and len(element) < size):
                return None
            at += 4 + max(size, 0)
            made = None if element is None else one(element, method, kind, True, params, key)
            nulls |= made is None
            out += struct.pack("!i", -1) if made is None else struct.pack("!i", len(made)) + made
    except struct.error:
        return None
    return head[:4] + struct.pack("!i", nulls) + head[8:] + out


def _text_array(value: bytes, method: str, kind: str, params: Params, key: bytes) -> bytes | None:
    bounds, found = b"", value
    if value.startswith(b"["):
        bounds, equals, found = value.partition(b"=")
        bounds += equals
        if not equals or bounds.strip(b"0123456789-:[]="):
            return None
    out, depth, opened = bytearray(bounds), 0, False
    while found:
        first = found[:1]
        if first in b"{}," and (first == b"{" or depth):
            depth += {b"{": 1, b"}": -1}.get(first, 0)
            opened = True
            out += first
            found = found[1:]
            continue
        taken = _element(found) if depth else None
        if taken is None:
            return None
        element, found = taken
        made = None if element is None else one(element, method, kind, False, params, key)
        out += b"NULL" if made is None else b'"' + made.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return bytes(out) if opened and not depth else None


def _element(found: bytes) -> tuple[bytes | None, bytes] | None:
    """An element's value (None: NULL) and what is behind it; None: the element does not end."""
    if not found.startswith(b'"'):
        ends = [at for at in (found.find(b","), found.find(b"}")) if at >= 0]
        if not ends:
            return None
        element = found[: min(ends)]
        return (None if element.upper() == b"NULL" else element), found[min(ends) :]
    element, at = bytearray(), 1
    while found[at : at + 1] != b'"':
        at += found[at : at + 1] == b"\\"
        if at >= len(found):
            return None
        element += found[at : at + 1]
        at += 1
    return bytes(element), found[at + 1 :]
