"""Record, then permit: whatever is asked and answered, and whichever append fails, nothing goes upstream without its record."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_lane import CLIENTS, FITTING, READY, REPLIES, STRICTER, WHOLE_WAY, WORLD, Play, frame, row

from sluice.engines.engine import Engine
from sluice.engines.postgres.engine import POSTGRES
from sluice.session import effects as fx
from sluice.session.effects import Effect
from sluice.session.events import ClientBytes, Event, Recorded, RecordFailed, UpstreamBytes, WorldChanged
from sluice.session.permit import Receipt

Steps = list[tuple[int, int, int]]
STEPS = st.lists(
    st.tuples(st.integers(0, len(CLIENTS) - 1), st.integers(-1, len(REPLIES) - 1), st.integers(0, 99)), max_size=8
)
MARK = re.compile(rb"\bm\d+\b")


@dataclass
class Watched(Play):
    """A session whose log takes so many lines of appends and then no more, watched at every step."""

    most: int = 10_000
    appends: int = 0
    failed: bool = False
    completions: int = 0
    heard: bytes = b""
    said_after: list[bytes] = field(default_factory=list)

    def happens(self, event: Event) -> None:
        lane = self.session.lane
        if isinstance(event, ClientBytes) and not self.failed and (asked := lane.ask(event.data, event.at)) is not None:
            lines, ids = asked
            if not self._append(lines):
                self._do(self.session.on(RecordFailed("full", 2.0)))
                return
            data, permits = lane.go(Receipt(ids, False))
            assert {permit.event_id for permit in permits} == set(ids)
            self._upstream(data)
        elif isinstance(event, UpstreamBytes) and (answered := lane.answer(event.data, event.at)) is not None:
            if not self._append(answered[0]):
                self._do(self.session.on(RecordFailed("full", 2.0)))
                return
            lane.ended(event.at)
            self._client(answered[1])
        else:
            self._do(self.session.on(event))

    def _append(self, lines: bytes) -> bool:
        self.appends += 1
        if self.appends > self.most:
            self.failed = True
            return False
        self._log(lines)
        return True

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, fx.Record):
                if not self._append(effect.lines):
                    self.happens(RecordFailed("full", 2.0))
                    return
                if effect.awaited:
                    self.happens(Recorded(Receipt(effect.event_ids, False), 2.0))
            elif isinstance(effect, fx.ToClient):
                self._client(effect.data)
            elif isinstance(effect, fx.ToUpstream):
                held = {line["id"] for line in self.lines}
                assert {permit.event_id for permit in effect.permits if permit.event_id} <= held
                self._upstream(effect.data)
            elif isinstance(effect, fx.Close):
                self.closed = True

    def _upstream(self, data: bytes) -> None:
        if self.failed:
            self.said_after.append(data)
        # Every statement's words carry a mark, which stands in its record by then.
        recorded = " ".join(str(line.get("statement", line)) for line in self.lines)
        for mark in MARK.findall(data):
            assert mark.decode() in recorded, data
        self.to_upstream.append(data)

    def _client(self, data: bytes) -> None:
        self.to_client.append(data)
        self.heard += data
        while len(self.heard) >= 5 and len(self.heard) > (size := int.from_bytes(self.heard[1:5], "big")):
            self.completions += self.heard[:1] == b"C"
            self.heard = self.heard[size + 1 :]
        done = sum(line["event"] == "statement-done" for line in self.lines)
        assert self.completions <= done


MARKED = tuple(frame(b"Q", b"select id as m%d from people where id = %d\0" % (n, n)) for n in range(1, 8))


def _play(steps: Steps, most: int, engine: Engine = POSTGRES) -> Watched:
    play = Watched(engine, most=most)
    for asked, answered, number in steps:
        play.happens(ClientBytes(CLIENTS[asked](number), 2.0))
        if number % 5 == 0:
            play.happens(ClientBytes(MARKED[number % len(MARKED)], 2.0))
        play.happens(UpstreamBytes(REPLIES[FITTING[asked] if answered < 0 else answered](number), 3.0))
    return play


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_whichever_append_fails_nothing_goes_upstream_after_it(steps: Steps) -> None:
    for engine in (POSTGRES, WHOLE_WAY):
        whole = _play(steps, 10_000, engine)
        for most in range(1, whole.appends):
            play = _play(steps, most, engine)
            assert play.failed and play.closed
            assert play.said_after == []
            # What went before is what would have gone anyway.
            assert b"".join(whole.to_upstream).startswith(b"".join(play.to_upstream))


def _settled() -> Watched:
    return Watched(WHOLE_WAY)


WAITS = {
    "nothing": [],
    "its receipt": [ClientBytes(CLIENTS[0](1), 2.0)],
    "answers": [ClientBytes(CLIENTS[2](1), 2.0), ClientBytes(CLIENTS[8](1) + CLIENTS[3](0), 2.0)],
    "its own question": [ClientBytes(frame(b"Q", b"set search_path to other\0"), 2.0),
        UpstreamBytes(frame(b"C", b"SET\0") + READY, 2.0), ClientBytes(CLIENTS[0](1), 2.0)],
    "a catalog": [ClientBytes(frame(b"Q", b"select a from nowhere\0"), 2.0),
        UpstreamBytes(frame(b"1") + frame(b"2") + row(b"x") + frame(b"C", b"SELECT 1\0") + frame(b"3") * 2 + READY, 2.0)],
    "a parser elsewhere": [ClientBytes(frame(b"Q", b"select 1 /*" + b"x" * 20_000 + b"*/\0"), 2.0)],
    "rows": [ClientBytes(CLIENTS[1](1), 2.0), UpstreamBytes(REPLIES[1](1)[:40], 2.0)],
    "a copy": [ClientBytes(frame(b"Q", b"copy (select id from people) to stdout\0"), 2.0),
        UpstreamBytes(frame(b"H", b"\0\0\1\0\0"), 2.0)],
    "a new world": [ClientBytes(CLIENTS[1](1), 2.0), WorldChanged(STRICTER, 2.0)],
}  # fmt: skip


@pytest.mark.parametrize("waiting", WAITS)
def test_a_log_that_fails_ends_the_session_whatever_it_waits_for(waiting: str) -> None:
    play = _settled()
    for event in WAITS[waiting]:
        play.happens(event)
    before = len(play.to_upstream)
    play.failed = True
    play._do(play.session.on(RecordFailed("full", 4.0)))
    for late in (CLIENTS[0](1), CLIENTS[4](2), frame(b"d", b"1\t2\t3\n")):
        play.happens(ClientBytes(late, 5.0))
    play.happens(UpstreamBytes(REPLIES[0](1), 5.0))
    play.happens(WorldChanged(WORLD, 5.0))
    assert play.closed
    assert len(play.to_upstream) == before
    assert b"58030" in b"".join(play.to_client) or waiting == "a new world"


@given(STEPS, st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_cut_of_the_bytes_changes_nothing(steps: Steps, of_client: bool) -> None:
    whole, cut = Watched(POSTGRES), Watched(POSTGRES)
    for asked, answered, number in steps:
        said, reply = CLIENTS[asked](number), REPLIES[FITTING[asked] if answered < 0 else answered](number)
        whole.happens(ClientBytes(said, 2.0))
        for part in [said[n : n + 1] for n in range(len(said))] if of_client else [said]:
            cut.happens(ClientBytes(part, 2.0))
        whole.happens(UpstreamBytes(reply, 3.0))
        for part in [reply] if of_client else [reply[n : n + 1] for n in range(len(reply))]:
            cut.happens(UpstreamBytes(part, 3.0))
        assert whole.seen == cut.seen
