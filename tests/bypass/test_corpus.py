"""Every line of the corpus, in both protocols: nothing hidden is heard, and what is heard does not depend on it."""

from __future__ import annotations

import pytest
from canaries import found
from caselist import Case
from playing import Line, Mode, became, comparable, listed, raw

SINGLE = listed("expressions", "structures", "hazards", "oracles")
SEQUENCES = listed("sequences")


@pytest.mark.parametrize("mode", ["simple", "extended"])
@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_nothing_hidden_is_heard(line: Line, case: Case, mode: Mode) -> None:
    heard = line.play(case, mode, "shop")
    assert not found(raw(heard), case.text)
    if mode == "simple":
        assert became(heard) == case.becomes
    if "varies" not in case.marks:
        assert comparable(heard) == comparable(line.play(case, mode, "twin"))


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_a_mask_that_leaves_a_part_leaves_it_on_the_plain_column_alone(line: Line, case: Case) -> None:
    assert not found(raw(line.play(case, "simple", "shown")), case.text)


@pytest.mark.parametrize("case", SEQUENCES, ids=str)
def test_nothing_hidden_is_heard_in_several_steps(line: Line, case: Case) -> None:
    heard = line.play(case, "simple", "shop")
    assert not found(raw(heard), case.text)
    assert became(heard) == case.becomes
    if "varies" not in case.marks:
        assert comparable(heard) == comparable(line.play(case, "simple", "twin"))
    if not case.defines():
        assert not found(raw(line.play(case, "extended", "shown")), case.text)


@pytest.mark.parametrize("case", [*SINGLE, *SEQUENCES], ids=str)
def test_past_the_gateway_it_is_heard(line: Line, case: Case) -> None:
    heard = line.play(case, "simple", "shop", past=True)
    told = bool(found(raw(heard), case.text))
    if not told and "varies" not in case.marks:
        told = comparable(heard) != comparable(line.play(case, "simple", "twin", past=True))
    assert told is ("still" not in case.marks)
