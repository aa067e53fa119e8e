"""Days and moments in PostgreSQL's ISO style, counted from 2000-01-01, by Julian day numbers."""

from __future__ import annotations

import re

J2000 = 2451545
DAY = 86_400_000_000
LAST_DAY, LAST_MOMENT = 2145031948, 9223371331200000000 - 1
FIRST_MOMENT = -211813488000000000

_DATE = re.compile(r"(\d{4,7})-(\d\d)-(\d\d)( BC)?", re.ASCII)
_MOMENT = re.compile(r"(\d{4,7}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-][\d:+-]*)?( BC)?", re.ASCII)


def julian(year: int, month: int, day: int) -> int:
    """The Julian day number of a day of the (proleptic) Gregorian calendar; year 0 is 1 BC."""
    before = (14 - month) // 12
    y, m = year + 4800 - before, month + 12 * before - 3
    return day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045


def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of a Julian day number, by looking for the year and the month that hold it."""
    year = day * 400 // 146097 - 4713
    while julian(year + 1, 1, 1) <= day:
        year += 1
    while julian(year, 1, 1) > day:
        year -= 1
    month = next(month for month in range(12, 0, -1) if julian(year, month, 1) <= day)
    return year, month, day - julian(year, month, 1) + 1


def read_day(text: str) -> int | None:
    """Days since 2000-01-01; None for what PostgreSQL does not print."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    year = 1 - year if found[4] else year
    if not 1 <= month <= 12 or not day or (year < 1) != bool(found[4]):
        return None
    number = julian(year, month, day)
    return number - J2000 if civil(number) == (year, month, day) else None


def print_day(day: int) -> str:
    """As PostgreSQL prints it."""
    year, month, of = civil(day + J2000)
    return f"{year if year > 0 else 1 - year:04}-{month:02}-{of:02}{'' if year > 0 else ' BC'}"


def read_moment(text: str) -> tuple[int, str] | None:
    """Microseconds since 2000-01-01 as the clock of the zone shows them, and the zone as it stands."""
    found = _MOMENT.fullmatch(text)
    day = read_day(found[1] + (found[7] or "")) if found else None
    if found is None or day is None:
        return None
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    micros = int((found[5] or "0").ljust(6, "0"))
    return day * DAY + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, found[6] or ""


def print_moment(moment: int, zone: str) -> str:
    """As PostgreSQL prints it."""
    day, time = divmod(moment, DAY)
    seconds, micros = divmod(time, 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    date, _, era = print_day(day).partition(" ")
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{date} {clock}{fraction}{zone}{' ' + era if era else ''}"


def is_day(day: int) -> bool:
    """Whether PostgreSQL has such a date."""
    return -J2000 <= day <= LAST_DAY


def is_moment(moment: int, zone: str) -> bool:
    """Whether PostgreSQL has such a timestamp, whatever the zone is."""
    spare = DAY if zone else 0
    return FIRST_MOMENT + spare <= moment <= LAST_MOMENT - spare


def start(day: int, unit: str) -> int:
    """The first day of its month or year."""
    year, month, _ = civil(day + J2000)
    return julian(year, month if unit == "month" else 1, 1) - J2000
