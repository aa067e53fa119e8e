"""Everything a decision depends on besides the statement, for one source: immutable, versioned, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sluice.mask.subjects import SubjectKey
from sluice.policy.binding import Classified
from sluice.policy.request import Snapshot, SourceInfo
from sluice.session.memory import Memory
from sluice.sql.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. `apart`: texts longer than this are parsed outside the worker's loop."""

    statement: int = 1 << 20
    apart: int = 16 << 10
    frame: int = 64 << 20
    row: int = 64 << 20
    window: int = 1 << 20
    patience: float = 600.0
    """Seconds that a client waits for humans."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One source as it is now. `learned` are labels taken on by writes: (relation oid, attribute number) to labels.

    `revoked` names identities that may no longer do anything. `memory` holds what was worked out under this very world, for
    all sessions of the worker; it goes with it.
    """

    version: int
    source: SourceInfo
    snapshot: Snapshot
    catalog: Catalog
    masking_key: bytes = field(repr=False)
    limits: Limits = Limits()
    learned: Mapping[tuple[int, int], frozenset[str]] = field(default_factory=dict)
    detection: bool = True
    """Values of columns without a label are looked through as they pass."""
    classified: Classified = field(default_factory=Classified)
    """What was looked into."""
    unclassified: bool = False
    """What may hold text, has no label and was not looked into is `unknown`."""
    subject_key: SubjectKey | None = field(default=None, repr=False)
    """What identifying values are hashed with; None: they are not."""
    memory: Memory = field(default_factory=Memory, repr=False)

    def rebased(self, catalog: Catalog, learned: Mapping[tuple[int, int], frozenset[str]] | None = None) -> World:
        """The same world over another catalog (a session's own view of what it has not committed)."""
        known = self.learned if learned is None else learned
        name = self.source.name
        classified = self.classified if self.unclassified else None
        binding = self.snapshot.book.bind(name, catalog, self.snapshot.bindings.get(name), known, classified)
        snapshot = replace(self.snapshot, bindings={**self.snapshot.bindings, name: binding})
        return replace(self, catalog=catalog, snapshot=snapshot, learned=known, memory=Memory())
