from __future__ import annotations

from sluice.model.columns import ColumnRef
from sluice.sql.lineage.reach import CLEAR, OPAQUE, UNNAMED, Entry, Reach, merged, union
from sluice.sql.span import Flow

SSN, NAME = (ColumnRef("public", "people", column) for column in ("ssn", "name"))


def _plain(column: ColumnRef) -> Reach:
    return Reach(frozenset((Flow(column, "value"),)), column)


def test_what_is_computed_of_one_column_is_no_longer_that_column() -> None:
    assert union([_plain(SSN)]).plain is None
    assert _plain(SSN).derived() == Reach(frozenset((Flow(SSN, "value"),)))
    assert union([]) is CLEAR and union([CLEAR, CLEAR]) is CLEAR


def test_doubt_spreads_and_keeps_what_is_known() -> None:
    assert union([_plain(SSN), OPAQUE]) == Reach(frozenset((Flow(SSN, "value"),)), None, True)
    assert union([OPAQUE, CLEAR]).opaque


def test_an_aggregate_keeps_no_value_flow() -> None:
    both = union([_plain(SSN), _plain(NAME).aggregated()]).aggregated()
    assert {(flow.column, flow.kind) for flow in both.flows} == {(SSN, "aggregate"), (NAME, "aggregate")}


def test_one_or_the_other_is_a_column_only_if_both_are_the_same() -> None:
    assert merged(_plain(SSN), _plain(SSN)).plain == SSN
    assert merged(_plain(SSN), _plain(NAME)).plain is None
    # NULL or the column is not the column: a partial mask would tell which.
    assert merged(_plain(SSN), CLEAR).plain is None
    assert merged(CLEAR, CLEAR).plain is None


def test_rows_picked_to_be_shown_are_forgotten_by_whatever_is_computed_of_them() -> None:
    shown = Reach(shown=SSN)
    assert union([shown, CLEAR]).shown is None
    assert merged(shown, shown).shown is None


def test_a_renamed_entry_answers_to_its_new_names_alone() -> None:
    entry = Entry("people", [("ssn", _plain(SSN)), ("name", _plain(NAME))], schema="public", stored=True)
    renamed = entry.renamed("p", ("a",))
    assert renamed.get("ssn") is None
    assert renamed.get("a") == _plain(SSN) and renamed.get("name") == _plain(NAME)
    assert renamed.schema is None


def test_an_entry_of_unknown_columns_answers_to_any_name_with_all_it_may_hold() -> None:
    entry = Entry("f", [("known", _plain(SSN))], open=True)
    found = entry.get("other")
    assert found is not None and found.opaque and Flow(SSN, "value") in found.flows
    vague = Entry("g", [(UNNAMED, _plain(SSN)), ("id", CLEAR)], vague=True)
    assert vague.get("id") == Reach(frozenset((Flow(SSN, "value"),)))


def test_system_columns_are_a_tables_own_and_tell_nothing() -> None:
    assert Entry("people", [], stored=True).get("ctid") is CLEAR
    assert Entry("derived", []).get("ctid") is None
