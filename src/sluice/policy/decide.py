"""The one decision per statement: pure, closed on every doubt, and able to say every question it asked.

Cedar answers one question about one thing; this puts the answers together. A statement runs when every gate, use and
write it needs is permitted; an output leaves in clear when every label that reaches it may be revealed, and masked
otherwise. Several principals (an agent and its user) must all be allowed. A policy that fails to evaluate refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sluice.model.columns import ColumnRef
from sluice.model.decision import Cost, Decision, Mask, Obligations, Refusal
from sluice.model.identity import Client, Identity
from sluice.model.masks import strictest
from sluice.policy import refusals
from sluice.policy.annotations import Annotations
from sluice.policy.ask import Answer, Answers, Asked, Question, ask, bars_columns, chain
from sluice.policy.binding import DERIVED, UNKNOWN
from sluice.policy.book import OPAQUE, LabelBook
from sluice.policy.bundle import PolicyBundle
from sluice.policy.entities import Entities
from sluice.policy.plan import Gate, Plan, Planner, Subject
from sluice.policy.request import Request, Snapshot, SourceInfo
from sluice.sql.span import Confidence, Output, Span, replication

__all__ = [
    "Asked",
    "Explanation",
    "Request",
    "Snapshot",
    "SourceInfo",
    "decide",
    "explain",
    "may_connect",
    "may_have",
    "visible",
]

_PARTS: Final = frozenset({"generalize", "email", "partial", "scrub"})
"""Masks that leave a part of the value standing."""

_CONNECTION = Span(verb="connect", action="session", confidence=Confidence.EXACT, actions=frozenset({"session"}))
_REPLICATION = replication("")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and every question that led to it, in the order they were put."""

    decision: Decision
    asked: tuple[Asked, ...] = ()


def decide(request: Request, snapshot: Snapshot) -> Decision:
    """Decides on one statement. Never raises; what goes wrong is a refusal of class 58000."""
    return explain(request, snapshot).decision


def explain(request: Request, snapshot: Snapshot) -> Explanation:
    """The same decision with every question asked. Never raises."""
    try:
        return _explained(request, snapshot)
    except Exception:  # Fail closed: whatever goes wrong in deciding, nothing may pass because of it.
        return Explanation(Decision("refuse", refusal=refusals.surprised(), quiet_errors=True))


def visible(request: Request, snapshot: Snapshot, labels: Iterable[str]) -> frozenset[str]:
    """Which of these labels the caller may see in clear in values that nobody labelled. Never raises; in doubt none."""
    try:
        if snapshot.lent:
            request = replace(request, identity=_with_lent(request.identity, snapshot, request.now))
        entities = Entities(request.source, snapshot.bindings[request.source.name])
        questions = {label: Question("reveal", entities.label(label), label) for label in labels}
        answers = ask(request, snapshot.policies, entities, questions.values(), request.approved)
    except Exception:  # Fail closed, as `explain` does.
        return frozenset()
    return frozenset(
        label for label, question in questions.items() if all(answer.allowed for answer in answers.of(question))
    )


def may_connect(
    identity: Identity,
    purpose: str,
    source: SourceInfo,
    client: Client,
    snapshot: Snapshot,
    now: float,
    for_replication: bool = False,
) -> Decision:
    """Decides on a connection. One for replication is allowed only to who may see everything in clear. Never raises."""
    decision = decide(
        Request(identity, purpose, source, client, _REPLICATION if for_replication else _CONNECTION, now=now), snapshot
    )
    if for_replication and decision.outcome == "allow" and (decision.costs or any(decision.masks or ())):
        return replace(decision, outcome="refuse", refusal=refusals.IN_CLEAR)
    return decision


def may_have(
    identity: Identity,
    purpose: str,
    source: SourceInfo,
    client: Client,
    snapshot: Snapshot,
    now: float,
    access: Literal["request", "break-glass"],
    role: str,
) -> Decision:
    """Decides whether a caller may become a member of a group for a while, by the groups that are its own. Never raises."""
    request = Request(identity, purpose, source, client, _CONNECTION, now=now, access=access, role=role)
    return decide(request, replace(snapshot, lent={}))


def _explained(request: Request, snapshot: Snapshot) -> Explanation:
    if snapshot.lent:
        request = replace(request, identity=_with_lent(request.identity, snapshot, request.now))
    for identity in chain(request.identity):
        if identity.purposes is not None and request.purpose not in identity.purposes:
            return Explanation(Decision("refuse", refusal=refusals.not_stated(request), quiet_errors=True))
        if identity.expires_at is not None and identity.expires_at <= request.now:
            return Explanation(Decision("refuse", refusal=refusals.expired(identity), quiet_errors=True))
    found = _judged(request, snapshot, request.approved)
    if found.decision.outcome != "refuse" or request.approved:
        return found
    lifting = [snapshot.policies.annotations.get(name) for name in found.decision.policies]
    approving = [each for each in lifting if each is not None and each.approval]
    if not lifting or len(approving) != len(lifting) or found.decision.refusal is None:
        return found
    if _judged(request, snapshot, approved=True).decision.outcome != "allow":
        return found
    refusal = refusals.held(found.decision.refusal, approving)
    return Explanation(replace(found.decision, outcome="hold", refusal=refusal), found.asked)


def _with_lent(identity: Identity, snapshot: Snapshot, now: float) -> Identity:
    """The caller, and whoever it acts for, with the groups that are lent to each now."""
    lent = snapshot.lent.get(f"{identity.kind}:{identity.name}", ())
    groups = identity.groups | {group for group, until in lent if until > now}
    behind = None if identity.on_behalf_of is None else _with_lent(identity.on_behalf_of, snapshot, now)
    return replace(identity, groups=groups, on_behalf_of=behind)


def _judged(request: Request, snapshot: Snapshot, approved: bool) -> Explanation:
    binding = snapshot.bindings[request.source.name]
    entities = Entities(request.source, binding)
    entities.rows(request)
    barred = bars_columns(request, snapshot.policies)
    plan = Planner(entities, binding, barred).plan(request.span)
    if request.access:
        plan.gates.append(Gate(Question(request.access, entities.source), request.role))
    answers = ask(request, snapshot.policies, entities, plan.questions(), approved)
    if answers.failed:
        decision = Decision(
            "refuse", tuple(sorted(answers.failed)), refusal=refusals.failed(answers.failed), quiet_errors=True
        )
    else:
        who = tuple(f"{each.kind}:{each.name}" for each in chain(request.identity))
        decision = _Judge(request, snapshot.policies, snapshot.book, answers, who).judge(plan)
    return Explanation(decision, tuple(answers.asked()))


@dataclass(slots=True)
class _Judge:
    """Puts the answers of one request together. `relied` collects the permits that the outcome rests on."""

    request: Request
    bundle: PolicyBundle
    book: LabelBook
    answers: Answers
    who: tuple[str, ...]
    relied: set[str] = field(default_factory=set)

    def judge(self, plan: Plan) -> Decision:
        quiet = self._quiet(plan)
        refused = self._refused(plan) or self._spent(plan)
        if refused is not None:
            refusal, policies = refused
            return Decision("refuse", policies, refusal=refusal, quiet_errors=quiet)
        masks: list[Mask | None] = []
        revealed: set[str] = set()
        deciding: set[str] = set()
        costs: list[Cost] = []
        for output, reaching in plan.outputs or ():
            mask = self._mask(output, reaching, deciding)
            masks.append(mask)
            if mask is None:
                shown = [one for one in reaching if one.question.action == "reveal" and one.label]
                revealed |= {one.label for one in shown}
                costs += self._costs(shown)
        hidden = {label for mask in masks if mask for label in mask.labels}
        obligations = self._obligations()
        if obligations.read_only and not self._only_reads():
            names = tuple(sorted(name for name in self.relied if self.bundle.annotations[name].read_only))
            refusal = refusals.read_only_refused(self.request, names)
            return Decision("refuse", names, refusal=refusal, quiet_errors=quiet)
        return Decision(
            "allow",
            tuple(sorted(self.relied | deciding)),
            tuple(masks) if plan.outputs is not None else None,
            obligations,
            revealed=tuple(sorted(revealed)),
            hidden=tuple(sorted(hidden)),
            quiet_errors=quiet,
            inherits=self._inherits(plan),
            clear_unknown=plan.outputs is None and (self._shows_setting() or self._all_clear(plan)),
            costs=_together(costs),
        )

    def _costs(self, shown: list[Subject]) -> Iterator[Cost]:
        """What one value in clear takes from the budgets of the permits that let it out: of each of its labels once."""
        found: dict[tuple[str, str, int], Cost] = {}
        for subject in shown:
            for who, answer in zip(self.who, self.answers.of(subject.question), strict=True):
                for given in self._budgets(answer):
                    most, seconds = given.budget or (0, 0)
                    cost = Cost(who, subject.label, 1, most, seconds, given.cuts)
                    key = (who, subject.label, seconds)
                    found[key] = _stricter(found[key], cost) if key in found else cost
        yield from found.values()

    def _budgets(self, answer: Answer) -> list[Annotations]:
        return [self.bundle.annotations[name] for name in answer.policies if self.bundle.annotations[name].budget]

    def _over(self, subject: Subject) -> list[Annotations]:
        """The permits to reveal something whose budget is spent."""
        if not self.request.past.spent or subject.question.action != "reveal":
            return []
        answers = zip(self.who, self.answers.of(subject.reveal), strict=True)
        return [
            given
            for who, answer in answers
            if (who, subject.label) in self.request.past.spent
            for given in self._budgets(answer)
        ]

    def _refused(self, plan: Plan) -> tuple[Refusal, tuple[str, ...]] | None:
        """The first thing that stands in the way, with the ids of all forbids that do."""
        known = self.bundle.annotations
        first: Refusal | None = None
        forbids: set[str] = set()
        for gate in plan.gates:
            answers = self.answers.of(gate.question)
            if not all(answer.allowed for answer in answers):
                first = first or refusals.gate_refused(self.request, gate, answers, known)
                self._note(answers, forbids)
            else:
                self._rely(answers)
        for use in plan.uses:
            if not self._permitted(use):
                first = first or refusals.use_refused(self.request, use, self._telling(use), known)
                self._note(self._telling(use), forbids)
        for target, use in plan.written:
            if not self._permitted(use):
                first = first or refusals.launder_refused(self.request, use, str(target), self._telling(use), known)
                self._note(self._telling(use), forbids)
        if first is None:
            return None
        return first, tuple(sorted(forbids))

    def _spent(self, plan: Plan) -> tuple[Refusal, tuple[str, ...]] | None:
        """The refusal of what would show values whose budget is spent, and whose permit says to cut there."""
        for _, reaching in plan.outputs or ():
            for subject in reaching:
                cutting = [given.id for given in self._over(subject) if given.cuts]
                if cutting:
                    return refusals.spent(subject.label, cutting), tuple(sorted(cutting))
        return None

    def _note(self, answers: tuple[Answer, ...], forbids: set[str]) -> None:
        forbids.update(name for answer in answers if not answer.allowed for name in answer.policies)

    def _telling(self, subject: Subject) -> tuple[Answer, ...]:
        """The answers that say most about a denial: a forbid of the use itself, else of revealing, else none."""
        own = self.answers.of(subject.question)
        if any(answer.forbidden for answer in own):
            return own
        shown = self.answers.of(subject.reveal)
        return shown if any(answer.forbidden for answer in shown) else own

    def _permitted(self, subject: Subject) -> bool:
        """By its own permit or for want of one by that of revealing; for every principal.

        Revealing a label is no right to launder it, but where nothing is known yet: the column written to is then unknown, too.
        """
        own, shown = self.answers.of(subject.question), self.answers.of(subject.reveal)
        launder = subject.question.action == "launder" and subject.label != UNKNOWN
        permits: set[str] = set()
        for mine, reveal in zip(own, shown, strict=True):
            if mine.allowed:
                permits.update(mine.policies)
            elif mine.forbidden or (launder and subject.label):
                return False
            elif reveal.allowed and not self._budgets(reveal):
                # One that counts values shown gives no use of them, which nobody could count.
                permits.update(reveal.policies)
            elif subject.label or reveal.forbidden:
                return False
        self.relied |= permits
        return True

    def _mask(self, output: Output, reaching: tuple[Subject, ...], deciding: set[str]) -> Mask | None:
        denied = [subject for subject in reaching if not self._permitted(subject) or self._over(subject)]
        barred = output.opaque and self.answers.bars_columns
        if not denied and not barred:
            return None
        wanted: list[Mask] = []
        for subject in denied:
            wanted.append(self.book.mask_of(subject.label) if subject.label else Mask("redact"))
            for answer in (*self.answers.of(subject.question), *self.answers.of(subject.reveal)):
                if answer.forbidden:
                    deciding.update(answer.policies)
                    wanted += [mask for name in answer.policies if (mask := self.bundle.annotations[name].mask)]
        labels = tuple(sorted({subject.label for subject in denied if subject.label} | ({OPAQUE} if barred else set())))
        plain = {subject.label for subject in reaching if output.plain is not None and subject.column == output.plain}
        if (
            output.opaque
            or any(subject.label not in plain for subject in denied)
            or any(subject.question.action != "reveal" for subject in denied)
        ):
            # A partial mask on anything but the plain column can be turned inside out, and whether what is computed of a value is
            # NULL tells of the value (`substring(ssn from '^98')`), so not even that it is there is shown.
            wanted.append(Mask("null"))
        if len(_PARTS & {mask.method for mask in wanted}) > 1:
            # Each shows a part of the value that the other hides, so neither will do.
            wanted.append(Mask("redact"))
        return replace(strictest(wanted), labels=labels)

    def _quiet(self, plan: Plan) -> bool:
        known = all(self._revealable(one) for one in plan.errors)
        return not known or (bool(plan.everything) and not self._all_clear(plan))

    def _revealable(self, subject: Subject) -> bool:
        answers = self.answers.of(subject.reveal)
        if any(map(self._budgets, answers)):
            # What an error quotes, or what cannot be followed, cannot be counted.
            return False
        if not subject.label:
            return not any(answer.forbidden for answer in answers)
        return all(answer.allowed for answer in answers)

    def _shows_setting(self) -> bool:
        span = self.request.span
        return span.verb == "show" and span.action == "session" and span.confidence == Confidence.EXACT

    def _all_clear(self, plan: Plan) -> bool:
        """Whether anything the source holds may leave in clear; a bar on unlabelled columns may hit any of it."""
        return bool(plan.everything) and not self.answers.bars_columns and all(map(self._revealable, plan.everything))

    def _rely(self, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            self.relied.update(answer.policies)

    def _obligations(self) -> Obligations:
        given = [self.bundle.annotations[name] for name in self.relied]
        rows = [each.row_limit for each in given if each.row_limit is not None]
        times = [each.statement_timeout_ms for each in given if each.statement_timeout_ms is not None]
        return Obligations(min(rows, default=None), min(times, default=None), any(each.read_only for each in given))

    def _inherits(self, plan: Plan) -> tuple[tuple[ColumnRef, str], ...]:
        """Labels that columns written to take on. A value computed by one who may not see it marks the column, too:

        reading it back with a part left standing would show any part that the computation moved there.
        """
        labels = {
            (target, use.label)
            for target, use in plan.written
            if use.label and not (use.label == UNKNOWN and target in plan.labelled)
        }
        labels |= {(target, DERIVED) for target, made_of in plan.derived if not all(map(self._revealable, made_of))}
        return tuple(sorted(labels))

    def _only_reads(self) -> bool:
        span = self.request.span
        return {*span.actions, span.action} <= {"read", "session"} and span.confidence != Confidence.OPAQUE


def _stricter(one: Cost, other: Cost) -> Cost:
    return one._replace(most=min(one.most, other.most), cuts=one.cuts or other.cuts)


def _together(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    """One for each count: what a whole row takes from it."""
    found: dict[tuple[str, str, int], Cost] = {}
    for cost in costs:
        key = (cost.who, cost.label, cost.seconds)
        known = found.get(key)
        found[key] = cost if known is None else _stricter(known, cost)._replace(values=known.values + cost.values)
    return tuple(sorted(found.values()))
