"""Proposed labels on disk, beside the log: written by the scan, overruled by people, read by the gateway."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sluice.classify.columns import IN_EFFECT, Proposal

Verdict = Literal["", "confirmed", "rejected"]
FILE: Final = "proposed-labels.json"
_Key = tuple[str, int, int]


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
    """All proposals, by source and column, as they were when this was made; several processes may change them at once."""

    def __init__(self, folder: Path) -> None:
        self.path = self.file(folder)
        self._entries = _read(self.path)
        self._touched: set[_Key] = set()
        self._noticed: set[_Key] = set()

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
        self._touched.add((source, *place))
        return entry

    def notice(self, source: str, column: str, place: tuple[int, int], proposal: Proposal) -> Entry | None:
        """Keeps what was noticed in passing; None when something as sure was known already."""
        known = self._entries.get((source, *place))
        if known is not None and (known.verdict or known.confidence >= proposal.confidence):
            return None
        self._noticed.add((source, *place))
        return self.put(source, column, place, proposal)

    def drop(self, source: str, place: tuple[int, int]) -> None:
        """Forgets a proposal that the latest scan did not make again, unless a person has spoken."""
        known = self._entries.get((source, *place))
        if known is not None and not known.verdict:
            del self._entries[(source, *place)]
            self._touched.add((source, *place))

    def judge(self, source: str, column: str, verdict: Verdict, label: str = "") -> Entry | None:
        """Writes down a person's word, with the label they say it is; None when nothing was proposed for the column."""
        for key, entry in self._entries.items():
            if entry.source == source and entry.column == column:
                self._entries[key] = replace(entry, verdict=verdict, label=label or entry.label)
                self._touched.add(key)
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
        """Writes what was changed here under whatever others wrote meanwhile; readers see the old file or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = _read(self.path)
            for key in self._touched:
                mine, theirs = self._entries.get(key), kept.get(key)
                if theirs is not None and theirs.verdict and not (mine is not None and mine.verdict):
                    continue
                if (
                    theirs is not None
                    and key in self._noticed
                    and mine is not None
                    and theirs.confidence >= mine.confidence
                ):
                    # Another worker noticed as much meanwhile, or a scan did.
                    continue
                kept.pop(key, None)
                if mine is not None:
                    kept[key] = mine
            self._entries = kept
            self._touched.clear()
            self._noticed.clear()
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps([asdict(entry) for entry in self], indent=1))
            os.replace(fresh, self.path)  # noqa: PTH105 - atomic by name


def _read(path: Path) -> dict[_Key, Entry]:
    if not path.exists():
        return {}
    entries = (Entry(**{**stored, "evidence": tuple(stored["evidence"])}) for stored in json.loads(path.read_text()))
    return {(entry.source, entry.oid, entry.attnum): entry for entry in entries}
