"""A value out of either wire format, masked as what it is, and back into the same format. None: NULL."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from reference import days, numbers
from reference.keyed import below, digest, stream

FIVE_YEARS = 5 * 365
_NUMERIC = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_UUID = re.compile(r"(-*[0-9A-Fa-f]-*){32}", re.ASCII)
_BYTEA = re.compile(r"\\x([0-9A-Fa-f]{2})*", re.ASCII)
_PACKED = {"int2": "!h", "int4": "!i", "int8": "!q", "oid": "!I", "float4": "!f", "float8": "!d"}


def mask(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    """One value of a type that is neither text nor JSON."""
    try:
        return _KINDS[kind](value, method, kind, binary, params, key)
    except (UnicodeDecodeError, struct.error):
        return None


def _declared(params: Mapping[str, str]) -> tuple[int, int] | None:
    return (int(params["precision"]), int(params.get("scale", "0"))) if "precision" in params else None


def _width(params: Mapping[str, str]) -> int:
    return max(int(params.get("width", "10")), 1)


def _whole(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    least, most = numbers.WHOLE[kind]
    if binary:
        number = struct.unpack(_PACKED[kind], value)[0]
    elif _WHOLE.fullmatch(value.decode()):
        number = int(value)
    else:
        return None
    if not -(2**63) <= number < 2**63:
        return None
    if method == "hash":
        made = numbers.hash_whole(number, kind, key)
    elif method == "pseudonym":
        made = numbers.pseudonym_whole(number, kind, key)
    elif method == "generalize":
        made = numbers.bucket_whole(number, _width(params))
    else:
        return None
    if not least <= made <= most:
        return None
    return struct.pack(_PACKED[kind], made) if binary else str(made).encode()


def _float(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    if binary:
        number = struct.unpack(_PACKED[kind], value)[0]
    else:
        try:
            number = numbers.narrowed(float(value.decode()), kind)
        except ValueError:
            return None
    if number - number != 0:
        return None
    if method == "hash":
        made: float | None = numbers.hash_float(number, kind, key)
    elif method == "pseudonym":
        made = numbers.pseudonym_float(number, kind, key)
    elif method == "generalize":
        made = numbers.bucket_float(number, kind, _width(params))
    else:
        return None
    if made is None:
        return None
    return struct.pack(_PACKED[kind], made) if binary else f"{Decimal(repr(made)):f}".removesuffix(".0").encode()


def _numeric(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    text = unpacked(value) if binary else value.decode()
    if text is None or not _NUMERIC.fullmatch(text):
        return None
    number, declared = Decimal(text), _declared(params)
    if method == "hash":
        made: str | None = f"{numbers.hash_decimal(number, declared, key):f}"
    elif method == "pseudonym":
        made = numbers.pseudonym_decimal(text, key)
    elif method == "generalize":
        start = numbers.bucket_decimal(number, _width(params))
        made = None if start is None else f"{start:f}"
    else:
        return None
    if made is not None and declared is not None:
        made = numbers.fit(Decimal(made), declared)
        if made is not None and method != "generalize" and Decimal(made) == number:
            return None
    if made is None:
        return None
    return packed(made) if binary else made.encode()


def unpacked(value: bytes) -> str | None:
    """A numeric's decimal, with all the digits of its scale."""
    if len(value) < 8:
        return None
    count, weight, sign, scale = struct.unpack_from("!HhHH", value)
    if len(value) != 8 + 2 * count or sign not in (0, 0x4000) or scale > 0x3FFF:
        return None
    groups = struct.unpack_from(f"!{count}H", value, 8)
    if any(group > 9999 for group in groups):
        return None
    number = sum(
        (Decimal(group).scaleb(4 * (weight - at), numbers.WIDE) for at, group in enumerate(groups)), Decimal(0)
    )
    text = f"{number:f}"
    whole, _, fraction = text.partition(".")
    shown = whole + ("." + fraction[:scale].ljust(scale, "0") if scale else "")
    return "-" + shown if sign and Decimal(shown) else shown


def packed(text: str) -> bytes:
    """A decimal's binary form."""
    digits = text.removeprefix("-")
    whole, _, fraction = digits.partition(".")
    sign = 0x4000 if text.startswith("-") and Decimal(text) else 0
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    all_of = whole + fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int(all_of[at : at + 4]) for at in range(0, len(all_of), 4)]
    weight = len(whole) // 4 - 1
    while groups and not groups[0]:
        groups, weight = groups[1:], weight - 1
    while groups and not groups[-1]:
        groups.pop()
    return struct.pack(f"!HhHH{len(groups)}H", len(groups), weight if groups else 0, sign, len(fraction), *groups)


def _day(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    day = struct.unpack("!i", value)[0] if binary else days.read_day(value.decode())
    if day is None or (binary and not days.is_day(day)):
        return None
    if method == "pseudonym":
        day += _shift(day, key)
    elif method == "generalize":
        day = days.start(day, params.get("unit", "year"))
    else:
        return None
    if not days.is_day(day):
        return None
    return struct.pack("!i", day) if binary else days.print_day(day).encode()


def _moment(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    read = (struct.unpack("!q", value)[0], "") if binary else days.read_moment(value.decode())
    if read is None or (binary and not days.is_moment(*read)):
        return None
    moment, zone = read
    if method == "pseudonym":
        moment += _shift(moment, key) * days.DAY
    elif method == "generalize":
        moment = days.start(moment // days.DAY, params.get("unit", "year")) * days.DAY
    else:
        return None
    if not days.is_moment(moment, zone):
        return None
    return struct.pack("!q", moment) if binary else days.print_moment(moment, zone).encode()


def _shift(number: int, key: bytes) -> int:
    moved = below(stream(key, str(number).encode()), 2 * FIVE_YEARS) - FIVE_YEARS
    return moved + 1 if moved >= 0 else moved


def _uuid(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    if binary:
        if len(value) != 16:
            return None
    elif not _UUID.fullmatch(value.decode()):
        return None
    known = UUID(bytes=value) if binary else UUID(hex=value.decode().replace("-", ""))
    if method == "redact":
        made = UUID(int=0)
    elif method in ("hash", "pseudonym"):
        made = UUID(bytes=digest(key, known.bytes)[:16], version=4)
    else:
        return None
    return made.bytes if binary else str(made).encode()


def _bytes(value: bytes, method: str, kind: str, binary: bool, params: Mapping[str, str], key: bytes) -> bytes | None:
    if not binary:
        if not _BYTEA.fullmatch(value.decode()):
            return None
        value = bytes.fromhex(value[2:].decode())
    if method == "redact":
        made = b""
    elif method == "hash":
        made = digest(key, value)
    elif method == "pseudonym":
        made = bytes(byte for byte, _ in zip(stream(key, value), value, strict=False))
        if made and made == value:
            made = bytes([made[0] ^ 1]) + made[1:]
    else:
        return None
    return made if binary else b"\\x" + made.hex().encode()


_KINDS = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), _whole),
    **dict.fromkeys(("float4", "float8"), _float),
    "numeric": _numeric,
    "date": _day,
    **dict.fromkeys(("timestamp", "timestamptz"), _moment),
    "uuid": _uuid,
    "bytea": _bytes,
}
KINDS = tuple(_KINDS)
"""The types that are neither text nor JSON."""
