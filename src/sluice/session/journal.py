"""The lines a session writes to the log, with ids and times; what stands in them is `audit`'s."""

from __future__ import annotations

from typing import Literal

from sluice.audit.encode import encode, stamp
from sluice.audit.events import Connected, Disagreement, Disconnected, Ending, ProtocolBroken
from sluice.audit.template import Head, Step, caller, done, peer, unread
from sluice.model.decision import Refusal
from sluice.model.identity import Client, Identity
from sluice.session.flights import Run
from sluice.session.literals import without_secrets
from sluice.session.rulings import Ruling


class Journal:
    """One connection's lines. Times are seconds since the epoch; `now` of the last event stands for those without one.

    `number` is the last event's place in the connection.
    """

    __slots__ = ("_connection", "_heads", "_who", "now", "number")

    def __init__(
        self,
        connection: str,
        source: str,
        environment: str,
        identity: Identity,
        purpose: str,
        client: Client,
        user: str,
    ) -> None:
        self._connection = connection
        self._who = (source, environment, identity, purpose, client, user)
        self._heads: dict[str, Head] = {}
        self.number = 0
        self.now = 0.0

    def next_id(self) -> str:
        """The id of the next event."""
        self.number += 1
        return self.id(self.number)

    def id(self, number: int) -> str:
        """The id of the event of this number."""
        return f"{self._connection}-{number}"

    def parts(self, ruling: Ruling, text: bytes | None, step: Step) -> tuple[bytes, bool, bytes]:
        """What stays the same in the record of a statement: behind its time, whether its own text follows, the rest."""
        head = self._heads.get(ruling.purpose) or self._head(ruling.purpose)
        return ruling.template.parts(head, None if text is None else without_secrets(text), step)

    def asked(self, run: Run, now: float, step: Step = "run") -> bytes:
        """A statement goes upstream."""
        self.now = now
        ruling = run.ruling
        head = self._heads.get(ruling.purpose) or self._head(ruling.purpose)
        return ruling.template.asked(head, run.event_id, self.number, now, without_secrets(run.text), step)

    def refused(self, event_id: str, ruling: Ruling | None, text: bytes, refusal: Refusal, now: float) -> bytes:
        """A statement that will not go upstream."""
        self.now = now
        text = without_secrets(text)
        if ruling is None:
            head = self._heads.get("") or self._head("")
            return unread(0).refused(head, event_id, self.number, now, text, refusal)
        head = self._heads.get(ruling.purpose) or self._head(ruling.purpose)
        if ruling.decision.outcome != "allow":
            return ruling.template.asked(head, event_id, self.number, now, text)
        return ruling.template.refused(head, event_id, self.number, now, text, refusal)

    def done(self, run: Run, outcome: Ending, tag: str, code: str, now: float) -> bytes:
        """A statement is over."""
        self.now = now
        self.number += 1
        return done(
            run.event_id,
            self.number,
            now,
            outcome,
            started=run.started,
            rows=run.rows,
            size=run.size,
            masked=run.masked,
            error=code,
            tag=tag,
            found=run.told() if run.found else (),
            subjects=b"" if run.subjects is None else run.subjects.told(),
        )

    def turned(self, identity: Identity) -> None:
        """The caller is this from here on."""
        source, environment, _, purpose, client, user = self._who
        self._who = (source, environment, identity, purpose, client, user)
        self._heads.clear()

    def lost(self, run: Run, outcome: Literal["lost", "cut"] = "lost") -> bytes:
        """A statement whose end nobody saw, or that Sluice cut off."""
        return self.done(run, outcome, "", "", self.now)

    def connected(self, now: float) -> bytes:
        """The session begins."""
        self.now = now
        source, environment, identity, purpose, client, user = self._who
        return encode(
            Connected(
                self.next_id(),
                self.number,
                stamp(now),
                self._connection,
                source,
                environment,
                caller(identity),
                purpose,
                peer(client),
                user,
            )
        )

    def disconnected(self, reason: str) -> bytes:
        """The session is over."""
        return encode(Disconnected(self.next_id(), self.number, stamp(self.now), self._connection, reason))

    def broken(self, side: str, reason: str) -> bytes:
        """One side broke the protocol."""
        return encode(ProtocolBroken(self.next_id(), self.number, stamp(self.now), self._connection, side, reason))

    def disagreement(self, run: Run, found: str, refused: bool) -> bytes:
        """The server described a result otherwise than the analysis did."""
        outcome: Literal["refused", "masked"] = "refused" if refused else "masked"
        return encode(
            Disagreement(
                self.next_id(), self.number, stamp(self.now), self._connection, run.event_id, (found,), outcome
            )
        )

    def _head(self, purpose: str) -> Head:
        source, environment, identity, _, client, _ = self._who
        head = self._heads[purpose] = Head(self._connection, source, environment, identity, purpose, client)
        return head
