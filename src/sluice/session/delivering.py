"""Rows on their way to the client: described, masked, limited, counted. Nothing passes without a shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sluice.classify.matcher import compiled
from sluice.mask.plan import copy_plan
from sluice.mask.subjects import Subjects
from sluice.model.approval import Approval
from sluice.model.decision import Mask, Refusal
from sluice.model.waist import Columns, CopyStart, Rows
from sluice.policy.labels import upward
from sluice.policy.request import ANYTHING, rounded
from sluice.session import effects as fx
from sluice.session import findings
from sluice.session.flights import Run
from sluice.session.names import Portal
from sluice.session.rulings import Ruling
from sluice.session.shape import Shape, looks_of, shape_of
from sluice.session.state import State
from sluice.session.subjects import watches_of
from sluice.sql.span import CopyShape, Output, Span

_UNKNOWN = Refusal(
    "the result names a table that the gateway cannot see, so it was withheld",
    detail="its labels cannot be known",
    hint="give the gateway's upstream role the right to see the table, then run the statement again",
)
_OUTDATED = Refusal(
    "the schema has just changed, so the result was withheld",
    detail="what the statement names is something else than when it was analysed",
    hint="run the statement again",
    code="40001",
)


def describe(state: State, run: Run, answered: Columns, now: float) -> bool:
    """Fixes how the result that follows is passed on; False: its description is not to be said (refused or held)."""
    shape = _shape(state, run, answered.raw, now)
    if shape.unknown and state.looked_up != answered.raw:
        _look_up(state, run, answered.raw)
        state.held_rows.append(answered)
        return False
    return _take(state, run, _doubted(run, shape), answered.raw)


def describe_portal(state: State, run: Run, portal: Portal, answered: Rows, now: float) -> bool:
    """The same for a portal, by its own description or its statement's with the formats it was bound with."""
    raw = portal.description if portal.described else portal.prepared.description
    if raw is None:
        return False
    shape = _shape(state, run, raw, now, None if portal.described else portal.formats)
    if shape.unknown and state.looked_up != raw:
        _look_up(state, run, raw)
        state.held_rows.append(answered)
        return False
    _take(state, run, _doubted(run, shape), raw)
    return True


def _doubted(run: Run, shape: Shape) -> Shape:
    if shape.unknown:
        return Shape(run.ruling, refusal=_UNKNOWN)
    # A view of the same name may be made of other columns by now, and only a new analysis would know.
    return Shape(run.ruling, refusal=_OUTDATED) if run.outdated else shape


def _look_up(state: State, run: Run, raw: bytes) -> None:
    state.looked_up, run.outdated = raw, True
    state.also.append(fx.RefreshCatalog())


def _shape(state: State, run: Run, raw: bytes, now: float, formats: tuple[int, ...] | None = None) -> Shape:
    key = (raw, formats)
    known = run.ruling.shapes.get(key)
    if known is not None:
        return known
    columns = state.engine.columns(raw)
    if formats is not None:
        spread = formats * len(columns) if len(formats) == 1 else formats or (0,) * len(columns)
        if len(spread) != len(columns):
            return Shape(run.ruling, columns, refusal=_UNKNOWN)
        columns = tuple(column._replace(binary=form == 1) for column, form in zip(columns, spread, strict=True))
    shape = shape_of(run.ruling, columns, state.world, _ruler(state, run, now))
    if not shape.unknown:
        run.ruling.shapes.keep(key, shape)
    return shape


def _ruler(state: State, run: Run, now: float) -> Callable[[Span], Ruling]:
    """Rules on a span in the place of the one that runs."""
    purpose, approval, literals = run.ruling.purpose, run.ruling.approval, run.ruling.literals
    if approval is not None:
        return lambda span: _approved(state, run, span, approval, now)
    return lambda span: state.rulings.of(span, run.text, (span,), purpose, state.past, now, literals)


def _approved(state: State, run: Run, span: Span, approval: Approval, now: float) -> Ruling:
    held = run.ruling
    ruling = state.rulings.of(span, run.text, (span,), held.purpose, state.past, now, held.literals)
    if ruling.decision.outcome != "hold":
        return ruling
    return state.rulings.approved(ruling, run.text, (span,), state.past, now, approval)


def _take(state: State, run: Run, shape: Shape, raw: bytes) -> bool:
    run.shape = shape
    run.description = raw
    for what in shape.disagreements:
        state.notes.append(state.journal.disagreement(run, what, refused=False))
    if shape.refusal is None:
        return True
    state.notes.append(state.journal.disagreement(run, shape.refusal.message, refused=True))
    run.swallow = True
    if state.status == "I" and not state.in_pipeline:
        state.say(state.engine.voice.report(shape.refusal, "ERROR"))
    else:
        # The server's transaction goes on; a client that believes it failed must not be left in it.
        state.fatal(shape.refusal)
    return False


def reshape(state: State, run: Run, now: float) -> None:
    """The world changed while a result streams: what is still to come follows the new ruling."""
    old, before = run.shape, run.ruling
    run.ruling = _ruler(state, run, now)(run.ruling.span)
    if run.ruling.decision.outcome != "allow":
        state.fatal(run.ruling.decision.refusal or Refusal("permission was withdrawn while the result was read"))
    elif old is not None and run.copy_mask is None and not run.copying:
        run.shape = shape_of(run.ruling, old.columns, state.world, _ruler(state, run, now))
        if run.shape.refusal is not None or run.shape.unknown:
            state.fatal(run.shape.refusal or _UNKNOWN)
    elif run.copying and (
        run.ruling.decision.masks != run.copied_under or (run.shape is not None and run.ruling.shown != before.shown)
    ):
        # The masks of a COPY are fixed when it starts, since its rows may be cut anywhere.
        state.fatal(Refusal("policy changed while the data was copied", hint="run the COPY again"))


def rows(state: State, run: Run, answered: Rows) -> bool:
    """Passes a run of rows on; False when they do not fit their shape."""
    if answered.copy:
        return _copy_rows(state, run, answered.raw)
    shape = run.shape
    if shape is None:
        return False
    if run.swallow:
        return True
    data, limit = answered.raw, shape.ruling.decision.obligations.row_limit
    try:
        if limit is not None and run.rows + state.engine.count(data) > limit:
            # Cut first: what does not leave is neither counted nor named.
            data = state.engine.head(data, limit - run.rows)
            run.swallow = True
            state.say(state.engine.voice.report(_limited(limit, shape.ruling.decision.policies), "WARNING"))
        if shape.mask is not None and (shape.hides or not state.streaming):
            given = data
            data, count, masked, found = shape.mask.rows(given, _gathered(state, run) if shape.watches else None)
            if data is not given:
                count_masked(run, masked)
            if found:
                findings.note(state, run, shape.ruling, found)
        else:
            if shape.watches:
                # A row so large that it passes in parts: whom it names is not known.
                run.subjects, run.unnamed = None, True
            count = state.count(data)
    except ValueError:
        return False
    run.rows += count
    run.size += len(data)
    note_seen(state, shape.ruling, count)
    state.say(data)
    return True


def _gathered(state: State, run: Run) -> Subjects | None:
    """Where the hashes of a result are gathered; None: they would be of texts that nobody asks for."""
    if run.subjects is None and not run.unnamed and state.encoding == "UTF8":
        run.subjects = Subjects()
    return run.subjects


def _limited(limit: int, policies: tuple[str, ...]) -> Refusal:
    return Refusal(
        f"the result was cut after {limit} rows",
        f"row limit set by policy {', '.join(policies)}",
        "narrow the statement",
        "01000",
    )


def note_seen(state: State, ruling: Ruling, count: int) -> None:
    """Notes the labels that the session has now seen in clear, and in how many rows if any policy asks."""
    revealed = ruling.decision.revealed
    if revealed and not state.past.labels.issuperset(revealed):
        state.past = state.past._replace(labels=state.past.labels.union(revealed))
    if count and state.rulings.counts_rows:
        for label in {ANYTHING, *(above for each in revealed for above in upward(each))}:
            state.counted[label] = state.counted.get(label, 0) + count
        rows = tuple(sorted((label, rounded(held)) for label, held in state.counted.items()))
        if rows != state.past.rows:
            state.past = state.past._replace(rows=rows)


def count_masked(run: Run, masked: list[int]) -> None:
    """Adds up the values hidden in each column."""
    run.masked = [old + new for old, new in zip(run.masked, masked, strict=True)] if run.masked else masked


def copy(state: State, run: Run, answered: CopyStart) -> bool:
    """A COPY begins; False when the statement is none, or goes the other way."""
    span = run.ruling.span
    shape = span.copy
    if shape is None or shape.direction != answered.direction:
        return False
    run.copying = True
    if answered.direction == "in":
        return True
    decision = run.ruling.decision
    run.copied_under = decision.masks
    if decision.masks is None or span.outputs is None:
        unknown = [Output(str(place + 1), frozenset()) for place in range(answered.columns)]
        return decision.clear_unknown and _plan_copy(state, run, [None] * answered.columns, unknown, shape)
    if len(decision.masks) != answered.columns or answered.binary != (shape.format == "binary"):
        return False
    if not _plan_copy(state, run, decision.masks, span.outputs, shape):
        return False
    run.shape = Shape(run.ruling)
    return True


def _plan_copy(
    state: State, run: Run, masks: Sequence[Mask | None], outputs: Sequence[Output], shape: CopyShape
) -> bool:
    world = state.world
    origins = [None] * len(masks)
    looks, hide = looks_of(run.ruling, origins, [mask is None for mask in masks], world)
    watches = watches_of(run.ruling, masks, origins, world)
    if not hide and not any(masks) and not any(watches):
        # Nothing in it would be hidden, and its rows may be of any length.
        return True
    try:
        run.copy_mask = copy_plan(
            masks, outputs, shape, world.catalog, world.masking_key, world.limits.row, compiled(), looks, watches
        )
    except ValueError:
        return False
    return True


def _copy_rows(state: State, run: Run, raw: bytes) -> bool:
    if not run.copying or (run.shape is None and not run.ruling.decision.clear_unknown):
        return False
    data = raw
    try:
        if run.copy_mask is not None:
            data, count, masked, found = run.copy_mask.feed(raw, _gathered(state, run))
            count_masked(run, masked)
            if found:
                findings.note(state, run, run.ruling, found)
        else:
            count = state.count(raw)
    except ValueError:
        return False
    run.rows += count
    run.size += len(data)
    if run.shape is not None:
        note_seen(state, run.shape.ruling, count)
    state.say(data)
    return True


def copy_end(state: State, run: Run) -> bool:
    """All COPY data has come; False when a row is left incomplete."""
    if run.copy_mask is None:
        return True
    try:
        state.say(run.copy_mask.finish())
    except ValueError:
        return False
    return True
