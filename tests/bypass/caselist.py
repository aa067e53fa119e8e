"""The corpus as it is written: one case a line, with what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from canaries import HIDDEN

CORPUS = Path(__file__).parent / "corpus"
ENDS = ("hidden", "refused", "withheld", "failed")
"""What may become of a case: it runs and what it answers is masked or tells nothing; it is refused; it runs or fails, and the
server's words about that are withheld; the server takes it for an error of the caller's own."""

_MARKS = re.compile(r"\[(still|varies|alone|open|hidden|refused|withheld|failed)(?:: ([^\]]*))?\] ?")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the corpus: statements for one connection, in order.

    `still`: past the gateway it tells nothing either (why, in words). `varies`: the answer is another at every run, whatever
    the data. `alone`: it ends transactions or cannot run in one. `open`: it is known to get through. Others: what becomes of it.
    """

    file: str
    line: int
    steps: tuple[str, ...]
    marks: dict[str, str]
    written: str = ""
    """The line without its marks."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {' ;;; '.join(self.steps)}"[:110]

    @property
    def text(self) -> str:
        """All that the client writes."""
        return "\n".join(self.steps)

    @property
    def becomes(self) -> str:
        """What becomes of it; all that stands in the way of guards is refusal."""
        return next((mark for mark in self.marks if mark in ENDS), "refused")

    def defines(self) -> bool:
        """Whether it changes the catalog, so that the gateway must read it again at every step."""
        return re.search(r"\b(create|alter|into)\b", self.text) is not None

    def on(self, database: str, port: int) -> Case:
        """The case as it is asked of one database."""
        words = {"{database}": database, "{server}": f"host=127.0.0.1 port={port} user=keeper"}
        steps = self.steps
        for word, value in words.items():
            steps = tuple(step.replace(word, value) for step in steps)
        return replace(self, steps=steps)


def cases(*names: str) -> list[Case]:
    """The cases of these files of the corpus."""
    return [case for name in names for case in _read(CORPUS / f"{name}.txt")]


def _read(path: Path) -> Iterator[Case]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("-- "):
            continue
        marks: dict[str, str] = {}
        while match := _MARKS.match(line):
            marks[match[1]] = match[2] or ""
            line = line[match.end() :]
        steps = HIDDEN.fill(line).replace("\\n", "\n").split(" ;;; ")
        yield Case(path.stem, number, tuple(steps), marks, line)
