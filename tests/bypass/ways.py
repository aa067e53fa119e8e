"""The known ways around, and which lines of the corpus and which other tests try them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from caselist import CORPUS, Case, cases

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Way:
    """One way around; `found` are the lines of the corpus that are such a way."""

    group: str
    name: str
    patterns: tuple[str, ...]
    tests: tuple[str, ...]
    found: list[Case] = field(default_factory=list)


def every_case() -> list[Case]:
    """All lines of the corpus."""
    return cases(*sorted(path.stem for path in CORPUS.glob("*.txt")))


def ways() -> list[Way]:
    """Every way with its cases, in the order they are written."""
    listed: list[dict[str, Any]] = yaml.safe_load((HERE / "ways.yaml").read_text())
    found = [
        Way(group["group"], way["way"], tuple(way.get("cases", ())), tuple(way.get("tests", ())))
        for group in listed
        for way in group["ways"]
    ]
    known = every_case()
    for way in found:
        way.found.extend(case for case in known if any(is_such(case, pattern) for pattern in way.patterns))
    return found


def is_such(case: Case, pattern: str) -> bool:
    """Whether a line of the corpus is one that a pattern of a way is for."""
    return re.search(pattern, f"{case.file}: {case.written}", re.IGNORECASE) is not None


def page() -> Iterator[str]:
    """The reference page, line by line."""
    found = ways()
    tried = len(every_case())
    yield "\n# Ways around\n"
    yield f"Every way around a masking gateway that is known here, and what becomes of it: {tried} lines of `tests/bypass/corpus`, each"
    yield "played against a running gateway by `tests/bypass`, and beside it the tests that try what is no statement. A line may be"
    yield "counted for several ways. [Ways around, and what becomes of them](../explanation/ways-around.md) says how to read this."
    group = ""
    for way in found:
        if way.group != group:
            group = way.group
            yield f"\n## {group}\n"
            yield "| way | lines | hidden | refused | withheld | failed | for example, and other tests |"
            yield "| --- | --- | --- | --- | --- | --- | --- |"
        yield _row(way)


def _row(way: Way) -> str:
    ends = [sum(case.becomes == end for case in way.found) or "" for end in ("hidden", "refused", "withheld", "failed")]
    shown = [f"`{_short(case)}`" for case in way.found[:1]] + [f"`{test.partition('::')[2]}`" for test in way.tests]
    return f"| {way.name} | {len(way.found) or ''} | {' | '.join(map(str, ends))} | {'; '.join(shown)} |"


def _short(case: Case) -> str:
    text = case.written.replace("\\n", " ").replace("|", "\\|").replace("`", "'")
    return text if len(text) <= 70 else text[:69] + "…"
