"""What is still to be told to people. A message is written with what it tells, so a channel that is down loses nothing.

Whoever delivers claims a message for a while first; when that process dies the claim runs out, and another delivers it.
A message may thus arrive twice, and carries an id by which its receiver can tell.

Each channel gets its messages in the order in which they were written, by one process at a time: one that fails holds up those
after it, until it has failed so often that it may be the message and not the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, insert, select, update

from sluice.edges.approvals.requests import new_id
from sluice.edges.store.tables import outbox

CLAIM_SECONDS = 60.0
FIRST_SECONDS = 2.0
LONGEST_SECONDS = 600.0
LAST_SECONDS = 7 * 86_400.0
KEPT_SECONDS = 86_400.0
STUBBORN = 6
"""A message that failed so often holds up no other."""
_MOST = 20


class Message(Struct, frozen=True, kw_only=True):
    """One message for one channel. `subject` says what happened, `payload` is what it is about."""

    id: str
    channel: str
    subject: str
    payload: dict[str, Any]
    attempts: int
    created_at: float


def post(
    connection: Connection,
    channels: Iterable[str],
    subject: str,
    payload: dict[str, Any],
    now: float,
    wait: float = 0.0,
) -> None:
    """Writes a message for each channel. To be called in the transaction that makes it true, with the topic `outbox`.

    `wait`: seconds in which more may become known of it (`complete`); then it is delivered as it is.
    """
    for channel in channels:
        connection.execute(
            insert(outbox).values(
                id=new_id("m") + new_id(""), channel=channel, subject=subject, payload=payload, created_at=now, next_at=now + wait,
                attempts=0, claimed_until=0.0, done_at=None, error="",
            )
        )  # fmt: skip


def complete(connection: Connection, about: str, detail: dict[str, Any], now: float) -> None:
    """Adds to the `detail` of messages about a request that nobody has begun to deliver, and lets them go."""
    waiting = select(outbox.c.id, outbox.c.payload).where(
        outbox.c.done_at.is_(None), outbox.c.attempts == 0, outbox.c.claimed_until <= now, outbox.c.next_at > now
    )
    for row in connection.execute(waiting).all():
        if row.payload.get("id") == about:
            payload = {**row.payload, "detail": {**row.payload.get("detail", {}), **detail}}
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(payload=payload, next_at=now))


def due(connection: Connection, channels: Iterable[str], now: float) -> list[str]:
    """The channels in which something is to be delivered now, and which nobody is at."""
    return [channel for channel in channels if _is_due(_first(connection, channel), now)]


def claim(connection: Connection, channel: str, now: float) -> list[Message]:
    """Takes what a channel is to be told next, in order; nobody else delivers there for `CLAIM_SECONDS`."""
    rows = _first(connection, channel)
    if not _is_due(rows, now):
        return []
    ids = [row.id for row in rows]
    connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(claimed_until=now + CLAIM_SECONDS))
    return [
        Message(
            id=row.id, channel=row.channel, subject=row.subject, payload=row.payload, attempts=row.attempts,
            created_at=row.created_at,
        )
        for row in rows
    ]  # fmt: skip


def release(connection: Connection, messages: Iterable[Message]) -> None:
    """Gives back what was claimed and not tried."""
    ids = [message.id for message in messages]
    connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(claimed_until=0.0))


def _first(connection: Connection, channel: str) -> Sequence[Row[Any]]:
    wanted = select(outbox).where(outbox.c.done_at.is_(None), outbox.c.channel == channel)
    return connection.execute(wanted.order_by(outbox.c.created_at, outbox.c.id).limit(_MOST)).all()


def _is_due(rows: Sequence[Row[Any]], now: float) -> bool:
    if any(row.claimed_until > now for row in rows):
        return False
    leading = [row for row in rows if row.attempts < STUBBORN][:1] or rows
    return any(row.next_at <= now for row in leading)


def delivered(connection: Connection, message: str, now: float) -> None:
    """Notes that it arrived, and forgets those that did so a day ago."""
    connection.execute(update(outbox).where(outbox.c.id == message).values(done_at=now, error=""))
    connection.execute(delete(outbox).where(outbox.c.done_at < now - KEPT_SECONDS))


def failed(connection: Connection, message: Message, why: str, now: float) -> bool:
    """Notes that it did not, and when to try again; False: it was tried for a week and is given up."""
    over = now - message.created_at > LAST_SECONDS
    again = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(message.attempts, 16))
    values = {"attempts": message.attempts + 1, "error": why[:500], "claimed_until": 0.0, "next_at": now + again}
    connection.execute(update(outbox).where(outbox.c.id == message.id).values(**values, done_at=now if over else None))
    return not over
