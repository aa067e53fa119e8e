"""Masks over described columns, as the kernel gets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from sluice import _kernel
from sluice.classify.matcher import compiled
from sluice.mask import plan as planning
from sluice.mask.plan import PlanError, copy_plan, plan
from sluice.mask.types import _BUILTIN
from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.model.waist import ResultColumn
from sluice.sql.span import CopyShape, Output

KEY = b"k" * 32


@dataclass(frozen=True)
class Column:
    type_oid: int
    type_name: str


@dataclass(frozen=True)
class Relation:
    columns: Mapping[str, Column]

    def column(self, name: str) -> Column | None:
        return self.columns.get(name)


@dataclass(frozen=True)
class Types:
    """The part of a catalog that a plan asks."""

    relations: Mapping[tuple[str, str], Relation] = field(default_factory=dict)

    def type_by_oid(self, oid: int) -> None:
        return None

    def relation(self, schema: str, name: str) -> Relation | None:
        return self.relations.get((schema, name))


def _column(type_oid: int, typmod: int = -1, binary: bool = False) -> ResultColumn:
    return ResultColumn("c", 0, 0, type_oid, typmod, binary)


def _row(*values: bytes | None) -> bytes:
    cells = b"".join(b"\xff\xff\xff\xff" if v is None else len(v).to_bytes(4, "big") + v for v in values)
    body = len(values).to_bytes(2, "big") + cells
    return b"D" + (len(body) + 4).to_bytes(4, "big") + body


def _copied(*rows: bytes) -> bytes:
    return b"".join(b"d" + (len(row) + 4).to_bytes(4, "big") + row for row in rows)


def test_a_result_that_is_all_clear_needs_no_plan() -> None:
    assert plan([None, None], [_column(25), _column(23)], Types(), KEY, compiled()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("masks", [[], [Mask("null")], [Mask("null")] * 3])
def test_masks_that_do_not_match_the_columns_are_no_plan(masks: list[Mask]) -> None:
    with pytest.raises(PlanError, match="for 2 columns"):
        plan(masks, [_column(25), _column(25)], Types(), KEY, compiled())  # type: ignore[arg-type]


def test_masked_columns_are_rewritten_and_clear_ones_are_not() -> None:
    made = plan(
        [None, Mask("redact"), Mask("partial", (("keep_last", "2"),))], [_column(25)] * 3, Types(), KEY, compiled()
    )  # type: ignore[arg-type]
    assert made is not None
    assert made.rows(_row(b"open", b"hidden", b"12345") + _row(b"o", None, None)) == (
        _row(b"open", b"[redacted]", b"***45") + _row(b"o", None, None),
        2,
        [0, 1, 1],
        [],
    )


def test_a_declared_length_is_kept() -> None:
    made = plan([Mask("redact")], [_column(1043, typmod=8)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert made is not None
    assert made.rows(_row(b"abc"))[0] == _row(b"[red")


@pytest.mark.parametrize(
    ("precision", "scale", "sent", "shown"),
    [(4, 2, b"-99.99", None), (5, 2, b"-99.99", b"-100.00"), (4, 0, b"19", b"10"), (2, -3, b"15000", b"15000"), (2, 5, b"0.00012", b"0.00000")],
)  # fmt: skip
def test_declared_digits_are_kept(precision: int, scale: int, sent: bytes, shown: bytes | None) -> None:
    typmod = (precision << 16 | scale & 0x7FF) + 4
    made = plan([Mask("generalize")], [_column(1700, typmod)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert made is not None
    assert made.rows(_row(sent))[0] == _row(shown)


def test_padded_text_is_padded_to_its_declared_length_again() -> None:
    made = plan([Mask("email")], [_column(1042, typmod=24)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert made is not None
    assert made.rows(_row(b"ann@example.com     "))[0] == _row(b"a***@example.com    ")


def test_a_type_that_nobody_knows_becomes_null() -> None:
    made = plan([Mask("redact")], [_column(90001)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert made is not None
    assert made.rows(_row(b"abc"))[0] == _row(None)


def test_a_row_of_another_width_is_an_error_and_gives_nothing() -> None:
    made = plan([Mask("redact")], [_column(25)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert made is not None
    with pytest.raises(_kernel.KernelError):
        made.rows(_row(b"a", b"b"))


_SSN = ColumnRef("public", "staff", "ssn")


def _catalog(type_oid: int, type_name: str) -> Types:
    return Types({("public", "staff"): Relation({"ssn": Column(type_oid, type_name)})})


def _copy(mask: Mask, output: Output, catalog: Types, data: bytes, shape: CopyShape) -> bytes:
    made = copy_plan([None, mask], [Output("id", frozenset()), output], shape, catalog, KEY, 1 << 20, compiled())  # type: ignore[arg-type]
    assert made is not None
    return made.feed(data)[0] + made.finish()


@pytest.mark.parametrize(
    ("type_oid", "type_name", "expected"),
    [
        (25, "text", b"[redacted]"),
        (1043, "character varying(5)", b"[reda"),
        (1043, "character varying", b"[redacted]"),
        (1042, "bpchar", b"[redacted]"),
        (1042, "character(12)", b"[redacted]  "),
        (1043, "varchar", b"\\N"),
        (23, "integer", b"\\N"),
        (1700, "numeric(3,1)", b"\\N"),
    ],
)
def test_a_copied_plain_column_is_masked_by_its_type_in_the_catalog(
    type_oid: int, type_name: str, expected: bytes
) -> None:
    output = Output("ssn", frozenset(), _SSN)
    sent = _copy(Mask("redact"), output, _catalog(type_oid, type_name), _copied(b"1\t123-45\n"), CopyShape("out"))
    assert expected in sent
    assert b"123-45" not in sent


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("numeric(4,2)", b"\\N"),
        ("numeric(5,2)", b"-100.00"),
        ("numeric", b"-100"),
        ("amount", b"\\N"),
        ("numeric(1,-1)", b"\\N"),
    ],
)
def test_a_copied_number_keeps_to_what_its_column_declares(type_name: str, expected: bytes) -> None:
    output = Output("ssn", frozenset(), _SSN)
    sent = _copy(Mask("generalize"), output, _catalog(1700, type_name), _copied(b"1\t-99.99\n"), CopyShape("out"))
    assert sent == _copied(b"1\t" + expected + b"\n")


@pytest.mark.parametrize(
    "output", [Output("upper", frozenset()), Output("ssn", frozenset(), ColumnRef("public", "gone", "ssn"))]
)
def test_what_a_copy_computes_or_takes_from_an_unknown_table_becomes_null(output: Output) -> None:
    shape = CopyShape("out", "csv", ",", "")
    sent = _copy(Mask("redact"), output, _catalog(25, "text"), _copied(b"1,123-45\n"), shape)
    assert sent == _copied(b"1,\n")


@pytest.mark.parametrize(("encoding", "fits"), [("UTF-8", True), ("utf8", True), ("SJIS", False), ("latin1", False)])
def test_a_copy_in_another_encoding_is_not_masked_but_refused(encoding: str, fits: bool) -> None:
    shape = CopyShape("out", encoding=encoding)
    arguments = ([Mask("null")], [Output("a", frozenset())], shape, Types(), KEY, 1 << 20, compiled())
    if fits:
        assert copy_plan(*arguments) is not None  # type: ignore[arg-type]
    else:
        with pytest.raises(PlanError, match="UTF-8"):
            copy_plan(*arguments)  # type: ignore[arg-type]


def test_a_copy_that_is_all_clear_needs_no_plan() -> None:
    assert copy_plan([None], [Output("a", frozenset())], CopyShape("out"), Types(), KEY, 1, compiled()) is None  # type: ignore[arg-type]


def test_every_masked_kind_is_one_that_the_kernel_takes() -> None:
    for kind, _, _ in _BUILTIN:
        for method in ("null", "redact", "hash"):
            for name in (kind, f"array:{kind}"):
                _kernel.MaskPlan([(method, name, False, {})], KEY)


def test_plans_are_made_of_what_the_kernel_offers() -> None:
    made = plan([Mask("null")], [_column(25)], Types(), KEY, compiled())  # type: ignore[arg-type]
    assert isinstance(made, planning._kernel.MaskPlan)
