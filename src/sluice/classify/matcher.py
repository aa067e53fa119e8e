"""The detectors as the kernel runs them: a batch of values in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from sluice import _kernel
from sluice.classify.detectors import DETECTORS, Detector

LEAST: Final = 50
"""How sure a finding in a value has to be before the value is hidden, in percent."""

_UNREAD: Final = 0xFFFF


class Finding(NamedTuple):
    """A value within a value: bytes `start` to `end`, what it is, how sure in percent.

    `detector` None: the rest of a text that would have taken more work than its length allows. It counts as sensitive.
    """

    start: int
    end: int
    detector: Detector | None
    confidence: int

    @property
    def label(self) -> str:
        """What the value is."""
        return UNREAD if self.detector is None else self.detector.label

    @property
    def shown(self) -> str:
        """What stands for it in a scrubbed text, without the brackets."""
        return "unread" if self.detector is None else self.detector.shown

    @property
    def kind(self) -> str:
        """By which kind it was found."""
        return "unread" if self.detector is None else self.detector.kind


@cache
def compiled() -> _kernel.Detectors:
    """All detectors, compiled once in each process."""
    return _kernel.Detectors(DETECTORS)


LABELS: Final = tuple(sorted({one.label for one in DETECTORS}))
"""Every label that a detector gives."""

_BY_KIND: Final = {one.kind: one.label for one in DETECTORS}
UNREAD: Final = "opaque.unknown"
"""What the rest of a text carries that would have taken more work to read than its length allows."""


def hidden_by(shown: frozenset[str]) -> int:
    """A bit for each detector whose label is not among those shown; the last of 128 is that of what could not be read."""
    hide = sum(1 << index for index, one in enumerate(DETECTORS) if one.label not in shown)
    return hide if UNREAD in shown else hide | 1 << 127


def label_of(kind: str) -> str:
    """The label of a kind of value; that of what could not be read for any other word."""
    return _BY_KIND.get(kind, UNREAD)


def detector(index: int) -> Detector | None:
    """The detector that the kernel calls by this number."""
    return None if index == _UNREAD else DETECTORS[index]


def find(values: Sequence[bytes], name: str = "", least: int = LEAST) -> list[list[Finding]]:
    """What is in each of the values, which stand under the column or key `name`."""
    return [
        [Finding(start, end, detector(index), confidence) for start, end, index, confidence in found]
        for found in compiled().scan(values, name.encode(), least)
    ]
