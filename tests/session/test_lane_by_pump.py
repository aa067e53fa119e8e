"""The kernel's pump goes through the lane's doors by itself: whatever it carries, the whole way would have said the same."""

from __future__ import annotations

import mmap
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from test_lane import BEGIN, CLIENTS, FITTING, OTHERWISE, REPLIES, STRICTER, WHOLE_WAY, WORLD, Play

from sluice._kernel import Lane, Pump, Tail
from sluice.engines.postgres.engine import POSTGRES
from sluice.session.events import ClientBytes, Event, UpstreamBytes, WorldChanged

ROOM, EXTENT, EVERY = 1 << 16, 8, 5


@dataclass
class Log:
    """Lines in a mapped file; `failure` as a log has it."""

    failure: str | None = None

    def __post_init__(self) -> None:
        self.map = mmap.mmap(-1, ROOM)
        self.extent = memoryview(self.map)[:EXTENT].cast("Q")
        self.tail = Tail(self.map, self.extent, EXTENT)
        self.tail.settle()

    def new(self) -> bytes:
        lines = self.map[EXTENT : self.tail.end]
        assert self.extent[0] == self.tail.end
        self.tail.settle()
        return lines


@dataclass
class Calls:
    received: Callable[[bytes], None]
    gone: Callable[[BaseException | None], None]
    write: Callable[[bytes], None]
    held: int = 0

    def waiting(self) -> int:
        return self.held


@dataclass
class Pumped(Play):
    """The same session, with its bytes on sockets that a pump reads."""

    log: Log = field(default_factory=Log)
    at: float = 0.0
    carried: int = 0
    errors: list[BaseException | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pump: Pump | None = None
        super().__post_init__()
        (self.client, inner), (self.server, other) = socket.socketpair(), socket.socketpair()
        self.pump = Pump(self.log.tail, self.log, EVERY)
        self.door = socket.socket(fileno=self.pump.door())
        socket.send_fds(self.door, [b"."], [inner.fileno(), other.fileno()])
        rails = self.session.lane.rails
        assert isinstance(rails, Lane)
        self.calls = (
            Calls(lambda data: self._whole(ClientBytes(data, self.at)), self.errors.append, self.to_client.append),
            Calls(lambda data: self._whole(UpstreamBytes(data, self.at)), self.errors.append, self.to_upstream.append),
        )
        self.ends = self.pump.join(rails, self.session.lane, *self.calls)
        # The pump has copies of its own.
        inner.close()
        other.close()

    def happens(self, event: Event) -> None:
        if self.pump is None or not isinstance(event, ClientBytes | UpstreamBytes):
            super().happens(event)
            return
        self.at = event.at
        self.log.failure = "full" if self.failing else None
        said = len(self.lines)
        (self.client if isinstance(event, ClientBytes) else self.server).sendall(event.data)
        events, size = self.pump.turn()
        lines = self.log.new()
        assert (size > 0) == bool(lines) and (events == 0 or lines)
        self.carried += bool(lines)
        if lines:
            # It carried the bytes, so the session has heard nothing of them.
            assert len(self.lines) == said
            self._log(lines)
        for peer, out in ((self.client, self.to_client), (self.server, self.to_upstream)):
            while select.select([peer], [], [], 0)[0]:
                out.append(peer.recv(1 << 16))

    def _whole(self, event: Event) -> None:
        super().happens(event)

    def leave(self) -> None:
        for end in self.ends:
            end.leave()
        for one in (self.client, self.server, self.door):
            one.close()


@contextmanager
def pumped() -> Iterator[Pumped]:
    play = Pumped(POSTGRES)
    try:
        yield play
    finally:
        play.leave()


def told(play: Play) -> tuple[bytes, bytes, list[dict[str, object]], bool]:
    to_client, to_upstream, lines, closed = play.seen
    timeless = [{name: value for name, value in line.items() if name not in ("time", "duration_us")} for line in lines]
    return to_client, to_upstream, timeless, closed


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(CLIENTS) - 1),
            st.integers(-1, len(REPLIES) - 1),
            st.integers(0, 99),
            st.sampled_from(["", "", "", "", "split", "world", "full"]),
        ),
        max_size=14,
    )
)
@settings(max_examples=200, deadline=None)
def test_the_pump_and_the_whole_way_say_the_same(steps: list[tuple[int, int, int, str]]) -> None:
    with pumped() as fast:
        slow = Play(WHOLE_WAY)
        for asked, answered, number, twist in steps:
            reply = REPLIES[FITTING[asked] if answered < 0 or number % 3 else answered](number)
            for play in (fast, slow):
                if play.closed:
                    continue
                play.failing = twist == "full"
                play.happens(ClientBytes(CLIENTS[asked](number), 2.0))
                play.failing = False
                if twist == "world":
                    play.happens(WorldChanged(STRICTER if number % 2 else WORLD, 2.0))
                cut = number % len(reply) if twist == "split" else len(reply)
                for part in (reply[:cut], reply[cut:]):
                    if part and not play.closed:
                        play.happens(UpstreamBytes(part, 3.0))
            assert told(fast) == told(slow)
        assert b"987-65" not in fast.seen[0]


def test_a_repeated_exchange_is_carried_and_recorded_and_masked_each_time() -> None:
    with pumped() as play:
        for number in range(10):
            play.happens(ClientBytes(CLIENTS[1](number), 2.0))
            play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
        # Two go the whole way until they are known, and the sixth goes through the lane's doors by the runtime's hand.
        assert (play.carried, play.rides) == (2 * 7, 1)
        assert b"".join(play.to_client).count(b"[redacted]") == 10
        assert len({line["id"] for line in play.lines if line["event"] == "statement-asked"}) == 10
        assert [line["seq"] for line in play.lines] == list(range(1, len(play.lines) + 1))


def test_portals_that_mean_another_statement_are_masked_as_that_one() -> None:
    for exchanges in OTHERWISE.values():
        with pumped() as play:
            for asked, answered in [BEGIN, *exchanges]:
                play.happens(ClientBytes(asked, 2.0))
                play.happens(UpstreamBytes(answered, 2.0))
            assert b"987-65" not in b"".join(play.to_client)


def test_a_log_without_room_is_left_to_the_session() -> None:
    with pumped() as play:
        for number in range(3):
            play.happens(ClientBytes(CLIENTS[1](number), 2.0))
            play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
        assert play.carried == 2
        play.log.tail.append(b"x" * (ROOM - EXTENT - 200) + b"\n")
        heard = len(play.to_upstream)
        play.client.sendall(CLIENTS[1](3))
        assert play.pump is not None and play.pump.turn() == (0, 0)
        # The session recorded it elsewhere before it went.
        assert len(play.to_upstream) == heard + 1
        assert play.lines[-1]["event"] == "statement-asked"


def test_what_does_not_go_at_once_waits_its_turn() -> None:
    with pumped() as play:
        for number in range(3):
            play.happens(ClientBytes(CLIENTS[1](number), 2.0))
            play.happens(UpstreamBytes(REPLIES[1](number), 3.0))
        play.calls[1].held = 10
        play.ends[1].behind()
        heard = len(play.to_upstream)
        play.happens(ClientBytes(CLIENTS[1](3), 2.0))
        # By the runtime's own way out, behind what waits there.
        assert play.to_upstream[heard:] == [CLIENTS[1](3)]
        assert not select.select([play.server], [], [], 0)[0]
        play.calls[1].held = 0
        play.happens(UpstreamBytes(REPLIES[1](3), 3.0))
        play.happens(ClientBytes(CLIENTS[1](2), 2.0))
        assert play.to_upstream[heard:] == [CLIENTS[1](3), CLIENTS[1](2)]
        assert play.carried == 2 + 4 - 1


def test_an_end_that_is_left_is_neither_read_nor_kept_open() -> None:
    play = Pumped(POSTGRES)
    play.leave()
    (client, inner), (server, other) = socket.socketpair(), socket.socketpair()
    with client, server:
        pump = Pump(play.log.tail, play.log, EVERY)
        with socket.socket(fileno=pump.door()) as door:
            socket.send_fds(door, [b"."], [inner.fileno(), other.fileno()])
        rails = play.session.lane.rails
        assert isinstance(rails, Lane)
        ends = pump.join(rails, play.session.lane, *play.calls)
        inner.close()
        other.close()
        for end in ends:
            end.leave()
            end.read(True)
        assert client.recv(1) == server.recv(1) == b""
        assert pump.turn() == (0, 0)


def test_the_end_of_a_side_is_told_once_and_a_fault_of_the_session_too() -> None:
    with pumped() as play:
        play.client.shutdown(socket.SHUT_WR)
        assert play.pump is not None
        play.pump.turn()
        play.pump.turn()
        assert play.errors == [None]

        def breaks(_: bytes) -> None:
            raise ArithmeticError("a fault")

        play.calls[1].received = breaks
    with pumped() as play:
        assert play.pump is not None
        rails = play.session.lane.rails
        assert isinstance(rails, Lane)
        play.calls[0].received = breaks
        (client, inner), (server, other) = socket.socketpair(), socket.socketpair()
        socket.send_fds(play.door, [b"."], [inner.fileno(), other.fileno()])
        ends = play.pump.join(rails, play.session.lane, *play.calls)
        client.sendall(b"?")
        play.pump.turn()
        assert [type(error) for error in play.errors] == [ArithmeticError]
        for end in ends:
            end.leave()
        for one in (client, server, inner, other):
            one.close()


def test_a_pump_is_handed_both_ends_or_reads_neither() -> None:
    play = Pumped(POSTGRES)
    with play.client, play.server, play.door:
        rails = play.session.lane.rails
        assert isinstance(rails, Lane) and play.pump is not None
        for handed in ([], [play.client.fileno()]):
            if handed:
                socket.send_fds(play.door, [b"."], handed)
            try:
                play.pump.join(rails, play.session.lane, *play.calls)
            except OSError as error:
                assert error.errno
            else:
                raise AssertionError(handed)
        play.leave()
