"""Which kernel kind a PostgreSQL type is, down to domains and arrays."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.mask.types import _BUILTIN, OTHER, kind_of
from sluice.testing.postgres import PostgresServer


@dataclass(frozen=True)
class Known:
    name: str
    kind: str
    base_oid: int | None = None
    element_oid: int | None = None


def _kind(oid: int, **types: Known) -> str:
    by_oid = {int(key[1:]): value for key, value in types.items()}
    return kind_of(oid, by_oid.get)


@pytest.mark.parametrize(
    ("oid", "kind"), [(25, "text"), (1009, "array:text"), (1700, "numeric"), (3807, "array:jsonb")]
)
def test_built_in_types_need_no_catalog(oid: int, kind: str) -> None:
    assert _kind(oid) == kind


@pytest.mark.parametrize("oid", [0, 600, 705, 2249, 2275, 3904, 16999])
def test_what_is_not_listed_is_other(oid: int) -> None:
    assert _kind(oid) == OTHER


def test_a_domain_on_a_domain_is_its_base_type() -> None:
    domain = Known("d", "domain", base_oid=90001)
    assert _kind(90002, _90002=domain, _90001=Known("e", "domain", base_oid=1043)) == "varchar"


def test_a_domain_on_an_array_and_an_array_of_a_domain_are_arrays() -> None:
    assert _kind(90001, _90001=Known("d", "domain", base_oid=1007)) == "array:int4"
    assert (
        _kind(90001, _90001=Known("_d", "array", element_oid=90002), _90002=Known("d", "domain", base_oid=23))
        == "array:int4"
    )


@pytest.mark.parametrize(("base", "kind"), [(1043, OTHER), (1042, OTHER), (1700, OTHER), (25, "array:text")])
def test_an_array_of_a_domain_whose_declaration_nobody_tells_is_other(base: int, kind: str) -> None:
    array = Known("_d", "array", element_oid=90002)
    outer = Known("d", "domain", base_oid=90003)
    assert _kind(90001, _90001=array, _90002=outer, _90003=Known("e", "domain", base_oid=base)) == kind


def test_an_array_whose_elements_are_arrays_by_a_domain_is_other() -> None:
    array = Known("_d", "array", element_oid=90002)
    assert _kind(90001, _90001=array, _90002=Known("d", "domain", base_oid=1007)) == OTHER


def test_case_insensitive_text_counts_as_text() -> None:
    assert _kind(90001, _90001=Known("citext", "base")) == "text"
    assert (
        _kind(90002, _90002=Known("_citext", "array", element_oid=90001), _90001=Known("citext", "base"))
        == "array:text"
    )


@pytest.mark.parametrize("kind", ["enum", "composite", "range", "multirange", "pseudo", "base"])
def test_other_user_types_are_other(kind: str) -> None:
    assert _kind(90001, _90001=Known("mood", kind)) == OTHER


@given(
    st.dictionaries(
        st.integers(90000, 90006), st.tuples(st.sampled_from(["domain", "array"]), st.integers(90000, 90006))
    )
)
def test_types_that_go_in_circles_end_as_other(links: dict[int, tuple[str, int]]) -> None:
    types = {
        oid: Known("t", kind, base_oid=to if kind == "domain" else None, element_oid=to if kind == "array" else None)
        for oid, (kind, to) in links.items()
    }
    assert kind_of(90000, types.get) == OTHER


def test_the_list_is_what_the_server_says(postgres: PostgresServer) -> None:
    """Holds every OID against pg_type of a running server."""
    rows = postgres.psql(
        "select typname || ' ' || oid || ' ' || typarray from pg_type where typnamespace = 'pg_catalog'::regnamespace",
        "postgres",
    )
    served = {tuple(line.split()) for line in rows.splitlines()}
    assert {(kind, str(oid), str(array)) for kind, oid, array in _BUILTIN} <= served
