"""Counts by slots of time, a twelfth of a budget's time each. Each function is one transaction's work, under the topic `budgets`.

What a gateway leases is counted at once and may be shown until its slot ends; what it did not show it puts back. So no
stretch of a budget's time ever holds more than the budget: a gateway that dies takes its lease with it.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from sluice.edges.store.tables import spent as table

SLOTS = 12


class Spent(Struct, frozen=True):
    """How many values of a label somebody was shown, or a gateway holds ready for them, within the last `seconds`.

    `most`: how many the budget allowed when they were last counted; 0: nobody noted that.
    """

    who: str
    label: str
    seconds: int
    values: int
    most: int = 0

    @property
    def left(self) -> int:
        """How many more may be shown."""
        return max(0, self.most - self.values)


def slot_end(seconds: int, now: float) -> float:
    """When the slot of this moment ends."""
    return _slot(seconds, now) + _width(seconds)


def lease(connection: Connection, key: tuple[str, str, int], most: int, wanted: int, now: float) -> int:
    """Counts up to `wanted` more values within a budget of `most`; how many, 0 when none are left."""
    seconds, slot = key[2], _slot(key[2], now)
    mine = _of(key)
    connection.execute(delete(table).where(mine, table.c.slot < slot - 2 * seconds))
    known = connection.execute(select(func.sum(table.c.shown)).where(mine, table.c.slot > _first(seconds, now)))
    granted = max(0, min(wanted, most - int(known.scalar_one() or 0)))
    if granted:
        here = mine & (table.c.slot == slot)
        if not connection.execute(update(table).where(here).values(shown=table.c.shown + granted, most=most)).rowcount:
            who, label, _ = key
            fresh = {"who": who, "label": label, "seconds": seconds, "slot": slot, "shown": granted, "most": most}
            connection.execute(insert(table).values(**fresh))
    return granted


def put_back(connection: Connection, key: tuple[str, str, int], values: int, until: float) -> None:
    """Takes values back that were leased until then and not shown."""
    slot = int(until) - _width(key[2])
    connection.execute(
        update(table)
        .where(_of(key), table.c.slot == slot, table.c.shown >= values)
        .values(shown=table.c.shown - values)
    )


def spent(connection: Connection, now: float) -> list[Spent]:
    """What counts against budgets now, the most first."""
    found: dict[tuple[str, str, int], tuple[int, int]] = {}
    for row in connection.execute(select(table).order_by(table.c.slot)):
        if row.slot > _first(row.seconds, now):
            key = (row.who, row.label, row.seconds)
            found[key] = (found.get(key, (0, 0))[0] + row.shown, row.most)
    listed = (Spent(*key, values, most) for key, (values, most) in found.items() if values)
    return sorted(listed, key=lambda one: (-one.values, one.who, one.label))


def _of(key: tuple[str, str, int]) -> ColumnElement[bool]:
    who, label, seconds = key
    return (table.c.who == who) & (table.c.label == label) & (table.c.seconds == seconds)


def _width(seconds: int) -> int:
    return -(-seconds // SLOTS)


def _slot(seconds: int, now: float) -> int:
    width = _width(seconds)
    return int(now // width) * width


def _first(seconds: int, now: float) -> int:
    """Slots that begin after this are within reach of a stretch of time that ends in the slot of now."""
    return _slot(seconds, now) - seconds - _width(seconds)
