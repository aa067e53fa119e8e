"""One session's driver: bytes become events, effects become bytes and calls. It adds no rule and swallows no failure."""

from __future__ import annotations

import asyncio
import time
from time import perf_counter
from typing import Protocol

from sluice.edges.sinks.jsonl import LogFailed
from sluice.model.columns import ColumnRef
from sluice.runtime.outlet import End, Outlet
from sluice.runtime.recorder import Recorder
from sluice.runtime.stages import EVERY, Stages
from sluice.session import effects as fx
from sluice.session.effects import Effect
from sluice.session.events import (
    CancelAsked,
    ClientBytes,
    Event,
    Lost,
    Recorded,
    RecordFailed,
    Stop,
    Tick,
    UpstreamBytes,
)
from sluice.session.permit import Receipt
from sluice.session.purse import Want
from sluice.session.session import Session


class Services(Protocol):
    """What a session may ask of the gateway around it. Each answers later, with an event to the driver."""

    def lower(self, driver: Driver, raw: bytes, text: str) -> None:
        """Parses a large text elsewhere."""

    def build_catalog(self, driver: Driver, rows: list[str], shared: bool) -> None:
        """Builds a catalog from its rows."""

    def refresh_catalog(self, driver: Driver) -> None:
        """Reads the source's catalog again."""

    def learn(self, driver: Driver, learned: tuple[tuple[int, int, ColumnRef, str], ...]) -> None:
        """Keeps labels that columns took on."""

    def notice(self, driver: Driver, noticed: tuple[fx.Noticed, ...]) -> None:
        """Keeps labels that columns took on."""

    def ask_approval(self, driver: Driver, asked: fx.AskApproval) -> None:
        """Asks humans about a held statement."""

    def end_approval(self, driver: Driver, number: int, withdraw: bool) -> None:
        """Stops waiting for them."""

    def lease(self, driver: Driver, wants: tuple[Want, ...]) -> None:
        """Leases values from the shared counts."""

    def cancel(self, driver: Driver) -> None:
        """Asks the database to cancel what this session runs."""

    def ended(self, driver: Driver, reason: str) -> None:
        """The session is over."""


class Driver:
    """Connects a session with its two transports and the log."""

    __slots__ = (
        "_client_slow",
        "_closed",
        "_ends",
        "_every",
        "_held_client",
        "_held_upstream",
        "_left",
        "_log",
        "_loop",
        "_outlets",
        "_recording",
        "_sent",
        "_services",
        "_stages",
        "_timers",
        "_upstream_slow",
        "client",
        "lane",
        "session",
        "synced",
        "to_client",
        "to_upstream",
        "upstream",
    )

    def __init__(
        self,
        session: Session,
        log: Recorder,
        synced: bool,
        services: Services,
        client: asyncio.Transport,
        upstream: asyncio.Transport,
        stages: Stages | None = None,
    ) -> None:
        self._stages = stages or Stages()
        self._left = self._every = EVERY
        # When what was sent to the database last and is measured was sent; 0: nothing is.
        self._sent = self._recording = 0.0
        session.watch.clock = perf_counter
        self.synced = synced
        self.session = session
        self.lane = session.lane
        self.client = client
        self.upstream = upstream
        self._outlets = Outlet(client), Outlet(upstream)
        self.to_client, self.to_upstream = self._outlets[0].write, self._outlets[1].write
        self._ends: tuple[End, End] | None = None
        self._log = log
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._client_slow = self._upstream_slow = False
        self._held_client = self._held_upstream = False
        self._closed = False
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Begins the governed part of the connection."""
        self._perform(self.session.start(time.time()))

    def pumped(self, client: End, upstream: End) -> None:
        """Both ends are read by the pump from here on, which also sends to them, and lets an exchange in `EVERY` go by."""
        self._ends = client, upstream
        self._outlets[0].end, self._outlets[1].end = client, upstream
        self._left = self._every = 0

    def client_bytes(self, data: bytes) -> None:
        """The client sent something. One in `EVERY` exchanges of the lane is gone through with an eye on the clock."""
        begin = 0.0 if self._left else perf_counter()
        self._left = self._left - 1 if self._left else self._every
        now = time.time()
        known = self.lane.ask(data, now)
        if known is None:
            self._whole_ask(data, now)
            return
        asked = perf_counter() if begin else 0.0
        if begin:
            self._stages.recognise.took(asked - begin)
        lines, ids = known
        try:
            if self.synced:
                self._log.append_synced(lines, ids, self._on_medium, self._not_recorded)
                return
            receipt = self._log.append(lines, ids)
        except LogFailed as failure:
            self._not_recorded(str(failure))
            return
        if begin:
            self._stages.lane_record.took(perf_counter() - asked)
        self.to_upstream(self.lane.go(receipt)[0])
        if begin:
            self._sent = perf_counter()

    def upstream_bytes(self, data: bytes) -> None:
        """The database sent something; if it answers what was measured, so is this."""
        sent, self._sent = self._sent, 0.0
        begin = perf_counter() if sent else 0.0
        now = time.time()
        known = self.lane.answer(data, now)
        if sent:
            (self._stages.upstream if known is None else self._stages.lane_upstream).took(begin - sent)
        if known is None:
            self._whole_answer(data, now)
            return
        lines, out = known
        try:
            self._log.append(lines, ())
        except LogFailed as failure:
            self._not_recorded(str(failure))
            return
        self.lane.ended(now)
        self.to_client(out)
        if sent:
            self._stages.lane_answer.took(perf_counter() - begin)

    def _whole_ask(self, data: bytes, now: float) -> None:
        begin = perf_counter()
        effects = self.session.on(ClientBytes(data, now))
        self._stages.asked(self.session.watch, perf_counter() - begin)
        self._perform(effects)

    def _whole_answer(self, data: bytes, now: float) -> None:
        begin = perf_counter()
        effects = self.session.on(UpstreamBytes(data, now))
        self._perform(effects)
        self._stages.answer.took(perf_counter() - begin)

    def happened(self, event: Event) -> None:
        """Something else happened to the session."""
        if not self._closed:
            self._perform(self.session.on(event))

    def lost(self, side: str) -> None:
        """One side is gone."""
        self.happened(Lost(side, time.time()))

    def cancel_asked(self) -> None:
        """The client asks to cancel what runs."""
        self.happened(CancelAsked(time.time()))

    def half_closed(self) -> None:
        """The client will send nothing more, without having said goodbye; it may still read."""
        self.happened(Lost("client", time.time(), reads=True))

    def stop(self) -> None:
        """The gateway is going down."""
        self.happened(Stop(time.time()))

    def client_slow(self, slow: bool) -> None:
        """The client does not read fast enough: the database is not read until it does."""
        self._client_slow = slow
        self._read(1, not (slow or self._held_upstream))

    def upstream_slow(self, slow: bool) -> None:
        """The database does not read fast enough: the client is not read until it does."""
        self._upstream_slow = slow
        self._read(0, not (slow or self._held_client))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is fx.ToUpstream:
                self.to_upstream(effect.data)  # type: ignore[union-attr]
                self._sent = self._sent or perf_counter()
            elif kind is fx.ToClient:
                self.to_client(effect.data)  # type: ignore[union-attr]
            elif kind is fx.Record:
                if not self._record(effect):  # type: ignore[arg-type]
                    return
            else:
                self._rarely(effect)

    def _record(self, record: fx.Record) -> bool:
        try:
            if record.awaited and self.synced:
                self._recording = perf_counter()
                self._log.append_synced(record.lines, record.event_ids, self._on_medium, self._not_recorded)
                return True
            begin = perf_counter()
            receipt = self._log.append(record.lines, record.event_ids)
        except LogFailed as failure:
            self._not_recorded(str(failure))
            return False
        if record.awaited:
            self._stages.record.took(perf_counter() - begin)
            self._perform(self.session.on(Recorded(receipt, time.time())))
        return True

    def _on_medium(self, receipt: Receipt) -> None:
        if self._recording:
            self._stages.record.took(perf_counter() - self._recording)
            self._recording = 0.0
        if self.lane.waits and not self._closed:
            self.to_upstream(self.lane.go(receipt)[0])
            return
        self.happened(Recorded(receipt, time.time()))

    def _not_recorded(self, reason: str) -> None:
        self.happened(RecordFailed(reason, time.time()))

    def _rarely(self, effect: Effect) -> None:
        match effect:
            case fx.PauseClient() | fx.ResumeClient():
                self._held_client = isinstance(effect, fx.PauseClient)
                self._read(0, not (self._held_client or self._upstream_slow))
            case fx.PauseUpstream() | fx.ResumeUpstream():
                self._held_upstream = isinstance(effect, fx.PauseUpstream)
                self._read(1, not (self._held_upstream or self._client_slow))
            case fx.Lower(raw, text):
                self._services.lower(self, raw, text)
            case fx.BuildCatalog(rows, shared):
                self._services.build_catalog(self, rows, shared)
            case fx.RefreshCatalog():
                self._services.refresh_catalog(self)
            case fx.LearnLabels(learned):
                self._services.learn(self, learned)
            case fx.NoticeLabels(noticed):
                self._services.notice(self, noticed)
            case fx.AskApproval():
                self._services.ask_approval(self, effect)
            case fx.EndApproval(number, withdraw):
                self._services.end_approval(self, number, withdraw)
            case fx.Lease(wants):
                self._services.lease(self, wants)
            case fx.CancelUpstream():
                self._services.cancel(self)
            case fx.WakeAt(at):
                if at not in self._timers:
                    self._timers[at] = self._loop.call_later(max(0.0, at - time.time()), self._wake, at)
            case fx.Close(reason):
                self._close(reason)

    def _wake(self, at: float) -> None:
        self._timers.pop(at, None)
        self.happened(Tick(time.time()))

    def _close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._services.ended(self, reason)
        if self._ends is not None:
            # Their copies of the descriptors would keep the connections open.
            for end, outlet in zip(self._ends, self._outlets, strict=True):
                end.leave()
                outlet.end = None
            self._ends = None
        self._read(0, True)
        self.client.close()
        self.upstream.close()

    def _read(self, which: int, on: bool) -> None:
        if self._ends is not None:
            self._ends[which].read(on)
            return
        transport = self.upstream if which else self.client
        if transport.is_closing():
            return
        if on:
            transport.resume_reading()
        else:
            transport.pause_reading()
