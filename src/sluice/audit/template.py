"""The constant parts of a record, encoded once: a `Head` per connection, a `StatementTemplate` per decided statement.

A record is then a join of bytes. The result equals the encoding of the event it stands for, which the tests hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from sluice.audit.encode import json, stamp
from sluice.audit.events import (
    Approved,
    Assent,
    Caller,
    Duties,
    Ending,
    Found,
    Landed,
    Peer,
    Reach,
    Refused,
    Shaping,
    Shown,
    StatementDone,
    Touched,
)
from sluice.audit.redact import LabelsOf, Wording, plain
from sluice.model.approval import Approval
from sluice.model.decision import Decision, Refusal
from sluice.model.identity import Client, Identity
from sluice.sql.span import Confidence, Flow, Output, Span

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
Step = Literal["run", "prepare", "call"]
_STEPS: dict[Step, bytes] = {step: b'"step":"%b",' % step.encode() for step in get_args(Step)}
_TAG = re.compile(r"[A-Z0-9 ]*")
_DONE = (
    '{"event":"statement-done","id":"%s","seq":%d,"time":"%s","outcome":"%s","rows":%d,"bytes":%d,"masked":[%s],'
    '"duration_us":%d,"error":"","tag":"%s"}\n'
)


def caller(identity: Identity) -> Caller:
    """An identity as the log writes it; its claims stay out."""
    behind = identity.on_behalf_of
    return Caller(
        identity.kind,
        identity.name,
        tuple(sorted(identity.groups)),
        identity.method,
        None if behind is None else caller(behind),
    )


def peer(client: Client) -> Peer:
    """A far end as the log writes it."""
    return Peer(client.address, client.application, client.tls)


class Head:
    """What stays the same in a connection's records while identity, purpose and client do.

    `connection` must be unique for good and of `[A-Za-z0-9_.:-]`, at most 64 characters; else ValueError.
    """

    __slots__ = ("connection", "fixed", "plain")

    def __init__(
        self, connection: str, source: str, environment: str, identity: Identity, purpose: str, client: Client
    ) -> None:
        if not _ID.match(connection):
            raise ValueError("a connection's id is 1 to 64 of `A-Z a-z 0-9 _ . : -`")
        self.connection = connection
        fields = {
            "connection": connection,
            "source": source,
            "environment": environment,
            "identity": caller(identity),
            "purpose": purpose,
            "client": peer(client),
        }
        self.plain = _inside(fields) + b","
        self.fixed = b',"seq":%d,"time":"%b",' + self.plain.replace(b"%", b"%%")

    def event_id(self, number: int) -> str:
        """The id of this connection's n-th event."""
        return f"{self.connection}-{number}"


class StatementTemplate:
    """What stays the same in every record of one statement under one decision, labels and snapshot."""

    __slots__ = ("_end", "_own_text", "_rest", "_snapshot")

    def __init__(
        self,
        span: Span,
        decision: Decision,
        wording: Wording,
        labels_of: LabelsOf,
        snapshot: int,
        approval: Approval | None = None,
    ) -> None:
        self._own_text = wording.text is None
        fields = {
            "text": wording.text or "",
            "withheld": wording.withheld,
            "normalized": wording.normalized,
            "fingerprint": wording.fingerprint,
            **_understood(span, decision, labels_of),
        }
        if self._own_text:
            del fields["text"]
        self._rest = _inside(fields)
        self._snapshot = snapshot
        self._end = _decided(decision, snapshot, approval)

    def asked(self, head: Head, event_id: str, seq: int, at: float, text: bytes, step: Step = "run") -> bytes:
        """The line of one execution. `event_id` as `head.event_id` makes it; `at` in seconds since the epoch."""
        return self._line(head, event_id, seq, at, text, step, self._end)

    def parts(self, head: Head, text: bytes | None, step: Step) -> tuple[bytes, bool, bytes]:
        """The line of an execution but for its start, its time, and its own text if that differs from one to the next.

        `text` None: it does. (What stands before the text, whether it follows as JSON with a comma, what stands behind.)
        """
        before, rest = head.plain + _STEPS[step], self._rest + self._end
        if not self._own_text:
            return before + rest, False, b""
        if text is None:
            return before + b'"text":', True, rest
        return before + b'"text":' + json(plain(text)) + b"," + rest, False, b""

    def refused(
        self, head: Head, event_id: str, seq: int, at: float, text: bytes, refusal: Refusal, step: Step = "run"
    ) -> bytes:
        """The line of an execution that was refused although the decision itself allowed it."""
        end = _decided(Decision("refuse", refusal=refusal), self._snapshot)
        return self._line(head, event_id, seq, at, text, step, end)

    def _line(self, head: Head, event_id: str, seq: int, at: float, text: bytes, step: Step, end: bytes) -> bytes:
        start = b'{"event":"statement-asked","id":"' + event_id.encode() + b'"'
        middle = head.fixed % (seq, stamp(at).encode())
        if self._own_text:
            return b"".join((start, middle, _STEPS[step], b'"text":', json(plain(text)), b",", self._rest, end))
        return b"".join((start, middle, _STEPS[step], self._rest, end))


def unread(snapshot: int) -> StatementTemplate:
    """The template for what was refused before it was understood; only its `refused` makes sense."""
    nothing = Span("", "session", Confidence.OPAQUE)
    return StatementTemplate(nothing, Decision("refuse"), Wording("", "unread"), lambda _: frozenset(), snapshot)


def done(
    event_id: str,
    seq: int,
    at: float,
    outcome: Ending,
    *,
    started: float,
    rows: int = 0,
    size: int = 0,
    masked: Iterable[int] = (),
    error: str = "",
    tag: str = "",
    found: tuple[Found, ...] = (),
    subjects: bytes = b"",
) -> bytes:
    """The line that completes a statement's record, as `StatementDone`; times in seconds since the epoch.

    `subjects`: its entries of that name in JSON, joined by commas.
    """
    micros = max(0, round((at - started) * 1_000_000))
    if not error and not found and _TAG.fullmatch(tag):
        # Nothing in it needs an escape: the same bytes, without building the event.
        line = _DONE % (event_id, seq, stamp(at), outcome, rows, size, ",".join(map(str, masked)), micros, tag)
        return _with(line.encode(), subjects)
    event = StatementDone(
        event_id, seq, stamp(at), outcome, rows, size, tuple(masked), micros, error, tag, found or msgspec.UNSET
    )
    return _with(json(event) + b"\n", subjects)


def _with(line: bytes, subjects: bytes) -> bytes:
    return line[:-2] + b',"subjects":[' + subjects + b"]}\n" if subjects else line


def _understood(span: Span, decision: Decision, labels_of: LabelsOf) -> dict[str, object]:
    def reach(flows: Iterable[Flow]) -> tuple[Reach, ...]:
        return tuple(Reach(str(flow.column), flow.kind, _sorted(labels_of(flow.column))) for flow in sorted(flows))

    def shown(index: int, output: Output) -> Shown:
        flows = reach(output.flows)
        labels = _sorted({label for flow in flows for label in flow.labels})
        how, params, why = _shown_as(decision, index)
        return Shown(output.name, how, params, why or labels, flows, output.opaque)

    outputs = None if span.outputs is None else tuple(shown(index, one) for index, one in enumerate(span.outputs))
    uses = sorted(span.uses, key=lambda use: (use.column, use.kind))
    return {
        "verb": span.verb,
        "confidence": span.confidence.name.lower(),
        "reasons": span.reasons,
        "actions": _sorted(span.actions or {span.action}),
        "tables": tuple(Touched(str(touch.table), touch.access) for touch in span.tables),
        "functions": _sorted(span.functions),
        "outputs": outputs,
        "uses": tuple(Shaping(str(use.column), use.kind, _sorted(labels_of(use.column))) for use in uses),
        "writes": tuple(Landed(str(write.target), reach(write.flows), write.opaque) for write in span.writes),
    }


def _shown_as(decision: Decision, index: int) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """How an output leaves, the mask's settings, and the labels it is hidden for."""
    if decision.outcome != "allow":
        return "withheld", {}, ()
    if decision.masks is None or index >= len(decision.masks):
        return "clear" if decision.clear_unknown else "null", {}, ()
    mask = decision.masks[index]
    return ("clear", {}, ()) if mask is None else (mask.method, dict(mask.params), mask.labels)


def approved(approval: Approval) -> Approved:
    """An approval as the log writes it."""
    return Approved(
        approval.request,
        tuple(Assent(each.name, each.groups, each.reason, each.channel) for each in approval.approvers),
    )


def _decided(decision: Decision, snapshot: int, approval: Approval | None = None) -> bytes:
    duties, refusal = decision.obligations, decision.refusal
    fields: dict[str, object] = {
        "outcome": decision.outcome,
        "policies": decision.policies,
        "revealed": decision.revealed,
        "hidden": decision.hidden,
        "obligations": Duties(duties.row_limit, duties.statement_timeout_ms, duties.read_only),
        "refusal": None if refusal is None else Refused(refusal.code, refusal.message, refusal.detail),
        "snapshot": snapshot,
    }
    if approval is not None:
        fields["approval"] = approved(approval)
    return b"," + _inside(fields) + b"}\n"


def _inside(fields: dict[str, object]) -> bytes:
    return json(fields)[1:-1]


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
