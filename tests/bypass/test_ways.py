"""Every known way around has its cases, and every case is a known way."""

from __future__ import annotations

from pathlib import Path

import pytest
from ways import Way, every_case, is_such, ways

TESTS = Path(__file__).parents[1]
WAYS = ways()


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_a_way_is_tried(way: Way) -> None:
    assert way.found or way.tests
    for pattern in way.patterns:
        assert any(is_such(case, pattern) for case in way.found), pattern
    for named in way.tests:
        file, _, test = named.partition("::")
        assert f"def {test}(" in (TESTS / file).read_text(), named


def test_every_case_is_a_known_way() -> None:
    known = {(case.file, case.line) for way in WAYS for case in way.found}
    assert [str(case) for case in every_case() if (case.file, case.line) not in known] == []


def test_no_case_is_there_twice() -> None:
    texts = [(case.file, case.steps) for case in every_case()]
    assert len(set(texts)) == len(texts)
