"""Labels follow columns: through renames, inheritance, generation and what was written into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sluice.model.columns import ColumnRef, TableRef
from sluice.policy.binding import DERIVED, Binding
from sluice.policy.book import LabelBook
from sluice.policy.labels import load_labels

BOOK = load_labels(
    """
    labels: {pii.email: email, pii.ssn: redact, a: redact, b: redact}
    columns:
      shop:
        public.customers.email: pii.email
        "*.*.ssn": pii.ssn
        "public.par?nt.x": a
        'public."odd.table"."col""umn"': b
      "sh*":
        public.both.ssn: [a, b]
      other:
        "*.*.*": a
    """,
    builtin={ColumnRef("pg_catalog", "pg_authid", "rolpassword"): "secret.password_hash"},
)


@dataclass(frozen=True)
class Column:
    name: str
    attnum: int
    generated_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relation:
    oid: int
    schema: str
    name: str
    columns: tuple[Column, ...]
    parents: tuple[int, ...] = ()

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Tables:
    """As much of a catalog as binding reads, so that every shape can be written down."""

    listed: tuple[Relation, ...] = field(default=())

    def all_columns(self) -> Iterator[ColumnRef]:
        for relation in self.listed:
            for column in relation.columns:
                yield ColumnRef(relation.schema, relation.name, column.name)

    def relation(self, schema: str, name: str) -> Relation | None:
        return next((each for each in self.listed if (each.schema, each.name) == (schema, name)), None)


def table(oid: int, name: str, *columns: str | Column, parents: tuple[int, ...] = ()) -> Relation:
    schema, _, own = name.rpartition(".")
    made = (each if isinstance(each, Column) else Column(each, n) for n, each in enumerate(columns, 1))
    return Relation(oid, schema or "public", own, tuple(made), parents)


def bound(
    *tables: Relation,
    book: LabelBook = BOOK,
    source: str = "shop",
    previous: Binding | None = None,
    learned: dict[tuple[int, int], frozenset[str]] | None = None,
) -> Binding:
    return book.bind(source, Tables(tables), previous, learned)  # type: ignore[arg-type]


def labels(binding: Binding, name: str, column: str) -> set[str]:
    return set(binding.labels_of(ColumnRef("public", name, column))) - {DERIVED}


def test_columns_are_labelled_by_name_and_pattern() -> None:
    binding = bound(table(1, "customers", "id", "email", "ssn"), table(2, "both", "ssn"), table(3, "odd.x", "SSN"))
    assert labels(binding, "customers", "id") == set()
    assert labels(binding, "customers", "email") == {"pii.email"}
    assert labels(binding, "customers", "ssn") == {"pii.ssn"}
    assert labels(binding, "both", "ssn") == {"pii.ssn", "a", "b"}
    assert binding.labels_of(ColumnRef("odd", "x", "SSN")) == {"pii.ssn"}
    assert binding.all_labels == {"pii.email", "pii.ssn", "a", "b", "secret.password_hash"}
    assert binding.row_labels == {"pii.email", "pii.ssn", "a", "b"}


def test_a_quoted_pattern_names_an_odd_column() -> None:
    odd = Relation(1, "public", "odd.table", (Column('col"umn', 1),))
    assert bound(odd).labels_of(ColumnRef("public", "odd.table", 'col"umn')) == {"b"}


def test_patterns_of_another_source_do_not_apply() -> None:
    assert bound(table(1, "t", "id"), source="shop").labels_of(ColumnRef("public", "t", "id")) == set()
    assert bound(table(1, "t", "id"), source="other").labels_of(ColumnRef("public", "t", "id")) == {"a"}


def test_system_columns_are_labelled_whether_or_not_the_catalog_lists_them() -> None:
    assert bound().labels_of(ColumnRef("pg_catalog", "pg_authid", "rolpassword")) == {"secret.password_hash"}


def test_columns_are_found_by_label_and_by_table() -> None:
    binding = bound(table(1, "customers", "email", "ssn"), table(2, "t", "ssn"))
    assert binding.columns_with("pii.email") == (ColumnRef("public", "customers", "email"),)
    assert len(binding.columns_with("pii")) == 3
    assert binding.columns_with("pi") == ()
    assert [str(each) for each in binding.labelled_in(TableRef("public", "customers"))] == [
        "public.customers.email",
        "public.customers.ssn",
    ]


def test_a_renamed_column_keeps_its_label() -> None:
    first = bound(table(1, "customers", "email"))
    second = bound(table(1, "customers", "harmless"), previous=first)
    third = bound(table(1, "customers", "more_harmless"), previous=second)
    assert labels(third, "customers", "more_harmless") == {"pii.email"}
    assert third.drifted == {(1, 1): frozenset({"pii.email"})}
    assert labels(third, "customers", "email") == set()


def test_a_renamed_or_moved_table_keeps_its_labels() -> None:
    first = bound(table(1, "customers", "email"))
    moved = bound(table(1, "attic.old", "email"), previous=first)
    assert moved.labels_of(ColumnRef("attic", "old", "email")) == {"pii.email"}


def test_swapping_a_clone_into_place_labels_both() -> None:
    first = bound(table(1, "customers", "email"), table(2, "clone", "email"))
    swapped = bound(table(1, "old", "email"), table(2, "customers", "email"), previous=first)
    assert labels(swapped, "old", "email") == {"pii.email"}
    assert labels(swapped, "customers", "email") == {"pii.email"}


def test_renaming_back_leaves_nothing_behind() -> None:
    first = bound(table(1, "t", "id"))
    labelled = bound(table(1, "t", "ssn"), previous=first)
    back = bound(table(1, "t", "id"), previous=labelled)
    assert labels(back, "t", "id") == {"pii.ssn"}
    assert labels(bound(table(1, "t", "ssn"), previous=back), "t", "ssn") == {"pii.ssn"}


def test_a_changed_book_is_asked_about_every_earlier_name() -> None:
    renamed = bound(table(1, "customers", "harmless"), previous=bound(table(1, "customers", "email")))
    emptied = load_labels("labels: {pii: redact}")
    assert (
        labels(bound(table(1, "customers", "harmless"), book=emptied, previous=renamed), "customers", "harmless")
        == set()
    )


def test_learned_labels_stay_with_the_column_and_are_handed_back() -> None:
    binding = bound(table(1, "t", "id", "copy"), learned={(1, 2): frozenset({"pii.ssn"})})
    assert labels(binding, "t", "copy") == {"pii.ssn"}
    assert binding.drifted == {(1, 2): frozenset({"pii.ssn"})}
    again = bound(table(1, "t", "id", "renamed"), learned=dict(binding.drifted))
    assert labels(again, "t", "renamed") == {"pii.ssn"}


def test_children_take_their_parents_labels_and_parents_their_childrens() -> None:
    binding = bound(
        table(1, "parent", "x", "y"),
        table(2, "child", "y", "x", "own", parents=(1,)),
        table(3, "grandchild", "x", "y", parents=(2,)),
        table(4, "sibling", "x", "y", parents=(1,)),
        learned={(3, 2): frozenset({"b"})},
    )
    for name in ("parent", "child", "grandchild", "sibling"):
        assert labels(binding, name, "x") == {"a"}
    assert (
        labels(binding, "parent", "y") == labels(binding, "child", "y") == labels(binding, "grandchild", "y") == {"b"}
    )
    assert labels(binding, "sibling", "y") == set()
    assert labels(binding, "child", "own") == set()


def test_what_is_computed_is_marked_so_and_the_mark_is_no_label_to_ask_about() -> None:
    binding = bound(table(1, "t", "id", "ssn", Column("last_four", 3, ("ssn",)), Column("next", 4, ("id",))))
    marked = [DERIVED in binding.labels_of(ColumnRef("public", "t", name)) for name in ("ssn", "last_four", "next")]
    assert marked == [False, True, False]
    assert DERIVED not in binding.all_labels | binding.row_labels


def test_a_generated_column_takes_the_labels_of_what_it_is_computed_from() -> None:
    binding = bound(
        table(1, "t", "id", "ssn", Column("last_four", 3, ("ssn",)), Column("both", 4, ("id", "last_four"))),
        table(2, "part", "id", "ssn", Column("last_four", 3, ("ssn",)), Column("both", 4), parents=(1,)),
    )
    assert labels(binding, "t", "last_four") == labels(binding, "t", "both") == {"pii.ssn"}
    assert labels(binding, "part", "last_four") == labels(binding, "part", "both") == {"pii.ssn"}


def test_a_parents_generated_column_takes_what_came_up_from_a_child() -> None:
    binding = bound(
        table(1, "top", "id", Column("copy", 2, ("id",))),
        table(2, "part", "id", "copy", parents=(1,)),
        learned={(2, 1): frozenset({"b"})},
    )
    assert labels(binding, "top", "id") == labels(binding, "top", "copy") == {"b"}


def test_parents_that_are_not_there_or_meet_themselves_do_no_harm() -> None:
    binding = bound(table(1, "a", "ssn", parents=(2, 99)), table(2, "b", "ssn", parents=(1,)))
    assert labels(binding, "a", "ssn") == {"pii.ssn"}
