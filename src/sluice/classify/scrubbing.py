"""Runs of records scrubbed: what is sensitive is replaced by its kind, and counted by where it stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sluice import _kernel
from sluice.classify.matcher import LEAST, compiled, detector

Form = Literal["jsonl", "json", "csv", "text"]
"""How a file is read: lines of JSON, one JSON value, records of fields, or plain text."""

Place = tuple[str, str, str]
"""Where something was (a column, or a path as `messages[].content`), its kind, its label."""


@dataclass(slots=True)
class Tally:
    """How much was found, by place. Never what."""

    counts: Counter[Place] = field(default_factory=Counter)

    def add(self, found: _kernel.Tally) -> None:
        """Adds what the kernel counted."""
        for path, index, count in found:
            known = detector(index)
            kind, label = ("unread", "opaque.unknown") if known is None else (known.kind, known.label)
            self.counts[path.decode("utf-8", "replace"), kind, label] += count

    @property
    def total(self) -> int:
        """How many values were found."""
        return self.counts.total()


def scrub(
    run: bytes, form: Form, key: bytes | None, columns: Sequence[bytes] = (), delimiter: str = ","
) -> tuple[bytes, _kernel.Tally]:
    """Whole records scrubbed. With a `key` equal values get equal marks, `[email:1f0c29ab]`; without, `[email]`.

    Runs without the GIL, so that several runs can be scrubbed at once.
    """
    return compiled().scrub(run, form, key, LEAST, delimiter=ord(delimiter), columns=columns)


def without_secrets(text: bytes) -> bytes:
    """A text that somebody wrote, with what the detectors find in it replaced by its kind, `[email]`."""
    return compiled().scrub(text, "text", None, LEAST)[0]


def scrub_values(
    values: Sequence[bytes | None], name: str, key: bytes | None
) -> tuple[list[bytes | None], _kernel.Tally]:
    """The values of a column `name` scrubbed."""
    return compiled().scrub_values(values, name.encode(), key, LEAST)


def cut(buffer: bytes, form: Form) -> int:
    """How much of a buffer is whole records; the rest belongs to what follows."""
    return _kernel.cut(buffer, form)
