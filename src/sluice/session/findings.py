"""What the detectors find in values without a label: counted for the event, noted as seen, proposed as a label.

What may not be seen was hidden by the kernel before any of this.
"""

from __future__ import annotations

from sluice.classify.matcher import UNREAD, detector, find, label_of
from sluice.mask.plan import Found as Tally
from sluice.model.waist import ResultColumn
from sluice.session import effects as fx
from sluice.session.flights import Run
from sluice.session.rulings import Ruling
from sluice.session.state import State
from sluice.sql.span import Output

_PATHS = 64
"""Paths within JSON values that are kept apart in one result; names of keys may be data, and as many."""


def note(state: State, run: Run, ruling: Ruling, found: Tally) -> None:
    """Adds up what was found in a run of rows; what of it leaves in clear, the session has seen."""
    shown = set()
    for column, path, index, count, whole in found:
        known = detector(index)
        kind, label = ("unread", UNREAD) if known is None else (known.kind, known.label)
        place = (column, path.decode("utf-8", "replace"), kind)
        if place not in run.found and len(run.found) >= _PATHS:
            place = (column, "", kind)
        counts = run.found.setdefault(place, [0, 0])
        counts[0] += count
        counts[1] += whole
        if label in ruling.shown:
            shown.add(label)
    if not state.past.labels.issuperset(shown):
        state.past = state.past._replace(labels=state.past.labels.union(shown))


def hidden_in(text: bytes, ruling: Ruling) -> bool:
    """Whether a text holds anything that this caller may not see."""
    found = find([text])[0]
    return bool(found) and any(one.label not in ruling.shown for one in found)


def propose(state: State, run: Run) -> None:
    """At the end of a result: what its columns turned out to hold, for whoever keeps proposals."""
    columns = run.shape.columns if run.shape is not None else ()
    outputs = run.ruling.span.outputs or ()
    noticed = []
    for (index, path, kind), (count, whole) in run.found.items():
        place = _place(state, index, columns, outputs)
        if place is not None and kind != "unread":
            noticed.append(fx.Noticed(*place, path, label_of(kind), count, whole, run.rows))
    if noticed:
        state.also.append(fx.NoticeLabels(tuple(noticed)))


def _place(
    state: State, index: int, columns: tuple[ResultColumn, ...], outputs: tuple[Output, ...]
) -> tuple[int, int] | None:
    """The column that an output is, by relation oid and attribute number; None: it is computed, or not known."""
    if index < len(columns):
        column = columns[index]
        return (column.table_oid, column.attnum) if column.table_oid and column.attnum > 0 else None
    plain = outputs[index].plain if index < len(outputs) else None
    relation = None if plain is None else state.world.catalog.relation(plain.schema, plain.table)
    found = None if relation is None or plain is None else relation.column(plain.column)
    return None if relation is None or found is None else (relation.oid, found.attnum)
