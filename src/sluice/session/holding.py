"""Held requests: humans are asked, the client waits or hears how to run it again, an approval releases it once.

A request that is held stays at the head of the inbox and is ruled upon anew whenever it is offered again, so what decides is
always the newest world. An approval fits by a digest of the exact text, its parameters and all that its meaning hangs on; it
is kept until the request that it was given for has been sent, and never for another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from sluice.audit.redact import plain, wording
from sluice.model.approval import Approval, Hold, Need
from sluice.model.columns import ColumnRef
from sluice.model.decision import Refusal
from sluice.model.waist import Asked, Bind, Describe, Prepare
from sluice.session import effects as fx
from sluice.session import settling
from sluice.session.analyses import Understood
from sluice.session.dispatch import first_refused, unknown
from sluice.session.events import ApprovalAsked, ApprovalResolved
from sluice.session.literals import without_secrets
from sluice.session.names import Portal
from sluice.session.purposes import reason_of
from sluice.session.rulings import Ruling
from sluice.session.state import Holding, State, Wait
from sluice.sql.span import Confidence, Span

Lifted = tuple[Sequence[Ruling], Refusal | None]
"""The rulings to go by, and what stands in the way all the same."""

FORESEEN = Approval("")
_HOUR = 3600.0
_BY_NAME = frozenset({"prepare", "execute", "fetch"})
_ESTIMATED = frozenset({"select", "insert", "update", "delete", "merge"})
_ABORTED = Refusal("current transaction is aborted, commands ignored until end of transaction block", code="25P02")
_INSTEAD = "ask for access ahead of time (`sluice request`), or send the statement itself"


def lift(
    state: State,
    asked: Asked,
    understood: Understood,
    text: bytes,
    rulings: Sequence[Ruling],
    bound: tuple[bytes, bytes, tuple[str, ...]],
    now: float,
) -> Lifted | None:
    """What a request goes by that was not simply allowed; None: humans are being asked, so it must wait.

    `bound`: the declared parameter types, the parameters as bound, and for people to read.
    """
    refused = first_refused(state, rulings)
    if not _held(rulings):
        return rulings, refused
    cursors = _of_cursors(state, rulings)
    if cursors is not None:
        return _approved(state, text, rulings, cursors, now)
    if not _bindable(understood):
        return rulings, _unbound(refused)
    needs = _needs(state, rulings)
    digest = _digest(state, understood, text, bound)
    approval = state.lifted.get(digest)
    if approval is not None and approval.needs == needs:
        return _approved(state, text, rulings, approval, now)
    if not settling.drained(state):
        return None
    if state.status == "E":
        return rulings, _ABORTED
    current = state.holding
    if current is not None and current.asked is asked and (current.hold.digest, current.hold.needs) == (digest, needs):
        if current.refusal is None:
            state.wait = Wait.APPROVAL
            return None
        state.holding = None
        return rulings, current.refusal
    if state.in_pipeline and state.status == "I" and not state.bound:
        settling.release(state)
        return None
    _ask(state, asked, _hold(state, understood, text, rulings, (digest, needs, bound[2]), now))
    return None


def lift_prepare(
    state: State, asked: Prepare, understood: Understood, rulings: Sequence[Ruling], now: float
) -> Lifted | None:
    """The same for a statement that is only prepared: humans are asked when parameters follow at once, else at its Bind.

    Preparing alone runs nothing; it is recorded as a hold.
    """
    if not _held(rulings) or not _bindable(understood):
        return lift(state, asked, understood, asked.text, rulings, (b"", b"", ()), now)
    following = _following(state, asked.name)
    if following is None:
        return None
    if following is False:
        return foreseen(state, asked.text, rulings, now), None
    return lift(
        state, asked, understood, asked.text, rulings, (asked.types, *state.engine.parameters(following.raw)), now
    )


def lift_portal(state: State, portal: Portal, text: bytes, rulings: Sequence[Ruling], now: float) -> Lifted:
    """The same for a portal that is run: humans were asked when its parameters were bound, or never."""
    refused = first_refused(state, rulings)
    if not _held(rulings):
        return rulings, refused
    approval = portal.approval or _of_cursors(state, rulings)
    if approval is None or approval.needs != _needs(state, rulings):
        return rulings, refused
    return _approved(state, text, rulings, approval, now)


def foreseen(state: State, text: bytes, rulings: Sequence[Ruling], now: float) -> Sequence[Ruling]:
    """The rulings as they would be if humans approved, to describe and prepare by; nothing runs under them."""
    if not _held(rulings):
        return rulings
    return _lifted(state, text, rulings, FORESEEN, now)


def approval_of(rulings: Iterable[Ruling]) -> Approval | None:
    """The approval that rulings rest on, if they do."""
    return next((ruling.approval for ruling in rulings if ruling.approval is not None), None)


def asked(state: State, event: ApprovalAsked) -> None:
    """Humans were asked: the client hears of it, and waits or not."""
    current = _current(state, event.number)
    if current is None:
        return
    current.request = event.request
    where = f" ({event.address})" if event.address else ""
    hold = current.hold
    if current.waits and event.may_wait:
        patience = state.world.limits.patience
        current.deadline = event.at + patience
        state.also.append(fx.WakeAt(current.deadline))
        said = Refusal(
            f"held for approval: request {event.request}{where}",
            f"it takes {hold.whom}; the statement waits for at most {round(patience)} seconds",
            f"they approve it with `sluice approvals approve {event.request}`; cancel the statement to withdraw the request",
            "00000",
        )
        state.say(state.engine.voice.report(said, "NOTICE"))
        return
    state.also.append(fx.EndApproval(event.number, withdraw=False))
    _over(state, current, _again(current, where, f"it takes {hold.whom}"))


def resolved(state: State, event: ApprovalResolved) -> None:
    """Humans answered, or will not: the request is offered again and goes by it."""
    current = _current(state, event.number)
    if current is None:
        return
    if event.approval is not None:
        state.lifted = {current.hold.digest: event.approval}
        state.holding = None
        state.wait = None
        return
    named = f"request {current.request}: " if current.request else ""
    code = "58000" if event.outcome == "failed" else "42501"
    _over(state, current, Refusal(f"{current.hold.why}; {event.outcome}", f"{named}{event.why}", "", code))


def give_up(state: State, why: Refusal, withdraw: bool) -> bool:
    """Ends a wait from this side; False: nothing waits. `withdraw`: the request with it."""
    current = state.holding
    if current is None or state.wait is not Wait.APPROVAL:
        return False
    state.also.append(fx.EndApproval(current.number, withdraw))
    _over(state, current, why)
    return True


def check_clock(state: State, now: float) -> bool:
    """Ends a wait whose time is up; whether it did. The request stays open."""
    current = state.holding
    if current is None or current.deadline is None or now < current.deadline:
        return False
    return give_up(state, _again(current, "", "nobody has answered yet"), withdraw=False)


def stopped(state: State) -> bool:
    """Ends a wait because the gateway goes down; whether it did. The request stays open."""
    current = state.holding
    return current is not None and give_up(state, _again(current, "", "the gateway is shutting down"), withdraw=False)


def tidy(state: State) -> None:
    """Withdraws a request whose statement needs it no longer: it ran by another world, was refused, or is gone."""
    current = state.holding
    if current is not None and not (state.inbox and state.inbox[0] is current.asked):
        state.holding = None
        if current.refusal is None:
            state.also.append(fx.EndApproval(current.number, withdraw=True))


def _held(rulings: Sequence[Ruling]) -> bool:
    held = False
    for ruling in rulings:
        if ruling.decision.outcome == "hold" and unknown(ruling) is None:
            held = True
        elif ruling.decision.outcome != "allow":
            return False
    return held


def _bindable(understood: Understood) -> bool:
    """Whether the text and its parameters are all there is to it."""
    if any(effect.kind in _BY_NAME for span in understood.spans for effect in span.effects):
        return False
    return not any(span.copy is not None and span.copy.direction == "in" for span in understood.spans)


def _unbound(refused: Refusal | None) -> Refusal:
    found = refused or Refusal("the statement is not allowed")
    reason = "an approval is bound to a text and its parameters, and this one does something that they do not say"
    return Refusal(found.message, f"{found.detail}; {reason}", _INSTEAD, found.code)


def _of_cursors(state: State, rulings: Sequence[Ruling]) -> Approval | None:
    """The approval under which the cursors were declared that held statements read from."""
    found: set[Approval | None] = set()
    for ruling in rulings:
        if ruling.decision.outcome == "hold":
            names = [effect.args[0] for effect in ruling.span.effects if effect.kind == "fetch"]
            portals = [state.portals.get(name) for name in names]
            found |= {None if portal is None else portal.approval for portal in portals} or {None}
    return found.pop() if len(found) == 1 else None


def _approved(state: State, text: bytes, rulings: Sequence[Ruling], approval: Approval, now: float) -> Lifted:
    lifted = _lifted(state, text, rulings, approval, now)
    return lifted, first_refused(state, lifted)


def _lifted(state: State, text: bytes, rulings: Sequence[Ruling], approval: Approval, now: float) -> tuple[Ruling, ...]:
    spans = [ruling.span for ruling in rulings]
    return tuple(
        state.rulings.approved(ruling, text, spans, state.past, now, approval)
        if ruling.decision.outcome == "hold"
        else ruling
        for ruling in rulings
    )


def _following(state: State, name: str) -> Bind | Literal[False] | None:
    """The Bind that a Prepare's pipeline goes on with; False: it goes on otherwise; None: that is still to come."""
    for one in islice(state.inbox, 1, None):
        if isinstance(one, Bind):
            return one if one.statement == name else False
        if not isinstance(one, Describe):
            return False
    return None


def _needs(state: State, rulings: Sequence[Ruling]) -> tuple[Need, ...]:
    """How many of which groups have to approve: the most that any policy wants of each."""
    wanted: dict[str, int] = {}
    known = state.world.snapshot.policies.annotations
    for ruling in rulings:
        for name in ruling.decision.policies if ruling.decision.outcome == "hold" else ():
            each = known[name]
            wanted[each.approval] = max(each.approvals, wanted.get(each.approval, 0))
    return tuple(Need(group, count) for group, count in sorted(wanted.items()))


def _digest(state: State, understood: Understood, text: bytes, bound: tuple[bytes, bytes, tuple[str, ...]]) -> str:
    """Of the text, its parameters, and everything else in the session that it hangs on what they do."""
    context = state.context
    touched = sorted({f"{touch.access} {touch.table}" for span in understood.spans for touch in span.tables})
    called = sorted({name for span in understood.spans for name in span.functions})
    private = any("pg_temp" in name for name in (*touched, *called))
    meaning = [
        "1", state.world.source.name, context.search_path, context.user, state.encoding, state.plain_strings, touched,
        called, state.caller.connection if private else "",
    ]  # fmt: skip
    parts = (json.dumps(meaning).encode(), text, bound[0], bound[1])
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def _hold(
    state: State,
    understood: Understood,
    text: bytes,
    rulings: Sequence[Ruling],
    binding: tuple[str, tuple[Need, ...], tuple[str, ...]],
    now: float,
) -> Hold:
    """Also records the statement as held."""
    held = [ruling for ruling in rulings if ruling.decision.outcome == "hold"]
    refusal = first_refused(state, held) or Refusal("the statement is not allowed")
    event_id = state.journal.next_id()
    state.record(state.journal.refused(event_id, held[0], text, refusal, now), event_id)
    spans = understood.spans
    carried = state.world.snapshot.bindings[state.world.source.name]
    labels_of = carried.labels_of
    words = wording(text, spans, carried.known_labels_of, accepted=True)
    known = state.world.snapshot.policies.annotations
    policies = tuple(sorted({name for ruling in held for name in ruling.decision.policies}))
    given = [known[name] for name in policies]
    digest, needs, parameters = binding
    columns = {column for span in spans for column in _columns(span)}
    return Hold(
        digest=digest,
        event_id=event_id,
        purpose=held[0].purpose,
        needs=needs,
        policies=policies,
        why=refusal.message,
        valid_seconds=min((each.expires_ms / 1000 for each in given if each.expires_ms is not None), default=_HOUR),
        uses=min(each.uses for each in given),
        text=plain(without_secrets(text)) if words.text is None else words.text,
        parameters=tuple([without_secrets(each.encode()).decode() for each in parameters])
        if not words.withheld
        else ("(withheld)",) * len(parameters),
        verbs=tuple(span.verb for span in spans),
        tables=tuple(sorted({(str(touch.table), touch.access) for span in spans for touch in span.tables})),
        functions=tuple(sorted({name for span in spans for name in span.functions})),
        labels=tuple(sorted({label for column in columns for label in labels_of(column)})),
        search_path=state.context.search_path,
        probe=_probe(state, spans, text),
        reason=without_secrets(reason_of(state, text).encode()).decode("utf-8", "replace"),
    )


def _columns(span: Span) -> set[ColumnRef]:
    found = {use.column for use in span.uses} | {write.target for write in span.writes}
    for parts in (span.outputs or (), span.writes):
        for part in parts:
            found |= {flow.column for flow in part.flows}
    return found


def _probe(state: State, spans: Sequence[Span], text: bytes) -> str:
    if len(spans) != 1 or state.encoding != "UTF8" or not state.plain_strings:
        return ""
    span = spans[0]
    if span.verb not in _ESTIMATED or span.confidence is not Confidence.EXACT or span.functions:
        return ""
    return text.decode("utf-8", "replace")


def _ask(state: State, asked: Asked, hold: Hold) -> None:
    if state.holding is not None and state.holding.refusal is None:
        state.also.append(fx.EndApproval(state.holding.number, withdraw=True))
    state.holds += 1
    patience = state.caller.patience
    waits = patience == "wait" or (not patience and state.status == "I" and not state.in_pipeline)
    state.holding = Holding(state.holds, asked, hold, waits and not state.stopping)
    state.also.append(fx.AskApproval(state.holds, hold, state.holding.waits))
    state.wait = Wait.APPROVAL


def _current(state: State, number: int) -> Holding | None:
    current = state.holding
    if current is None or current.number != number or current.refusal is not None or state.wait is not Wait.APPROVAL:
        return None
    return current


def _over(state: State, current: Holding, refusal: Refusal) -> None:
    current.refusal = refusal
    state.wait = None


def _again(current: Holding, where: str, why: str) -> Refusal:
    named = f"request {current.request}{where}" if current.request else "no request was made"
    hint = f"once it is approved (`sluice approvals show {current.request}`), run the very same statement again"
    return Refusal(current.hold.why, f"{named}: {why}", hint if current.request else "run the statement again")
