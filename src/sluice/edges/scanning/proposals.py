"""Proposed labels on disk, beside the log: written by the scan, overruled by people, read by the gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sluice.classify.columns import IN_EFFECT, Proposal

Verdict = Literal["", "confirmed", "rejected"]
FILE: Final = "proposed-labels.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A proposal for a column (`schema.table.column`), which stays the same by `oid` and `attnum` while names change.

    `verdict` is a person's word, and empty until there is one.
    """

    source: str
    column: str
    oid: int
    attnum: int
    label: str
    confidence: int
    evidence: tuple[str, ...]
    verdict: Verdict = ""

    @property
    def in_effect(self) -> bool:
        """Whether the label holds: a person's word decides, and without one how sure the proposal is."""
        return self.verdict == "confirmed" or (self.verdict == "" and self.confidence >= IN_EFFECT)


class Proposals:
    """All proposals, by source and column."""

    def __init__(self, folder: Path) -> None:
        self.path = self.file(folder)
        self._entries: dict[tuple[str, int, int], Entry] = {}
        if self.path.exists():
            for stored in json.loads(self.path.read_text()):
                entry = Entry(**{**stored, "evidence": tuple(stored["evidence"])})
                self._entries[entry.source, entry.oid, entry.attnum] = entry

    @staticmethod
    def file(folder: Path) -> Path:
        """Where they stand in the folder of the log."""
        return folder / FILE

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values(), key=lambda one: (one.source, one.column)))

    def put(self, source: str, column: str, place: tuple[int, int], proposal: Proposal) -> Entry:
        """Keeps a proposal; where a person has spoken, their label and word stay."""
        known = self._entries.get((source, *place))
        entry = Entry(source, column, *place, proposal.label, proposal.confidence, proposal.evidence)
        if known is not None and known.verdict:
            entry = replace(known, column=column, evidence=proposal.evidence)
        self._entries[(source, *place)] = entry
        return entry

    def drop(self, source: str, place: tuple[int, int]) -> None:
        """Forgets a proposal that the latest scan did not make again, unless a person has spoken."""
        known = self._entries.get((source, *place))
        if known is not None and not known.verdict:
            del self._entries[(source, *place)]

    def judge(self, source: str, column: str, verdict: Verdict, label: str = "") -> Entry | None:
        """Writes down a person's word, with the label they say it is; None when nothing was proposed for the column."""
        for key, entry in self._entries.items():
            if entry.source == source and entry.column == column:
                self._entries[key] = replace(entry, verdict=verdict, label=label or entry.label)
                return self._entries[key]
        return None

    def held(self, source: str) -> dict[tuple[int, int], frozenset[str]]:
        """The labels in effect, by relation oid and attribute number."""
        return {
            (entry.oid, entry.attnum): frozenset({entry.label})
            for entry in self._entries.values()
            if entry.source == source and entry.in_effect
        }

    def save(self) -> None:
        """Writes all of them; readers see the old file or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(entry) for entry in self], indent=1))
        os.replace(fresh, self.path)  # noqa: PTH105 - atomic by name
