from __future__ import annotations

from sluice.model.columns import ColumnRef
from sluice.sql.catalog import ANY, Catalog, Column, Function, Operator, Relation, TypeInfo


def table(oid: int, schema: str, name: str, *columns: str) -> Relation:
    return Relation(
        oid, schema, name, "table", tuple(Column(each, at, 25, "text") for at, each in enumerate(columns, 1))
    )


TEXT = TypeInfo(25, "pg_catalog", "text", "base")


def catalog(
    *relations: Relation, types: tuple[TypeInfo, ...] = (TEXT,), casts: frozenset[int] = frozenset()
) -> Catalog:
    functions = {"f": (Function("pg_catalog", "f", True, True), Function("own", "f", False, False))}
    return Catalog(relations, types, functions, {"+": (Operator("own", ("N", ANY)),)}, casts)


def test_the_systems_schema_is_searched_first_unless_the_path_says_where() -> None:
    known = catalog(table(1, "pg_catalog", "t"), table(2, "own", "t"))
    assert [
        found and found.oid for found in (known.resolve("t", ("own",)), known.resolve("t", ("own", "pg_catalog")))
    ] == [
        1,
        2,
    ]
    assert known.resolve("t", ()) is known.relation_by_oid(1)
    assert known.resolve("u", ("own",)) is None


def test_a_name_is_exactly_a_name() -> None:
    known = catalog(table(1, "own", "T", "A"))
    assert known.relation("own", "t") is None
    found = known.relation("own", "T")
    assert found is not None and found.column("a") is None and found.column("A") is not None


def test_columns_are_found_by_where_they_come_from() -> None:
    known = catalog(table(1, "own", "t", "a", "b"))
    assert known.column_by_origin(1, 2) == ColumnRef("own", "t", "b")
    assert known.column_by_origin(1, 3) is None and known.column_by_origin(2, 1) is None
    assert list(known.all_columns()) == [ColumnRef("own", "t", "a"), ColumnRef("own", "t", "b")]


def test_a_call_means_all_functions_of_the_name_that_are_in_sight() -> None:
    known = catalog()
    assert [each.schema for each in known.functions(None, "f", ())] == ["pg_catalog"]
    assert [each.schema for each in known.functions(None, "f", ("own",))] == ["pg_catalog", "own"]
    assert [each.schema for each in known.functions("own", "f", ())] == ["own"]
    assert known.functions(None, "g", ("own",)) == ()


def test_an_operator_that_somebody_else_defines_is_plain_only_out_of_sight() -> None:
    assert catalog().operator_is_plain("+", ("public",))
    assert not catalog().operator_is_plain("+", ("public", "own"))
    assert catalog().operator_is_plain("-", ("own",))


def test_an_operator_is_plain_between_operands_that_no_other_takes() -> None:
    known = catalog()
    assert known.operator_is_plain("+", ("own",), ("S", ""))
    assert known.operator_is_plain("+", ("own",), ("N",))
    assert not known.operator_is_plain("+", ("own",), ("N", "S"))
    assert not known.operator_is_plain("+", ("own",), ("", ""))


def test_a_column_is_unclear_where_values_of_its_type_run_code_of_others() -> None:
    odd = TypeInfo(103, "own", "coded", "base", builtin=False)
    many, over = (
        TypeInfo(104, "own", "_coded", "array", element_oid=103),
        TypeInfo(105, "own", "d", "domain", base_oid=104),
    )
    columns = (Column("a", 1, 25, "text"), Column("b", 2, 103, "coded"), Column("c", 3, 105, "d"))
    known = catalog(Relation(1, "own", "t", "table", columns), types=(TEXT, odd, many, over))
    places = [ColumnRef("own", "t", name) for name in "abc"]
    assert [sorted(known.unclear([place])) for place in places] == [[], ["own.coded"], ["own.d"]]


def test_types_are_plain_as_far_as_everything_in_them_is() -> None:
    types = (
        TEXT,
        TypeInfo(100, "own", "short", "domain", base_oid=25),
        TypeInfo(101, "own", "checked", "domain", base_oid=25, checked=True),
        TypeInfo(102, "own", "_checked", "array", element_oid=101),
        TypeInfo(103, "own", "coded", "base", builtin=False),
        TypeInfo(104, "own", "lost", "domain", base_oid=999),
        TypeInfo(105, "own", "ring", "domain", base_oid=105),
        TypeInfo(106, "own", "mood", "enum", builtin=False),
    )
    known = catalog(types=types)
    plain = [info.name for info in types if known.cast_is_plain(info.schema, info.name, ())]
    assert plain == ["text", "short", "mood"]
    assert not catalog(types=types, casts=frozenset({25})).cast_is_plain("own", "short", ())


def test_a_composite_is_plain_as_far_as_its_fields_are() -> None:
    odd = TypeInfo(103, "own", "coded", "base", builtin=False)
    row = TypeInfo(104, "own", "t", "composite", relation_oid=1)
    good = table(1, "own", "t", "a")
    bad = Relation(1, "own", "t", "composite", (Column("a", 1, 103, "own.coded"),))
    assert catalog(good, types=(TEXT, odd, row)).cast_is_plain("own", "t", ())
    assert not catalog(bad, types=(TEXT, odd, row)).cast_is_plain("own", "t", ())
    assert not catalog(types=(TEXT, odd, row)).cast_is_plain("own", "t", ())


def test_a_type_holds_no_rows_only_if_all_that_is_in_it_is_known_to_hold_none() -> None:
    types = (
        TEXT,
        TypeInfo(100, "own", "t", "composite", relation_oid=1),
        TypeInfo(101, "own", "_t", "array", element_oid=100),
        TypeInfo(102, "own", "_text", "array", element_oid=25),
        TypeInfo(103, "own", "over", "domain", base_oid=101),
        TypeInfo(104, "own", "short", "domain", base_oid=25),
        TypeInfo(105, "own", "mood", "enum", builtin=False),
        TypeInfo(106, "pg_catalog", "int4range", "range"),
        TypeInfo(107, "own", "spans", "range", builtin=False),
        TypeInfo(108, "pg_catalog", "record", "pseudo"),
        TypeInfo(109, "pg_catalog", "anyelement", "pseudo"),
        TypeInfo(110, "own", "lost", "array", element_oid=999),
        TypeInfo(111, "own", "ring", "domain", base_oid=111),
    )
    known = catalog(types=types)
    assert [info.name for info in types if known.rows_in(info.oid) == "never"] == [
        "text", "_text", "short", "mood", "int4range"
    ]  # fmt: skip
    assert known.rows_in(109) == "as-arguments"
    assert known.rows_in(999) == "maybe"
