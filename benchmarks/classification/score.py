"""Precision, recall and F1, by label and of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Score:
    """Counts of right, wrong and missed labels."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, expected: str | None, found: Iterable[str]) -> bool:
        """Counts one sample; whether all of it was right."""
        labels = set(found)
        if expected is not None:
            (self.right if expected in labels else self.missed)[expected] += 1
        extra = labels - {expected}
        self.wrong.update(extra)
        return not extra and (expected is None or expected in labels)

    def figures(self, label: str | None = None) -> tuple[float, float, float]:
        """Precision, recall, F1."""
        right, wrong, missed = (
            counts.total() if label is None else counts[label] for counts in (self.right, self.wrong, self.missed)
        )
        precision = right / max(1, right + wrong)
        recall = right / max(1, right + missed)
        return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)

    def labels(self) -> list[str]:
        """All labels that occur."""
        return sorted(self.right.keys() | self.wrong.keys() | self.missed.keys())
