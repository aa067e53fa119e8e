"""The words of a refusal: what was refused, which policy did, and how to ask. Never data values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sluice.model.decision import Refusal
from sluice.model.identity import Identity
from sluice.policy.annotations import Annotations
from sluice.policy.ask import Answer
from sluice.policy.plan import Gate, Subject
from sluice.policy.request import Request
from sluice.sql.span import Confidence

_MOST_REASONS = 3

IN_CLEAR = Refusal(
    "a replication connection carries every column in clear, and not every column may be seen in clear",
    "no policy permits `reveal` on every label of the source",
    "read the tables by SELECT or COPY, where masks apply, or ask the owner of the source",
)
"""Replication by one from whom something is hidden."""


def gate_refused(request: Request, gate: Gate, answers: Sequence[Answer], known: Mapping[str, Annotations]) -> Refusal:
    """Something the statement does is not permitted."""
    action, source = gate.question.action, request.source.name
    if action == "connect":
        message = f"connecting to `{source}` is not permitted{_purpose(request)}"
    elif action == "opaque":
        message = "the statement cannot be analysed, so it is not permitted"
    elif action in ("request", "break-glass"):
        message = f"access to `{source}` as `{gate.thing}` by `{action}` is not permitted{_purpose(request)}"
    elif action == "execute":
        message = f"calling {gate.thing} on `{source}` is not permitted"
    else:
        where = f"{gate.thing} of `{source}`" if gate.thing else f"`{source}`"
        message = f"`{action}` on {where} is not permitted{_purpose(request)}"
    detail = _deciding(answers, f"no policy permits `{action}` here")
    if request.span.confidence == Confidence.OPAQUE and request.span.reasons:
        detail += "; not analysed: " + "; ".join(request.span.reasons[:_MOST_REASONS])
    return Refusal(message, detail, _hint(request, answers, known))


def use_refused(request: Request, use: Subject, answers: Sequence[Answer], known: Mapping[str, Annotations]) -> Refusal:
    """A condition, join or order by a column the caller may not use so: its result would tell the values apart."""
    action = use.question.action
    how = {
        "lookup": "looking rows up by",
        "join": "joining by",
        "filter": "filtering, sorting, grouping or computing by",
        "aggregate": "computing with totals of",
    }[action]
    message = f"{how} column `{use.column}`{_labelled(use)} is not permitted{_purpose(request)}"
    detail = _deciding(answers, f"no policy permits `{action}` or `reveal` on {_named(use)}")
    return Refusal(message, detail, _hint(request, answers, known))


def spent(label: str, policies: Sequence[str]) -> Refusal:
    """Values of which as many were shown as a budget lets out."""
    return Refusal(
        f"as many values of `{label}` were shown as a budget allows for now",
        f"budget of policy {', '.join(sorted(policies))}",
        "run it again later, or leave the column out",
    )


def launder_refused(
    request: Request, use: Subject, target: str, answers: Sequence[Answer], known: Mapping[str, Annotations]
) -> Refusal:
    """A labelled value would land where its label is lost."""
    carried = f"values of `{use.column}`{_labelled(use)}" if use.column else "values that could not be followed"
    lost = f": the label `{use.label}` would be lost" if use.label else ""
    message = f"writing {carried} into `{target}` is not permitted{lost}"
    detail = _deciding(answers, f"no policy permits `launder` on {_named(use)}")
    return Refusal(message, detail, _hint(request, answers, known))


def read_only_refused(request: Request, policies: Iterable[str]) -> Refusal:
    """A write under a policy that obliges to read only."""
    listed = ", ".join(f"`{name}`" for name in policies)
    return Refusal(
        f"`{request.span.verb}` is not permitted: access to `{request.source.name}` is read-only{_purpose(request)}",
        f"policy {listed} obliges to read-only transactions",
        _ask_owner(request),
    )


def held(refused: Refusal, approving: Iterable[Annotations]) -> Refusal:
    """The same refusal, saying who could lift it."""
    needs = sorted({(each.approval, each.approvals) for each in approving})
    whom = ", ".join(f"{count} of `{group}`" if count > 1 else f"`{group}`" for group, count in needs)
    return Refusal(f"{refused.message} without approval", refused.detail, f"ask {whom} to approve this statement")


def failed(policies: Iterable[str]) -> Refusal:
    """A policy could not be evaluated; a rule that crashes has objected."""
    listed = ", ".join(f"`{name}`" for name in sorted(policies))
    return Refusal(
        "the statement was refused because a policy could not be evaluated",
        f"evaluating policy {listed} failed",
        "ask the gateway's operators to correct the policy",
        "58000",
    )


def surprised() -> Refusal:
    """Deciding itself went wrong."""
    return Refusal(
        "the statement was refused because it could not be decided on",
        "an internal error occurred while policy was asked",
        "report the statement to the gateway's operators",
        "58000",
    )


def not_stated(request: Request) -> Refusal:
    """A purpose that the caller's identity does not hold."""
    return Refusal(
        f"the purpose `{request.purpose}` is not one that `{request.identity.display}` may state",
        "the identity limits the purposes it may be used for",
        "connect with a purpose that the identity holds, or ask for one more",
    )


def expired(identity: Identity) -> Refusal:
    """The caller's proof of identity, or that of who it acts for, no longer holds."""
    return Refusal(
        f"the identity `{identity.display}` has expired",
        "what proved it was valid for a limited time",
        "authenticate again and reconnect",
        "28000",
    )


def _deciding(answers: Sequence[Answer], otherwise: str) -> str:
    names = sorted({name for answer in answers if not answer.allowed for name in (*answer.policies, *answer.errors)})
    if not names:
        return otherwise
    listed = ", ".join(f"`{name}`" for name in names)
    return f"policy {listed}" if len(names) == 1 else f"policies {listed}"


def _hint(request: Request, answers: Sequence[Answer], known: Mapping[str, Annotations]) -> str:
    own = [known[name].hint for answer in answers if not answer.allowed for name in answer.policies if name in known]
    given = "; ".join(dict.fromkeys(text for text in own if text))
    return given or _ask_owner(request)


def _ask_owner(request: Request) -> str:
    whom = request.identity.display
    return f"to ask for access, give the owner of `{request.source.name}` this message and the identity `{whom}`"


def _purpose(request: Request) -> str:
    return f" for purpose `{request.purpose}`" if request.purpose else " without a purpose"


def _labelled(use: Subject) -> str:
    return f" (label `{use.label}`)" if use.label else ""


def _named(use: Subject) -> str:
    return f"label `{use.label}`" if use.label else f"column `{use.column}`"
