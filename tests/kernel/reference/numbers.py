"""Masks on numbers. A float is what its type makes of it, a numeric is a `Decimal`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_FLOOR, Context, Decimal

from reference.keyed import below, digest, stream
from reference.texts import shaped

WHOLE = {
    "int2": (-(2**15), 2**15 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "int8": (-(2**63), 2**63 - 1),
    "oid": (0, 2**32 - 1),
}
"""The smallest and the largest of each type."""
EXACT = {"float4": 2**24, "float8": 2**53}
"""Up to here a float tells whole numbers apart."""
WIDE = Context(prec=200_000, Emax=999_999, Emin=-999_999)


def narrowed(number: float, kind: str) -> float:
    """The number that the type makes of it."""
    if kind == "float8":
        return number
    try:
        return struct.unpack("!f", struct.pack("!f", number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def plain(number: Decimal) -> str:
    """Without exponent, and without what does not change the value."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def most_of(kind: str) -> int:
    """Hashes are below this."""
    return EXACT[kind] if kind in EXACT else WHOLE[kind][1]


def hash_whole(number: int, kind: str, key: bytes) -> int:
    """A number of the type, never the same one."""
    return _hash(str(number), most_of(kind), number, key)


def hash_float(number: float, kind: str, key: bytes) -> float:
    """A whole number that the type can tell from its neighbours, never the same one."""
    text = "0" if number == 0 else plain(Decimal(repr(number)))
    return float(_hash(text, EXACT[kind], int(number) if number.is_integer() else None, key))


def _hash(text: str, most: int, taken: int | None, key: bytes) -> int:
    made = _number(text, key) % most
    return (made + 1) % most if made == taken else made


def _number(text: str, key: bytes) -> int:
    return int.from_bytes(digest(key, text.encode())[:8], "big") & (2**63 - 1)


def hash_decimal(number: Decimal, declared: tuple[int, int] | None, key: bytes) -> Decimal:
    """A number of the declared digits (precision, scale), or a whole one; never the same one."""
    full = _number(plain(number), key)

    def placed(full: int) -> Decimal:
        if declared is None:
            return Decimal(full)
        precision, scale = declared
        return Decimal(full % 10**precision if precision < 20 else full).scaleb(-scale, WIDE)

    made = placed(full)
    return placed(full ^ 1) if made == number else made


def pseudonym_whole(number: int, kind: str, key: bytes) -> int:
    """As many digits, the same sign, never the same one."""
    return _whole(number, most_of(kind), stream(key, str(number).encode()))


def pseudonym_float(number: float, kind: str, key: bytes) -> float:
    """A whole number with as many digits before the point, never the same one."""
    text = "0" if number == 0 else plain(Decimal(repr(number)))
    size = int(max(-9e15, min(9e15, number)))
    made = narrowed(float(_whole(size, 2**63 - 1, stream(key, text.encode()))), kind)
    if made != number:
        return made
    low = narrowed(float(10 ** (len(str(abs(size))) - 1)) * (-1 if number < 0 else 1), kind)
    return low * 3 if low == number else low


def _whole(number: int, most: int, made_of: Iterator[int]) -> int:
    size, digits = abs(number), len(str(abs(number)))
    low, high = 0 if digits == 1 else 10 ** (digits - 1), min(10**digits, most)
    made = low + below(made_of, max(high - low, 1))
    if made == size:
        made = made + 1 if made + 1 < high else low
    return -made if number < 0 else made


def pseudonym_decimal(text: str, key: bytes) -> str:
    """As many digits, none in front that is a zero; a zero before the point stays, and zeros at the end of a fraction do."""
    canonical = plain(Decimal(text))
    kept = text[: len(text.rstrip("0").rstrip("."))] if "." in text else text
    head = "-" if kept.startswith("-") else ""
    if kept[len(head) :].startswith("0."):
        head += "0."
    digits = kept[len(head) :]
    body = (shaped(digits.encode(), stream(key, canonical.encode())) or b"").decode()
    if not head.endswith(".") and body[0] == "0" and len(digits) > 1:
        body = ("2" if digits[0] == "1" else "1") + body[1:]
    made = head + body + text[len(kept) :]
    return made.removeprefix("-") if not Decimal(made) else made


def bucket_whole(number: int, width: int) -> int:
    """The start of its bucket."""
    return number - number % width


def bucket_float(number: float, kind: str, width: int) -> float | None:
    """The start of its bucket; None where the type's numbers lie further apart than 1."""
    if abs(number) >= EXACT[kind]:
        return None
    return float(number // width * width) + 0.0


def bucket_decimal(number: Decimal, width: int) -> Decimal | None:
    """The start of its bucket, among those that 64 bits hold."""
    floor = int(number.to_integral_value(ROUND_FLOOR, WIDE))
    made = floor - floor % width
    whole = int(number)
    return Decimal(made) if all(-(2**63) <= each < 2**63 for each in (made, whole)) else None


def fit(number: Decimal, declared: tuple[int, int]) -> str | None:
    """As a column so declared prints it, with what is beyond its scale cut off; None where it has too many digits."""
    precision, scale = declared
    if number and number.adjusted() >= precision - scale:
        return None
    cut = number.quantize(Decimal(1).scaleb(-scale), ROUND_DOWN, WIDE)
    text = f"{cut:f}" if scale > 0 else str(int(cut))
    return text.removeprefix("-") if not cut else text
