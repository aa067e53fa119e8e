"""Decisions already taken, under one world and for one caller; shared by a worker's sessions.

A decision holds for (identity, purpose, what the session has seen, statement, world); policies that read the time add the
second it was taken in. The audit template of a statement is made with its first decision.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.audit.redact import wording
from sluice.audit.template import StatementTemplate
from sluice.classify.matcher import LABELS, UNREAD
from sluice.model.approval import Approval
from sluice.model.decision import Decision
from sluice.model.identity import Client, Identity
from sluice.policy.decide import decide, visible
from sluice.policy.request import Past, Request, Snapshot
from sluice.policy.schema import PRINCIPALS
from sluice.session.memory import STATEMENTS, Bounded
from sluice.sql.span import Span

if TYPE_CHECKING:
    from sluice.session.shape import Shape
    from sluice.session.world import World

SHAPES = 16


class Ruling:
    """One statement's decision, the constant part of its record, and the result shapes already compiled under it."""

    __slots__ = ("_request", "_shown", "_snapshot", "approval", "decision", "purpose", "shapes", "span", "template")

    def __init__(
        self,
        request: Request,
        snapshot: Snapshot,
        decision: Decision,
        template: StatementTemplate,
        approval: Approval | None = None,
    ) -> None:
        self._request = request
        self._snapshot = snapshot
        self._shown: frozenset[str] | None = None
        self.approval = approval
        self.span = request.span
        self.purpose = request.purpose
        self.decision = decision
        self.template = template
        self.shapes: Bounded[tuple[bytes, tuple[int, ...] | None], Shape] = Bounded(SHAPES)

    @property
    def shown(self) -> frozenset[str]:
        """The labels that may leave in clear where a detector finds them in a value without a label; asked for once."""
        if self._shown is None:
            self._shown = visible(self._request, self._snapshot, (*LABELS, UNREAD))
        return self._shown

    @property
    def literals(self) -> frozenset[str]:
        """The labels of what the caller sent within the statement, as far as any policy asks."""
        return self._request.literals

    def under(self, template: StatementTemplate, decision: Decision, approval: Approval) -> Ruling:
        """The ruling on the same request that humans have approved."""
        return Ruling(replace(self._request, approved=True), self._snapshot, decision, template, approval)

    @property
    def clear(self) -> bool:
        """Whether all that the statement answers with may leave as it is, described or not."""
        masks = self.decision.masks
        return self.decision.clear_unknown if masks is None else not (any(masks) or self.decision.costs)


class Rulings:
    """The rulings of one caller, under one world."""

    __slots__ = ("_client", "_identity", "_known", "_known_key", "_world", "counts_rows", "reads_literals")

    def __init__(self, world: World, identity: Identity, client: Client) -> None:
        self._world = world
        self._identity = identity
        self._client = client
        self._known: Bounded[int, Ruling] = Bounded(STATEMENTS)
        self._known_key: Hashable = None
        counting = world.snapshot.policies.counts_rows
        self.counts_rows = bool(counting) and any(PRINCIPALS[each.kind] in counting for each in _all(identity))
        """Whether some decision may depend on how many rows the caller has had."""
        reading = world.snapshot.policies.reads_literals
        self.reads_literals = bool(reading) and any(PRINCIPALS[each.kind] in reading for each in _all(identity))
        """Whether some decision may depend on what the caller sends within a statement."""

    def of(
        self,
        span: Span,
        text: bytes,
        spans: Sequence[Span],
        purpose: str,
        past: Past,
        now: float,
        literals: frozenset[str] = frozenset(),
    ) -> Ruling:
        """The ruling on a statement for a purpose, taken now if there is none yet. `spans` are all statements of the `text`.

        `literals` are the labels of what is sent within it; none unless `reads_literals`.
        """
        second = int(now) if self._world.snapshot.policies.reads_time else 0
        key = (purpose, past, second, literals)
        if key != self._known_key:
            self._turn_to(key)
        ruling = self._known.get(id(span))
        # The ruling keeps its span alive, so an id that is found belongs to that very span.
        if ruling is not None and ruling.span is span:
            return ruling
        return self._known.keep(id(span), self._rule(span, text, spans, purpose, past, now, literals))

    def approved(
        self, held: Ruling, text: bytes, spans: Sequence[Span], past: Past, now: float, approval: Approval
    ) -> Ruling:
        """The ruling in place of a held one, now that humans approved. Never remembered: it is for one execution.

        One that is only foreseen is recorded as the hold that it still is.
        """
        ruled = self._rule(held.span, text, spans, held.purpose, past, now, held.literals, approval)
        template = ruled.template if approval.request else held.template
        return ruled.under(template, ruled.decision, approval)

    def _turn_to(self, key: tuple[str, Past, int, frozenset[str]]) -> None:
        self._known_key = key
        callers = self._world.memory.callers
        whole = (self._identity, self._client.address, self._client.application, self._client.tls, *key)
        known = callers.get(whole)
        self._known = callers.keep(whole, Bounded(STATEMENTS)) if known is None else known

    def _rule(
        self,
        span: Span,
        text: bytes,
        spans: Sequence[Span],
        purpose: str,
        past: Past,
        now: float,
        literals: frozenset[str],
        approval: Approval | None = None,
    ) -> Ruling:
        world = self._world
        request = Request(
            identity=self._identity,
            purpose=purpose,
            source=world.source,
            client=self._client,
            span=span,
            past=past,
            approved=approval is not None,
            now=now,
            literals=literals,
        )
        decision = decide(request, world.snapshot)
        held = world.snapshot.bindings[world.source.name]
        words = wording(text, spans, held.known_labels_of, accepted=span.verb != "unparsed")
        template = StatementTemplate(span, decision, words, held.labels_of, world.version, approval)
        return Ruling(request, world.snapshot, decision, template)


def _all(identity: Identity) -> Iterator[Identity]:
    behind: Identity | None = identity
    while behind is not None:
        yield behind
        behind = behind.on_behalf_of
