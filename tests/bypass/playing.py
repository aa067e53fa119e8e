"""Playing a case of the corpus on a connection whose every byte is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import pytest
from _pytest.mark import ParameterSet
from caselist import Case, cases
from wire import (
    COPY_DONE,
    SYNC,
    Message,
    Wire,
    bind,
    close,
    columns,
    describe,
    execute,
    fields,
    parse,
    query,
)

from sluice.testing.gateway import RunningGateway
from sluice.testing.postgres import PostgresServer

Mode = Literal["simple", "extended"]

TRUST = """
@id("trusted-sees") permit (principal in Group::"trusted", action in [Action::"reveal", Action::"use"], resource);
"""
"""In a file of its own, so that a test can take it away."""

_LATER = 16_384
"""Objects from here on are a user's own: a table that a case makes has another number at every run."""

_LEAVES = re.compile("prepare|advisory|hold|discard|set_config", re.I)


def listed(*names: str) -> list[ParameterSet]:
    """The cases as parameters of a test; those that are open are expected to fail, with their reason."""
    return [
        pytest.param(
            case, marks=pytest.mark.xfail(reason=case.marks["open"], strict=False) if "open" in case.marks else ()
        )
        for case in cases(*names)
    ]


class Tap(Wire):
    """A connection that keeps all it heard, and brings every COPY to its end."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.dsn = dsn
        self.heard: list[Message] = []

    def converse(self, *frames: bytes) -> list[Message]:
        """Sends frames and hears them out; an end of the connection is heard too, as the message `!`."""
        said: list[Message] = []
        waiting = sum(frame[:1] in (b"S", b"Q", b"F") for frame in frames)
        try:
            self.send(*frames)
            while waiting:
                said.append(self.read())
                waiting -= said[-1].kind == "Z"
                if said[-1].kind in "GW":
                    # What was sent behind it is swallowed by the copy, Sync too.
                    simple = any(frame[:1] == b"Q" for frame in frames)
                    self.send(COPY_DONE, *(() if simple else (SYNC,)))
        except (EOFError, ConnectionError):
            said.append(Message("!", b""))
        self.heard += said
        return said

    def simply(self, text: str) -> list[Message]:
        return self.converse(query(text))

    def thoroughly(self, text: str) -> list[Message]:
        """In the extended protocol: undescribed, then again in binary, then described and in slices."""
        again = (bind(statement="s", wanted=[1]), execute(), SYNC)
        sliced = (bind(portal="p", statement="s"), describe("P", "p"), execute("p", 1), execute("p", 1), execute("p"))
        return self.converse(
            close("S", "s"), parse(text, "s"), bind(statement="s"), execute(), SYNC, *again, *sliced, SYNC
        )

    def once(self, text: str) -> list[Message]:
        return self.converse(parse(text), bind(), describe("P"), execute(), SYNC)

    def until_the_end(self) -> list[Message]:
        """All that is still said until the other side hangs up."""
        return super().ended()

    def ended(self) -> bool:
        """Whether the server has hung up."""
        return bool(self.heard) and self.heard[-1].kind == "!"


def play(tap: Tap, case: Case, mode: Mode) -> list[Message]:
    """All that the client heard, transactions of our own around the statements left out.

    Each step is tried even when an earlier one failed. Nothing it did is kept, unless it is to be played `alone`.
    """
    alone = "alone" in case.marks
    heard: list[Message] = []
    if not alone:
        tap.simply("begin")
    last = len(case.steps) - 1
    for index, step in enumerate(case.steps):
        if not alone:
            tap.simply("savepoint step")
        ask = tap.simply if mode == "simple" else tap.thoroughly if index == last else tap.once
        said = ask(step)
        heard += said
        if tap.ended():
            return heard
        if said[-1].body == b"E":
            tap.simply("rollback" if alone else "rollback to step")
    tap.simply("rollback")
    return heard


def became(heard: list[Message]) -> str:
    """What became of a case, by what the client heard: `refused`, `withheld` (the server's words), `failed` or `hidden`."""
    said = [fields(message) for message in heard if message.kind in "EN"]
    if any(one["C"] == "42501" for one in said):
        return "refused"
    if any("withheld" in one["M"] for one in said):
        return "withheld"
    return "failed" if any(message.kind == "E" for message in heard) else "hidden"


def raw(messages: list[Message]) -> bytes:
    """The bytes of the messages, one behind the other."""
    return b"".join(message.kind.encode() + message.body for message in messages)


def comparable(messages: list[Message]) -> list[tuple[object, ...]]:
    """What a client can tell apart; names of the databases, numbers of new objects and processes left out."""
    found: list[tuple[object, ...]] = []
    for message in messages:
        message = message._replace(body=message.body.replace(b"twin", b"shop"))
        if message.kind in "EN":
            found.append((message.kind, *sorted(fields(message).items())))
        elif message.kind == "T":
            found.append(
                (
                    "T",
                    *[
                        column._replace(table=min(column.table, _LATER), type=min(column.type, _LATER))
                        for column in columns(message)
                    ],
                )
            )
        elif message.kind == "A":
            found.append(("A", message.body[4:]))
        else:
            found.append(tuple(message))
    return found


@dataclass(frozen=True, slots=True)
class Stand:
    """A gateway before the databases: `shop` and `twin` hide everything, `shown` leaves parts, `guarded` is production."""

    gateway: RunningGateway
    server: PostgresServer
    password: str

    def through(self, source: str, user: str = "app", **more: str) -> str:
        """A libpq connection string through the gateway."""
        return self.gateway.dsn(user, self.password, source, **more)

    def past(self, database: str) -> str:
        """A libpq connection string straight to the server, as the role that the gateway uses."""
        return self.server.dsn(database, "keeper")


class Line:
    """Connections kept from case to case; one that has ended is made anew."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self._taps: dict[str, Tap] = {}

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        for tap in self._taps.values():
            tap.__exit__()

    def play(self, case: Case, mode: Mode, source: str, *, past: bool = False) -> list[Message]:
        """What the client hears of a case, through the gateway or past it."""
        name = f"past {source}" if past else source
        tap = self._taps.get(name)
        if tap is None or tap.ended():
            tap = self._taps[name] = Tap(self.stand.past(source) if past else self.stand.through(source))
        database = "shop" if source == "shown" else source
        if source == "guarded":
            # Whatever gets through is to be kept, so that it is noticed.
            case = replace(case, marks={**case.marks, "alone": ""})
        heard = play(tap, case.on(database, self.stand.server.port), mode)
        if _LEAVES.search(case.text) or len(case.steps) > 1:
            # What it left behind goes with its connection.
            tap.__exit__()
            del self._taps[name]
        return heard
