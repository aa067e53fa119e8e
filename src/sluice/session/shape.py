"""The server as second witness: its description of a result, held against the analysis, becomes the plan that masks it.

The witness can add labels, never remove them: a column whose origin carries a label that the analysis did not see is hidden
all the same, and said to be a disagreement. Another number of columns than the analysis found is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sluice.classify.matcher import compiled, hidden_by
from sluice.mask.plan import Look, RowMask, hold_text, plan
from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask, Refusal
from sluice.model.waist import ResultColumn
from sluice.session.rulings import Ruling
from sluice.session.subjects import watches_of
from sluice.session.world import World
from sluice.sql.span import Flow, Span

_HIDE_ALL = Mask("null", labels=("opaque.unknown",))


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How one result is passed on. `mask` None and no `refusal`: as it is.

    `unknown`: the result names an object that the catalog does not hold, so it must be read again first.
    `ruling` is the one the masks come from (the witness may have led to a stricter one).
    """

    ruling: Ruling
    columns: tuple[ResultColumn, ...] = ()
    mask: RowMask | None = None
    refusal: Refusal | None = None
    disagreements: tuple[str, ...] = ()
    unknown: bool = False
    hides: bool = False
    """`mask` may change a value; else it only looks."""
    watches: bool = False
    """`mask` hashes identifying values."""


def shape_of(ruling: Ruling, columns: tuple[ResultColumn, ...], world: World, rule: Callable[[Span], Ruling]) -> Shape:
    """Holds the server's columns against the ruling. `rule` decides again on a span to which the witness added flows."""
    found = ruling.decision.masks
    if found is None:
        if ruling.decision.clear_unknown:
            return _shaped(ruling, columns, [None] * len(columns), [None] * len(columns), world, ())
        return Shape(
            ruling,
            columns,
            plan([_HIDE_ALL] * len(columns), columns, world.catalog, world.masking_key, compiled()),
            hides=True,
        )
    if len(found) != len(columns):
        return Shape(ruling, columns, refusal=_miscounted(len(found), len(columns)))
    origins, unknown = _origins(columns, world)
    if unknown:
        return Shape(ruling, columns, unknown=True)
    added, disagreements = _testimony(ruling.span, origins, world)
    if added is not None:
        ruling = rule(added)
        if ruling.decision.outcome != "allow" or ruling.decision.masks is None:
            return Shape(
                ruling,
                columns,
                refusal=ruling.decision.refusal or _miscounted(0, len(columns)),
                disagreements=disagreements,
            )
        found = ruling.decision.masks
    return _shaped(ruling, columns, found, origins, world, disagreements)


def _shaped(
    ruling: Ruling,
    columns: tuple[ResultColumn, ...],
    masks: Sequence[Mask | None],
    origins: Sequence[ColumnRef | None],
    world: World,
    disagreements: tuple[str, ...],
) -> Shape:
    looking = [mask is None and holds for mask, holds in zip(masks, hold_text(columns, world.catalog), strict=True)]
    looks, hide = looks_of(ruling, origins, looking, world)
    watches = watches_of(ruling, masks, origins, world)
    mask = plan(masks, columns, world.catalog, world.masking_key, compiled(), looks, watches)
    hides, watching = bool(hide) or any(masks), any(watches)
    return Shape(ruling, columns, mask, disagreements=disagreements, hides=hides, watches=watching)


def looks_of(
    ruling: Ruling, origins: Sequence[ColumnRef | None], looking: Sequence[bool], world: World
) -> tuple[list[Look | None], int]:
    """How the outputs `looking` are looked through, and whose findings are hidden: those of labels this caller may not see.

    A column with a label goes by that label alone, unless it says that nothing is known. What the caller names an output says nothing of it.
    """
    if not world.detection or not any(looking):
        return [None] * len(looking), 0
    labels_of = world.snapshot.bindings[world.source.name].known_labels_of
    outputs = ruling.span.outputs or ()
    # Policy is asked here and not with the statement: most results that come again and again hold no text.
    hide = hidden_by(ruling.shown)
    looks: list[Look | None] = []
    for index, (origin, look) in enumerate(zip(origins, looking, strict=True)):
        plain = outputs[index].plain if index < len(outputs) else None
        column = plain or origin
        labelled = plain is not None and bool(labels_of(plain))
        looks.append(None if labelled or not look else Look("" if column is None else column.column, hide))
    return looks, hide if any(looks) else 0


def _origins(columns: tuple[ResultColumn, ...], world: World) -> tuple[list[ColumnRef | None], bool]:
    origins: list[ColumnRef | None] = []
    for column in columns:
        origin = None
        if column.table_oid and column.attnum > 0:
            origin = world.catalog.column_by_origin(column.table_oid, column.attnum)
            if origin is None:
                return [], True
        origins.append(origin)
    return origins, False


def _testimony(span: Span, origins: list[ColumnRef | None], world: World) -> tuple[Span | None, tuple[str, ...]]:
    outputs = list(span.outputs or ())
    binding = world.snapshot.bindings[world.source.name]
    disagreements: list[str] = []
    for index, origin in enumerate(origins):
        if origin is None or index >= len(outputs) or not binding.labels_of(origin):
            continue
        known = {flow.column for flow in outputs[index].flows}
        if (
            origin in known
            or origin == outputs[index].shown
            or binding.labels_of(origin) <= _labels(known, binding.labels_of)
        ):
            continue
        disagreements.append(f"output {index + 1} comes from `{origin}`, which the analysis did not find")
        outputs[index] = replace(outputs[index], flows=outputs[index].flows | {Flow(origin, "value")}, plain=None)
    if not disagreements:
        return None, ()
    return replace(span, outputs=tuple(outputs)), tuple(disagreements)


def _labels(columns: set[ColumnRef], labels_of: Callable[[ColumnRef], frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(labels_of(column) for column in columns))


def _miscounted(found: int, described: int) -> Refusal:
    return Refusal(
        message=f"the result has {described} columns where the analysis found {found}, so it was withheld",
        detail="a result that does not match its analysis could carry masked values in clear",
        hint="if the schema has just changed, run the statement again; otherwise report the statement to the gateway's operators",
    )
