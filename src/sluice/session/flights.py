"""What was sent to the database and is not answered yet, in order: who each answer belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from sluice.audit.events import Found
from sluice.classify.matcher import label_of
from sluice.mask.plan import CopyMask
from sluice.mask.subjects import Subjects
from sluice.model.decision import Mask
from sluice.session.names import Portal, Prepared
from sluice.session.rulings import Ruling
from sluice.session.shape import Shape


class Kind(Enum):
    """What was sent; it says which answers may come and which one ends the flight."""

    QUERY = auto()
    CALL = auto()
    RELAY = auto()
    PREPARE = auto()
    BIND = auto()
    DESCRIBE_STATEMENT = auto()
    DESCRIBE_PORTAL = auto()
    EXECUTE = auto()
    CLOSE = auto()
    SYNC = auto()
    OWN = auto()


@dataclass(slots=True)
class Run:
    """One execution of one statement, from its record to its completion."""

    event_id: str
    ruling: Ruling
    started: float
    text: bytes
    shape: Shape | None = None
    description: bytes = b""
    rows: int = 0
    size: int = 0
    masked: Sequence[int] = ()
    found: dict[tuple[int, str, str], list[int]] = field(default_factory=dict)
    """What was found in values without a label: by output, path within a JSON and kind, how often, how often as all of a value."""
    subjects: Subjects | None = None
    unnamed: bool = False
    """Rows went by whose identifying values nobody read, so the event says nothing of them."""
    deadline: float | None = None
    timed_out: bool = False
    over: bool = False
    copying: bool = False
    copy_mask: CopyMask | None = None
    copied_under: tuple[Mask | None, ...] | None = None
    swallow: bool = False
    """Nothing more of this result goes to the client (its row limit is reached, or it was refused)."""
    outdated: bool = False
    """Its result named an object that was not known when it was analysed."""

    def told(self) -> tuple[Found, ...]:
        """What was found as the event tells it: by output and label, and whether it left in clear."""
        counts: Counter[tuple[int, str]] = Counter()
        for (column, _, kind), (count, _) in self.found.items():
            counts[column, label_of(kind)] += count
        shown = (self.ruling if self.shape is None else self.shape.ruling).shown
        return tuple(Found(column, label, count, label in shown) for (column, label), count in sorted(counts.items()))


@dataclass(slots=True)
class Flight:
    """One request under way. `report` stands in for the server's error (a refused statement's own words)."""

    kind: Kind
    runs: list[Run] = field(default_factory=list)
    at: int = 0
    report: bytes | None = None
    silent: bool = False
    prepared: Prepared | None = None
    portal: Portal | None = None
    name: str = ""
    statement: str = ""
    """The statement that a Bind names."""
    collected: list[bytes] | None = None
    purpose: str = ""
    closings: int = 0
    held: bytes = b""
    """What the client is to hear once it is known what follows."""
    ends_pipeline: bool = True

    @property
    def run(self) -> Run | None:
        """The statement whose result the server sends now; None when there is none left."""
        return self.runs[self.at] if self.at < len(self.runs) else None
