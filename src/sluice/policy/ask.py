"""Puts questions to Cedar, for everyone on whose authority a request rests, and keeps the answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import cedarpy

from sluice.model.identity import Identity
from sluice.policy.bundle import PolicyBundle, Scope
from sluice.policy.entities import Entities, Uid, context
from sluice.policy.request import Request
from sluice.policy.schema import COLUMN_ACTIONS, PRINCIPALS

_NAMED = re.compile(r"policy `([A-Za-z0-9._-]+)`")
_LONGEST_CHAIN: Final = 4


class Question(NamedTuple):
    """May the caller do `action` to `resource`? `label` is the column's label asked about, `layer` where it is."""

    action: str
    resource: Uid
    label: str = ""
    layer: int = 0
    table: Uid | None = None
    """The table of a column. Where no policy tells columns apart, one column of a table and label answers for all."""


class Answer(NamedTuple):
    """What Cedar said for one principal. `policies` decided, sorted; `errors` are policies that failed to evaluate."""

    allowed: bool
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def forbidden(self) -> bool:
        """Denied by a forbid (or a failing policy), not merely for want of a permit."""
        return not self.allowed and bool(self.policies or self.errors)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it was put and answered, for `sluice policy explain`."""

    principal: str
    action: str
    resource: str
    label: str
    allowed: bool
    policies: tuple[str, ...]
    errors: tuple[str, ...]


class Answers:
    """All answers of one request: per question one for each principal, the caller first."""

    def __init__(self, principals: tuple[Uid, ...], bars_columns: bool) -> None:
        self.principals = principals
        self.bars_columns = bars_columns
        self.failed: set[str] = set()
        self._by_question: dict[Question, tuple[Answer, ...]] = {}

    def keep(self, question: Question, answers: tuple[Answer, ...]) -> None:
        """Adds the answers to one question."""
        self._by_question[question] = answers
        for answer in answers:
            self.failed.update(answer.errors)

    def of(self, question: Question) -> tuple[Answer, ...]:
        """The answers to a question that was put; KeyError otherwise."""
        return self._by_question[question]

    def asked(self) -> Iterator[Asked]:
        """Everything, in the order it was put."""
        for question, answers in self._by_question.items():
            for principal, answer in zip(self.principals, answers, strict=True):
                yield Asked(
                    str(principal),
                    question.action,
                    str(question.resource),
                    question.label,
                    answer.allowed,
                    answer.policies,
                    answer.errors,
                )


def chain(identity: Identity) -> tuple[Identity, ...]:
    """The caller and all those it acts for. ValueError when the chain is longer than any real one or meets itself."""
    found = [identity]
    while (acted_for := found[-1].on_behalf_of) is not None:
        if len(found) == _LONGEST_CHAIN:
            raise ValueError("the caller acts through too many others")
        if any((acted_for.kind, acted_for.name) == (each.kind, each.name) for each in found):
            raise ValueError("the caller acts for itself")
        found.append(acted_for)
    return tuple(found)


def bars_columns(request: Request, bundle: PolicyBundle) -> bool:
    """Whether some forbid may hold for this caller's columns that carry no label."""
    return any(bundle.slice(_scope(request, each)).bars_columns for each in chain(request.identity))


def ask(
    request: Request, bundle: PolicyBundle, entities: Entities, questions: Iterable[Question], approved: bool
) -> Answers:
    """Puts every question once, in one batch per principal and layer. ValueError when Cedar cannot be asked at all."""
    identities = chain(request.identity)
    distinct = list(dict.fromkeys(questions))
    principals = tuple(entities.principal(each) for each in identities)
    agent = next((each.name for each in identities if each.kind == "agent"), "")
    slices = [bundle.slice(_scope(request, each)) for each in identities]
    standing = _standing(distinct, any(each.names_columns for each in slices))
    put = list(dict.fromkeys(standing.values()))
    layers = entities.layers({question.resource for question in put})
    answers: list[dict[Question, Answer]] = []
    for identity, principal, policies in zip(identities, principals, slices, strict=True):
        contexts = {
            label: context(request, identity, label, approved, agent)
            for label in dict.fromkeys(question.label for question in put)
        }
        own: dict[Question, Answer] = {}
        for layer, held in enumerate(layers):
            for columns, handle in ((False, policies.statements), (True, policies.columns)):
                here = [each for each in put if each.layer == layer and (each.action in COLUMN_ACTIONS) == columns]
                batch = [_request(principal, question, contexts[question.label]) for question in here]
                results = cedarpy.is_authorized_batch(batch, handle, held) if batch else []
                own.update({question: _answer(result) for question, result in zip(here, results, strict=True)})
        answers.append({question: own[stand_in] for question, stand_in in standing.items()})
    found = Answers(principals, any(each.bars_columns for each in slices))
    for question in distinct:
        found.keep(question, tuple(own[question] for own in answers))
    return found


def _standing(questions: Iterable[Question], names_columns: bool) -> dict[Question, Question]:
    """For each question the one that is put in its stead."""
    if names_columns:
        return {question: question for question in questions}
    first: dict[tuple[str, Uid, str], Question] = {}
    return {
        question: first.setdefault((question.action, question.table or question.resource, question.label), question)
        for question in questions
    }


def _scope(request: Request, identity: Identity) -> Scope:
    source = request.source
    return Scope(PRINCIPALS[identity.kind], identity.name, identity.groups, source.name, source.environment)


def _request(principal: Uid, question: Question, given: str) -> dict[str, object]:
    return {
        "principal": principal._asdict(),
        "action": {"type": "Action", "id": question.action},
        "resource": question.resource._asdict(),
        "context": given,
    }


def _answer(result: cedarpy.AuthzResult) -> Answer:
    """Cedar skips a forbid that fails and may then say Allow, so any failure at all is a denial here."""
    errors = result.diagnostics.errors
    named = tuple(sorted({found[1] if (found := _NAMED.search(error)) else "unknown" for error in errors}))
    policies = tuple(sorted(result.diagnostics.reasons))
    if errors:
        return Answer(False, (), named)
    return Answer(result.decision == cedarpy.Decision.Allow, policies)
