"""Which outputs of a result name people, and whom they named: hashes for the event, made by the kernel as the rows pass.

An output is watched when its values are those of a column that identifies somebody. What is computed from one is not: its values
are others, and the event then has no entry for it, which is read as "anybody".
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.mask.subjects import Watch, watch
from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.policy.binding import DERIVED
from sluice.session.rulings import Ruling
from sluice.session.world import World


def watches_of(
    ruling: Ruling, masks: Sequence[Mask | None], origins: Sequence[ColumnRef | None], world: World
) -> list[Watch | None]:
    """How each output is watched; None: it is not. `origins` are the columns that the server says the outputs are."""
    key, book = world.subject_key, world.snapshot.book
    if key is None or not book.subjects:
        return [None] * len(masks)
    labels_of = world.snapshot.bindings[world.source.name].labels_of
    outputs = ruling.span.outputs or ()
    found: list[Watch | None] = []
    for index, (mask, origin) in enumerate(zip(masks, origins, strict=True)):
        column = (outputs[index].plain if index < len(outputs) else None) or origin
        labels = frozenset[str]() if column is None else labels_of(column)
        naming = [label for label in labels if book.identifies(label)]
        found.append(watch(key, naming, mask is None) if naming and DERIVED not in labels else None)
    return found
