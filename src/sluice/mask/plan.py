"""A decision's masks over a described result become a compiled plan that the kernel runs over whole batches of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from sluice import _kernel
from sluice.mask.types import BOUNDED, OTHER, kind_of
from sluice.model.decision import Mask
from sluice.model.waist import ResultColumn
from sluice.sql.catalog import Catalog
from sluice.sql.span import CopyShape, Output

KernelColumn = tuple[str, str, bool, dict[str, str]]

_HEADER = 4
"""What PostgreSQL adds to what is declared in the type modifier (VARHDRSZ)."""
_SCALE = 0x7FF
"""The bits of a numeric's type modifier that hold its scale, two's complement; its precision stands 16 bits up."""

_UTF8 = frozenset({"", "utf8", "unicode"})
_PUNCTUATION = re.compile(r"[^A-Za-z0-9]")
_DECLARED = re.compile(
    r"(?:bpchar|character(?: varying)?(?:\((?P<length>\d+)\))?|numeric(?:\((?P<precision>\d+),(?P<scale>-?\d+)\))?)(?:\[\])*"
)


class RowMask(Protocol):
    """Masks runs of DataRow frames: the run rewritten, its rows, and the values hidden per column.

    KernelError on a row that does not fit the plan; nothing of that run may be passed on.
    """

    def rows(self, run: bytes, /) -> tuple[bytes, int, list[int]]: ...  # noqa: D102


class CopyMask(Protocol):
    """Masks the CopyData of a COPY TO STDOUT, cut anywhere. `finish`: what is left at its end.

    KernelError as for `RowMask`, and from `finish` when the last row is incomplete.
    """

    def feed(self, run: bytes, /) -> tuple[bytes, int, list[int]]: ...  # noqa: D102
    def finish(self) -> bytes: ...  # noqa: D102


class PlanError(ValueError):
    """Masks and columns that do not belong together; the result must be withheld."""


def plan(
    masks: Sequence[Mask | None],
    columns: Sequence[ResultColumn],
    catalog: Catalog,
    key: bytes,
    detectors: _kernel.Detectors,
) -> RowMask | None:
    """The plan that hides what `masks` say of a result described as `columns`; None when all of it is clear.

    `key` is the secret behind `hash` and `pseudonym`, `detectors` are what `scrub` goes by. PlanError when the counts differ.
    """
    if len(masks) != len(columns):
        raise PlanError(f"{len(masks)} masks for {len(columns)} columns")
    if not any(masks):
        return None
    compiled = [
        None if mask is None else _column(mask, column.type_oid, column.typmod, column.binary, catalog)
        for mask, column in zip(masks, columns, strict=True)
    ]
    return _kernel.MaskPlan(compiled, key, detectors)


def copy_plan(
    masks: Sequence[Mask | None],
    outputs: Sequence[Output],
    shape: CopyShape,
    catalog: Catalog,
    key: bytes,
    max_row: int,
    detectors: _kernel.Detectors,
) -> CopyMask | None:
    """As `plan`, for COPY TO STDOUT in the format of `shape`; `max_row` is the most bytes one row may take.

    The protocol names no types there: a plain column's comes from the catalog, and what is computed becomes NULL.
    PlanError also for an encoding other than UTF-8, where a delimiter's byte may be a part of a character.
    """
    if len(masks) != len(outputs):
        raise PlanError(f"{len(masks)} masks for {len(outputs)} columns")
    if not any(masks):
        return None
    if _PUNCTUATION.sub("", shape.encoding).lower() not in _UTF8:
        raise PlanError("a copy in another encoding than UTF-8 cannot be masked")
    binary = shape.format == "binary"
    compiled = [
        None if mask is None else _column(mask, *_copied(output, catalog), binary, catalog)
        for mask, output in zip(masks, outputs, strict=True)
    ]
    return _kernel.CopyMask(
        compiled,
        key,
        detectors,
        format=shape.format,
        delimiter=shape.delimiter.encode(),
        null=shape.null.encode(),
        quote=shape.quote.encode(),
        escape=shape.escape.encode(),
        header=shape.header,
        max_row=max_row,
    )


def _copied(output: Output, catalog: Catalog) -> tuple[int, int | None]:
    """The type of a copied column and its declared length as a type modifier; None: not known."""
    relation = None if output.plain is None else catalog.relation(output.plain.schema, output.plain.table)
    column = None if relation is None or output.plain is None else relation.column(output.plain.column)
    if column is None:
        return 0, None
    declared = _DECLARED.fullmatch(column.type_name)
    if declared is None:
        return column.type_oid, None
    if declared["length"]:
        return column.type_oid, int(declared["length"]) + _HEADER
    if declared["precision"]:
        return column.type_oid, (int(declared["precision"]) << 16 | int(declared["scale"]) & _SCALE) + _HEADER
    return column.type_oid, -1


def _column(mask: Mask, type_oid: int, typmod: int | None, binary: bool, catalog: Catalog) -> KernelColumn:
    kind = kind_of(type_oid, catalog.type_by_oid)
    base = kind.removeprefix("array:")
    params = dict(mask.params)
    if base in BOUNDED:
        if typmod is None:
            # A stand-in could be longer than the column allows, which nobody here knows.
            kind = OTHER
        elif typmod >= _HEADER:
            params |= _declared(base, typmod - _HEADER)
    return mask.method, kind, binary, params


def _declared(base: str, modifier: int) -> dict[str, str]:
    if base != "numeric":
        return {"max_len": str(modifier)}
    scale = modifier & _SCALE
    return {"precision": str(modifier >> 16), "scale": str(scale - _SCALE - 1 if scale > _SCALE >> 1 else scale)}
