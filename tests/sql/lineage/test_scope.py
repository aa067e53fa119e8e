from __future__ import annotations

from sluice.model.columns import ColumnRef
from sluice.sql.lineage.reach import CLEAR, OPAQUE, UNNAMED, Entry, Reach
from sluice.sql.lineage.scope import Item, Result, Scope, answered
from sluice.sql.span import Flow


def _of(table: str, *columns: str, **more: bool) -> Entry:
    refs = {name: ColumnRef("public", table, name) for name in columns}
    listed = [(name, Reach(frozenset((Flow(ref, "value"),)), ref)) for name, ref in refs.items()]
    return Entry(table, listed, **more)


def _plain(found: Reach | None) -> str:
    assert found is not None
    return str(found.plain)


def test_a_name_is_found_in_the_nearest_query_that_has_it() -> None:
    outer = Scope([Item.of(_of("people", "id", "ssn"))])
    inner = outer.inside([Item.of(_of("notes", "id", "body"))])
    assert _plain(inner.column("id")) == "public.notes.id"
    assert _plain(inner.column("ssn")) == "public.people.ssn"
    assert inner.column("nothing") is None


def test_a_name_of_two_items_is_in_doubt() -> None:
    scope = Scope([Item.of(_of("people", "id")), Item.of(_of("notes", "id"))])
    assert scope.column("id") is OPAQUE
    assert _plain(scope.entry("notes").get("id")) == "public.notes.id"  # type: ignore[union-attr]


def test_a_column_of_an_item_that_may_have_any_hides_none_further_out() -> None:
    outer = Scope([Item.of(_of("people", "ssn"))])
    assert outer.inside([Item.of(Entry("f", [], open=True))]).column("ssn") is OPAQUE
    vague = Entry("g", [(UNNAMED, CLEAR)], vague=True)
    found = outer.inside([Item.of(vague)]).column("ssn")
    # It may be the function's column or the table's, so whatever reaches either reaches it.
    assert found is not None and found.plain is None and len(found.flows) == 1


def test_a_table_by_its_name_is_its_whole_row_unless_a_column_is_called_so() -> None:
    whole = Scope([Item.of(_of("people", "id", "ssn"))]).column("people")
    assert whole is not None and len(whole.flows) == 2 and whole.row is not None
    assert _plain(Scope([Item.of(_of("people", "people"))]).column("people")) == "public.people.people"


def test_system_columns_are_found_in_stored_tables_alone() -> None:
    assert Scope([Item.of(_of("people", "id", stored=True))]).column("xmin") is CLEAR
    assert Scope([Item.of(_of("derived", "id"))]).column("xmin") is None


def test_what_a_star_stands_for_is_unknown_as_soon_as_one_item_is() -> None:
    known, unknown = Item.of(_of("people", "id", "ssn")), Item.of(Entry("f", [], open=True))
    assert [name for name, _ in Scope([known]).visible() or ()] == ["id", "ssn"]
    assert Scope([known, unknown]).visible() is None


def test_a_query_whose_columns_are_not_known_is_open_and_one_with_a_nameless_column_is_vague() -> None:
    assert answered("q", Result(None), ()).open
    assert answered("q", Result([(UNNAMED, CLEAR)]), ()).vague
    named = answered("q", Result([(UNNAMED, CLEAR)]), ("a",))
    assert not named.vague and named.get("a") is CLEAR
