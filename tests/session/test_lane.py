"""The fast lane and the whole way must be indistinguishable: same bytes to both sides, same lines in the log."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.engines.engine import Engine
from sluice.engines.postgres.engine import POSTGRES
from sluice.engines.postgres.hazards import LABELLED
from sluice.mask.subjects import subject_key
from sluice.model.identity import Client, Identity
from sluice.policy.labels import load_labels
from sluice.policy.load import load_policies
from sluice.policy.request import Snapshot, SourceInfo
from sluice.session import effects as fx
from sluice.session.effects import Effect
from sluice.session.events import ClientBytes, Event, Lost, Recorded, RecordFailed, UpstreamBytes, WorldChanged
from sluice.session.journal import Journal
from sluice.session.permit import Receipt
from sluice.session.session import Session
from sluice.session.state import Caller
from sluice.session.world import World
from sluice.sql.catalog import Catalog, Column, Function, Relation, TypeInfo

OID = 20_000
TYPES = (
    TypeInfo(23, "pg_catalog", "int4", "base"),
    TypeInfo(25, "pg_catalog", "text", "base"),
)
CATALOG = Catalog(
    [
        Relation(
            OID,
            "public",
            "people",
            "table",
            (Column("id", 1, 23, "integer"), Column("ssn", 2, 25, "text"), Column("name", 3, 25, "text")),
        )
    ],
    TYPES,
    {"upper": (Function("pg_catalog", "upper", True, True),)},
    {},
    frozenset(),
)
POLICIES = """
@id("connect") permit (principal, action == Action::"connect", resource);
@id("read") permit (principal, action in Action::"read", resource);
@id("look") permit (principal, action == Action::"lookup", resource);
@id("see") permit (principal, action == Action::"reveal", resource in Label::"customer");
"""
LABELS = """
labels: {pii: redact, customer: redact}
columns: {shop: {public.people.ssn: pii, public.people.id: customer}}
subjects: [pii, customer]
"""
KEY = subject_key(b"k" * 32)


def _world(version: int = 1, policies: str = POLICIES) -> World:
    book = load_labels(LABELS, "labels.yaml", LABELLED)
    snapshot = Snapshot(
        version, load_policies({"p.cedar": policies}), {"shop": book.bind("shop", CATALOG, None, {})}, book
    )
    return World(version, SourceInfo("shop", "staging", "postgres"), snapshot, CATALOG, b"k" * 32, subject_key=KEY)


WORLD = _world()
STRICTER = _world(2, POLICIES + '@id("no") forbid (principal, action in Action::"read", resource is Table);')


def frame(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def row(*values: bytes) -> bytes:
    return frame(
        b"D", struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(value)) + value for value in values)
    )


def described(*columns: tuple[bytes, int, int]) -> bytes:
    body = b"".join(
        name + b"\0" + struct.pack("!IhIhih", OID, attnum, kind, -1, -1, 0) for name, attnum, kind in columns
    )
    return frame(b"T", struct.pack("!h", len(columns)) + body)


def bind(value: bytes, statement: bytes = b"s") -> bytes:
    return frame(b"B", b"\0" + statement + b"\0" + struct.pack("!hhi", 0, 1, len(value)) + value + struct.pack("!h", 0))


ID, SSN = described((b"id", 1, 23)), described((b"ssn", 2, 25))
READY = frame(b"Z", b"I")
SYNC = frame(b"S")
RUN = frame(b"D", b"P\0") + frame(b"E", b"\0\0\0\0\0") + SYNC
SELECT = b"select ssn from people where id = $1\0"

CLIENTS: tuple[Callable[[int], bytes], ...] = (
    lambda n: frame(b"Q", b"select id from people where id = %d\0" % n),
    lambda n: frame(b"Q", b"select ssn from people where id = %d\0" % n),
    lambda n: frame(b"P", b"s%d\0" % (n % 2) + SELECT + b"\0\0") + SYNC,
    lambda n: bind(b"%d" % n, b"s%d" % (n % 2)) + RUN,
    lambda n: frame(b"P", b"\0" + SELECT + b"\0\0") + bind(b"%d" % n, b"") + RUN,
    lambda n: frame(b"Q", b"select id from people order by %d\0" % (n % 2 + 1)),
    lambda n: frame(b"Q", b"drop table people\0"),
    lambda n: frame(b"Q", b"begin\0"),
    lambda n: frame(b"C", b"Ss0\0") + SYNC,
)
REPLIES: tuple[Callable[[int], bytes], ...] = (
    lambda n: ID + row(b"%d" % n) * (n % 4) + frame(b"C", b"SELECT %d\0" % (n % 4)) + READY,
    lambda n: SSN + row(b"987-65-%04d" % n) + frame(b"C", b"SELECT 1\0") + READY,
    lambda n: frame(b"1") + READY,
    lambda n: frame(b"2") + SSN + row(b"987-65-%04d" % n) + frame(b"C", b"SELECT 1\0") + READY,
    lambda n: frame(b"1") + frame(b"2") + SSN + row(b"987-65-%04d" % n) + frame(b"C", b"SELECT 1\0") + READY,
    lambda n: frame(b"E", b"SERROR\0VERROR\0C22012\0Mvalue 4321\0\0") + READY,
    lambda n: frame(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mvalue 4321\0\0") + SSN + frame(b"C", b"SELECT 0\0") + READY,
    lambda n: frame(b"C", b"BEGIN\0") + frame(b"Z", b"T"),
    lambda n: frame(b"3") + READY,
)


@dataclass
class Play:
    """A session with a server that says what it is told to, and a log that is a list."""

    engine: Engine
    to_client: list[bytes] = field(default_factory=list)
    to_upstream: list[bytes] = field(default_factory=list)
    lines: list[dict[str, object]] = field(default_factory=list)
    closed: bool = False
    failing: bool = False
    rides: int = 0

    def __post_init__(self) -> None:
        identity = Identity("user", "ada")
        client = Client("127.0.0.1")
        journal = Journal("c", "shop", "staging", identity, "", client, "ada")
        settings_ = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}
        self.session = Session(self.engine, Caller(identity, "", client, "c", "ada"), WORLD, journal, settings_)
        self._do(self.session.start(1.0))
        context = row(b'["pg_catalog","public"]', b"app", b"", b"UTF8", b"on")
        own = frame(b"1") + frame(b"2") + context + frame(b"C", b"SELECT 1\0") + frame(b"3") * 2 + READY
        self.happens(UpstreamBytes(own, 1.0))

    def happens(self, event: Event) -> None:
        """Takes an event by the lane's doors, as the runtime does, or the whole way."""
        lane = self.session.lane
        if isinstance(event, ClientBytes) and (asked := lane.ask(event.data, event.at)) is not None:
            lines, ids = asked
            if self.failing:
                self._do(self.session.on(RecordFailed("full", 2.0)))
                return
            self._log(lines)
            data, permits = lane.go(Receipt(ids, False))
            assert {permit.event_id for permit in permits} == set(ids)
            self.rides += 1
            self.to_upstream.append(data)
        elif isinstance(event, UpstreamBytes) and (answered := lane.answer(event.data, event.at)) is not None:
            self._log(answered[0])
            lane.ended(event.at)
            self.to_client.append(answered[1])
        else:
            self._do(self.session.on(event))

    def _log(self, lines: bytes) -> None:
        self.lines += [json.loads(line) for line in lines.splitlines()]

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, fx.Record):
                if self.failing:
                    self.happens(RecordFailed("full", 2.0))
                    return
                self._log(effect.lines)
                if effect.awaited:
                    self.happens(Recorded(Receipt(effect.event_ids, False), 2.0))
            elif isinstance(effect, fx.ToClient):
                self.to_client.append(effect.data)
            elif isinstance(effect, fx.ToUpstream):
                assert {permit.event_id for permit in effect.permits if permit.event_id} <= {
                    line["id"] for line in self.lines
                }
                self.to_upstream.append(effect.data)
            elif isinstance(effect, fx.Close):
                self.closed = True

    @property
    def seen(self) -> tuple[bytes, bytes, list[dict[str, object]], bool]:
        return b"".join(self.to_client), b"".join(self.to_upstream), self.lines, self.closed


class NoRails:
    """Knows nothing, so that everything goes the whole way."""

    number, now, riding, waits, track = 0, 0.0, False, False, 0

    def __init__(self, connection: str, until: float) -> None:
        pass

    def settle(self, free: bool, number: int, /) -> None:
        pass

    def signature(self) -> None:
        return None

    def keep(self, signature: bytes, *rest: object) -> None:
        raise AssertionError(signature)

    def forget(self) -> None:
        pass

    def ask(self, data: bytes, at: float, judge: object, /) -> None:
        return None

    def go(self) -> bytes:
        raise AssertionError

    def answer(self, data: bytes, at: float, /) -> None:
        return None

    def ended(self, at: float, /) -> None:
        raise AssertionError

    def finished(self) -> tuple[int, list[int]]:
        return 0, []

    def leave(self) -> None:
        return None


WHOLE_WAY = replace(POSTGRES, rails=NoRails)
STEPS = st.lists(
    st.tuples(
        st.integers(0, len(CLIENTS) - 1),
        st.integers(-1, len(REPLIES) - 1),
        st.integers(0, 99),
        st.sampled_from(["", "", "", "", "split", "twice", "world", "lost", "full"]),
    ),
    max_size=14,
)
FITTING = (0, 1, 2, 3, 4, 0, 5, 7, 8)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_the_lane_and_the_whole_way_say_the_same(steps: list[tuple[int, int, int, str]]) -> None:
    fast, slow = Play(POSTGRES), Play(WHOLE_WAY)
    for asked, answered, number, twist in steps:
        # Mostly the answer that fits; -1 picks it, anything else may be nonsense.
        reply = REPLIES[FITTING[asked] if answered < 0 or number % 3 else answered](number)
        for play in (fast, slow):
            play.failing = twist == "full"
            play.happens(ClientBytes(CLIENTS[asked](number), 2.0))
            play.failing = False
            if twist == "twice":
                play.happens(ClientBytes(CLIENTS[asked](number + 1), 2.0))
            if twist == "world":
                play.happens(WorldChanged(STRICTER if number % 2 else WORLD, 2.0))
            if twist == "lost":
                play.happens(Lost("upstream", 2.0))
            cut = number % len(reply) if twist == "split" else len(reply)
            for part in (reply[:cut], reply[cut:]):
                if part:
                    play.happens(UpstreamBytes(part, 3.0))
        assert fast.seen == slow.seen
    assert b"987-65" not in fast.seen[0]


OPEN = frame(b"Z", b"T")


def _prepared(name: bytes, text: bytes, shape: bytes) -> tuple[bytes, bytes]:
    asked = frame(b"P", name + b"\0" + text + b"\0\0") + frame(b"D", b"S" + name + b"\0") + SYNC
    return asked, frame(b"1") + frame(b"t", struct.pack("!hi", 1, 23)) + shape + OPEN


def _bound(portal: bytes, statement: bytes) -> bytes:
    names = portal + b"\0" + statement + b"\0"
    return frame(b"B", names + struct.pack("!hhi", 0, 1, 1) + b"7" + struct.pack("!h", 0))


def _rows(value: bytes) -> bytes:
    return row(value) + frame(b"C", b"SELECT 1\0") + OPEN


BEGIN = (frame(b"Q", b"begin\0"), frame(b"C", b"BEGIN\0") + OPEN)
PLAIN = b"select id from people where id = $1\0"
EXECUTE = frame(b"E", b"p\0\0\0\0\0") + SYNC
CLOSE_P = (frame(b"C", b"Pp\0") + SYNC, frame(b"3") + OPEN)
CLOSE_A = (frame(b"C", b"Sa\0") + SYNC, frame(b"3") + OPEN)
TWO = _bound(b"p", b"a") + _bound(b"", b"b") + EXECUTE
OTHERWISE = {
    "bound anew in an exchange of its own": [
        _prepared(b"a", PLAIN, ID),
        _prepared(b"b", SELECT, SSN),
        *[(_bound(b"p", b"a") + SYNC, frame(b"2") + OPEN), (EXECUTE, _rows(b"7")), CLOSE_P] * 6,
        (_bound(b"p", b"b") + SYNC, frame(b"2") + OPEN),
        (EXECUTE, _rows(b"987-65-4321")),
    ],
    "bound anew, with another bound before it": [
        _prepared(b"a", PLAIN, ID),
        _prepared(b"b", SELECT, SSN),
        *[(_bound(b"p", b"a") + SYNC, frame(b"2") + OPEN),
          (_bound(b"", b"a") + EXECUTE, frame(b"2") + _rows(b"7")), CLOSE_P] * 6,
        (_bound(b"p", b"b") + SYNC, frame(b"2") + OPEN),
        (_bound(b"", b"a") + EXECUTE, frame(b"2") + _rows(b"987-65-4321")),
    ],
    "of a statement that was prepared anew, with another bound behind it": [
        _prepared(b"a", PLAIN, ID),
        _prepared(b"b", PLAIN, ID),
        *[(TWO, frame(b"2") * 2 + _rows(b"7")), CLOSE_P] * 6,
        CLOSE_A,
        _prepared(b"a", SELECT, SSN),
        (TWO, frame(b"2") * 2 + _rows(b"987-65-4321")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_portal_that_means_another_statement_by_now_is_masked_as_that_one(how: str) -> None:
    play = Play(POSTGRES)
    for asked, answered in [BEGIN, *OTHERWISE[how]]:
        play.happens(ClientBytes(asked, 2.0))
        play.happens(UpstreamBytes(answered, 2.0))
    assert b"987-65" not in b"".join(play.to_client)
    assert play.to_client[-1].endswith(_rows(b"[redacted]"))


def test_a_server_that_describes_a_result_otherwise_is_written_down_each_time() -> None:
    play = Play(POSTGRES)
    for number in range(4):
        play.happens(ClientBytes(CLIENTS[0](number), 2.0))
        play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
    assert len([line for line in play.lines if line["event"] == "disagreement"]) == 4


def test_a_repeated_exchange_takes_the_lane_and_is_recorded_and_masked_each_time() -> None:
    play = Play(POSTGRES)
    for number in range(5):
        play.happens(ClientBytes(CLIENTS[1](number), 2.0))
        play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
    # The first exchange settles how names resolve, the second lays the track down.
    assert play.rides == 3
    assert b"".join(play.to_client).count(b"[redacted]") == 5
    asked = [line for line in play.lines if line["event"] == "statement-asked"]
    assert len(asked) == 5
    assert len({line["id"] for line in asked}) == 5


def test_whom_a_result_was_about_is_told_of_each_exchange_in_the_lane_and_beside_it() -> None:
    play = Play(POSTGRES)
    for number in range(5):
        play.happens(ClientBytes(CLIENTS[1](number), 2.0))
        play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
        play.happens(ClientBytes(CLIENTS[0](number), 2.0))
        play.happens(UpstreamBytes(REPLIES[0](number), 3.0))
    assert play.rides == 5
    told = [line.get("subjects") for line in play.lines if line["event"] == "statement-done"]

    def entry(label: str, shown: bool, value: str) -> list[dict[str, object]]:
        hashed = KEY.hashed(value).partition(":")[2]
        values = base64.b64encode(bytes.fromhex(hashed)).decode()
        return [{"output": 0, "labels": [label], "shown": shown, "key": KEY.id, "values": values}]

    hidden = [entry("pii", False, f"987-65-{number:04d}") for number in range(5)]
    # Where no row came, nobody is named.
    clear = [entry("customer", True, str(number)) if number % 4 else None for number in range(5)]
    assert told == [one for pair in zip(hidden, clear, strict=True) for one in pair]
