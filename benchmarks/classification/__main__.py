"""`python -m benchmarks.classification`: the figures, by label and of all, beside Presidio's where it is installed."""

from __future__ import annotations

import argparse
import time

from sluice.classify.columns import Facts, propose
from sluice.classify.matcher import find

from .columns import columns
from .presidio import analyzer
from .score import Score
from .values import samples


def values_score(seed: int, each: int, wrong: list[str] | None = None) -> Score:
    """How well the detectors do on values."""
    score = Score()
    for sample in samples(seed, each):
        found = {finding.label for finding in find([sample.text.encode()])[0]}
        if not score.add(sample.label, found) and wrong is not None:
            wrong.append(f"{sample.what}: expected {sample.label}, found {sorted(found)}: {sample.text[:90]!r}")
    return score


def columns_score(seed: int, each: int, wrong: list[str] | None = None) -> Score:
    """How well the proposals do on columns; those that wait for a person do not count as found."""
    score = Score()
    for column in columns(seed, each):
        proposal = propose(Facts(column.name, column.type_name), column.values)
        found = {proposal.label} if proposal and proposal.in_effect else set()
        if not score.add(column.label, found) and wrong is not None:
            wrong.append(f"column {column.name}: expected {column.label}, found {proposal}, e.g. {column.values[0]!r}")
    return score


def _print(title: str, score: Score) -> None:
    print(f"\n{title:<26} precision  recall     F1")
    for label in [*score.labels(), None]:
        precision, recall, f1 = score.figures(label)
        print(f"{label or 'all':<26} {precision:9.3f} {recall:7.3f} {f1:6.3f}")


def main() -> None:
    """Prints everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--each", type=int, default=60, help="samples of every kind")
    options.add_argument("--wrong", action="store_true", help="print what was judged wrong")
    chosen = options.parse_args()
    wrong: list[str] = []
    begun = time.perf_counter()
    score = values_score(chosen.seed, chosen.each, wrong)
    took = time.perf_counter() - begun
    _print(f"values, {took:.1f} s", score)
    _print("columns", columns_score(chosen.seed, max(1, chosen.each // 20), wrong))
    theirs = analyzer()
    if theirs is None:
        print("\nPresidio is not installed: `pip install presidio-analyzer` puts its figures beside these.")
    else:
        begun = time.perf_counter()
        peer = Score()
        for sample in samples(chosen.seed, chosen.each):
            peer.add(sample.label, theirs(sample.text))
        _print(f"Presidio, {time.perf_counter() - begun:.1f} s", peer)
    if chosen.wrong:
        print("\n".join(wrong))


if __name__ == "__main__":
    main()
