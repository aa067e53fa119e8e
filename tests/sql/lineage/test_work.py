from __future__ import annotations

import pytest

from sluice.model.columns import ColumnRef
from sluice.sql.catalog import Catalog
from sluice.sql.lineage.reach import Reach
from sluice.sql.lineage.scope import Result
from sluice.sql.lineage.work import MOST, Context, TooMuch, Work
from sluice.sql.span import Confidence, Flow, Use

SSN, NAME = (ColumnRef("public", "people", column) for column in ("ssn", "name"))
OF_SSN, OF_NAME = (Reach(frozenset((Flow(column, "value"),)), column) for column in (SSN, NAME))


@pytest.fixture
def work() -> Work:
    return Work(Catalog((), (), {}, {}, frozenset()), Context(), (), lambda *_: Result(None))


def test_doubt_never_lessens(work: Work) -> None:
    work.opaque("one reason")
    work.partial("another")
    assert work.confidence is Confidence.OPAQUE and list(work.reasons) == ["one reason", "another"]


def test_an_unknown_call_is_named_and_makes_all_opaque(work: Work) -> None:
    work.function("other.f")
    assert work.functions == {"other.f"} and work.confidence is Confidence.OPAQUE


def test_a_column_written_into_itself_is_no_flow_and_still_computed(work: Work) -> None:
    work.write(SSN, OF_SSN)
    work.write(SSN, OF_SSN.derived())
    work.write(NAME, OF_SSN)
    untouched, computed, copied = work.writes
    assert (untouched.flows, untouched.derived) == (frozenset(), False)
    assert (computed.flows, computed.derived) == (frozenset(), True)
    assert (copied.flows, copied.derived) == (OF_SSN.flows, False)


def test_what_a_view_does_inside_is_no_use_of_the_callers(work: Work) -> None:
    work.quiet = True
    work.filter(OF_SSN)
    work.arrange(OF_SSN)
    assert work.uses == set()


def test_the_order_of_gathered_rows_is_a_use_only_of_what_the_array_does_not_hold(work: Work) -> None:
    work.gathering = []
    work.arrange(OF_SSN)
    work.arrange(OF_NAME)
    assert work.uses == set()
    work.gathered(OF_SSN)
    assert work.uses == {Use(NAME, "filter")}


def test_a_total_in_the_array_does_not_cover_the_order_by_single_values(work: Work) -> None:
    work.gathering = []
    work.arrange(OF_SSN)
    work.gathered(OF_SSN.aggregated())
    assert work.uses == {Use(SSN, "filter")}


def test_a_statement_that_asks_for_too_many_steps_is_given_up(work: Work) -> None:
    work.step(MOST)
    with pytest.raises(TooMuch):
        work.step()
