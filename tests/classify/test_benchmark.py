"""The benchmark's floors, on a small run of it."""

from __future__ import annotations

from benchmarks.classification.__main__ import columns_score, values_score


def test_values_are_told_apart() -> None:
    wrong: list[str] = []
    assert values_score(11, 25, wrong).figures()[2] >= 0.97, "\n".join(wrong)


def test_columns_are_told_apart() -> None:
    wrong: list[str] = []
    assert columns_score(12, 1, wrong).figures()[2] >= 0.95, "\n".join(wrong)
