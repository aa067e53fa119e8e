"""A decision's masks over a described result become a compiled plan that the kernel runs over whole batches of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sluice import _kernel
from sluice.mask.subjects import Subjects, Watch
from sluice.mask.types import BOUNDED, OTHER, holds_text, kind_of
from sluice.model.decision import Mask
from sluice.model.waist import ResultColumn
from sluice.sql.catalog import Catalog
from sluice.sql.span import CopyShape, Output

KernelColumn = tuple[str, str, bool, dict[str, str]]
Found = list[tuple[int, bytes, int, int, int]]
"""What was found: the column, the path within a JSON, the number of the detector, how often, how often as the whole value."""

_HEADER = 4
"""What PostgreSQL adds to what is declared in the type modifier (VARHDRSZ)."""
_SCALE = 0x7FF
"""The bits of a numeric's type modifier that hold its scale, two's complement; its precision stands 16 bits up."""

_DETECT = Mask("scrub")
_UTF8 = frozenset({"", "utf8", "unicode"})
_AMBIGUOUS = frozenset({"sjis", "shiftjis", "mskanji", "win932", "windows932", "shiftjis2004", "big5", "win950", "windows950",
                        "gbk", "win936", "windows936", "uhc", "win949", "windows949", "gb18030", "johab"})  # fmt: skip
"""Encodings of clients (by all their names) in which bytes of ASCII stand within other characters."""
_PUNCTUATION = re.compile(r"[^A-Za-z0-9]")
_DECLARED = re.compile(
    r"(?:bpchar|character(?: varying)?(?:\((?P<length>\d+)\))?|numeric(?:\((?P<precision>\d+),(?P<scale>-?\d+)\))?)(?:\[\])*"
)


class RowMask(Protocol):
    """Masks runs of DataRow frames: the run rewritten, its rows, the values hidden per column, and what was found.

    The run itself where nothing in it is hidden. `subjects` takes the hashes of what is watched. KernelError on a row that does not
    fit the plan; nothing of that run may be passed on.
    """

    def rows(self, run: bytes, subjects: Subjects | None = None, /) -> tuple[bytes, int, list[int], Found]: ...  # noqa: D102


class CopyMask(Protocol):
    """Masks the CopyData of a COPY TO STDOUT, cut anywhere. `finish`: what is left at its end.

    KernelError as for `RowMask`, and from `finish` when the last row is incomplete.
    """

    def feed(self, run: bytes, subjects: Subjects | None = None, /) -> tuple[bytes, int, list[int], Found]: ...  # noqa: D102
    def finish(self) -> bytes: ...  # noqa: D102


class Look(NamedTuple):
    """A column whose values are looked through: its own name, and a bit for each detector whose findings are hidden.

    The last of 128 bits is of what takes too much work to read.
    """

    name: str
    hide: int


class PlanError(ValueError):
    """Masks and columns that do not belong together; the result must be withheld."""


def plan(
    masks: Sequence[Mask | None],
    columns: Sequence[ResultColumn],
    catalog: Catalog,
    key: bytes,
    detectors: _kernel.Detectors,
    looks: Sequence[Look | None] = (),
    watches: Sequence[Watch | None] = (),
) -> RowMask | None:
    """The plan that hides what `masks` say of a result described as `columns`; None when there is nothing to do.

    `key` is the secret behind `hash` and `pseudonym`, `detectors` are what `scrub` goes by. A column without a mask is looked
    through as its place in `looks` says; the values of one with a place in `watches` are hashed. PlanError when the counts differ.
    """
    if len(masks) != len(columns):
        raise PlanError(f"{len(masks)} masks for {len(columns)} columns")
    none = [None] * len(masks)
    compiled = [
        _watched(_planned(mask, look, *_typed(column), catalog), each, *_typed(column), catalog)
        for mask, look, each, column in zip(masks, looks or none, watches or none, columns, strict=True)
    ]
    return _kernel.MaskPlan(compiled, key, detectors) if any(compiled) else None


def hold_text(columns: Sequence[ResultColumn], catalog: Catalog) -> list[bool]:
    """Which columns may hold text that somebody wrote, by their types."""
    lookup = catalog.type_by_oid
    return [holds_text(column.type_oid, kind_of(column.type_oid, lookup), lookup) for column in columns]


def copy_plan(
    masks: Sequence[Mask | None],
    outputs: Sequence[Output],
    shape: CopyShape,
    catalog: Catalog,
    key: bytes,
    max_row: int,
    detectors: _kernel.Detectors,
    looks: Sequence[Look | None] = (),
    watches: Sequence[Watch | None] = (),
) -> CopyMask | None:
    """As `plan`, for COPY TO STDOUT in the format of `shape`; `max_row` is the most bytes one row may take.

    The protocol names no types there: a plain column's comes from the catalog, and what is computed becomes NULL.
    PlanError also for an encoding in which a delimiter's byte may be a part of a character, and with masks for any but UTF-8.
    """
    if len(masks) != len(outputs):
        raise PlanError(f"{len(masks)} masks for {len(outputs)} columns")
    binary, none = shape.format == "binary", [None] * len(masks)
    encoding = _PUNCTUATION.sub("", shape.encoding).lower()
    if encoding not in _UTF8:
        watches = none
    compiled = [
        _watched(_planned(mask, look, *typed, catalog), each, *typed, catalog)
        for mask, look, each, typed in zip(
            masks,
            looks or none,
            watches or none,
            ((*_copied(output, catalog), binary) for output in outputs),
            strict=True,
        )
    ]
    if not any(compiled):
        return None
    if encoding in _AMBIGUOUS or (any(masks) and encoding not in _UTF8):
        raise PlanError("a copy in another encoding than UTF-8 cannot be masked")
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


def _planned(
    mask: Mask | None, look: Look | None, type_oid: int, typmod: int | None, binary: bool, catalog: Catalog
) -> KernelColumn | None:
    if mask is not None:
        return _column(mask, type_oid, typmod, binary, catalog)
    if look is None or (
        type_oid and not holds_text(type_oid, kind_of(type_oid, catalog.type_by_oid), catalog.type_by_oid)
    ):
        return None
    _, kind, _, params = _column(_DETECT, type_oid, typmod, binary, catalog)
    return "detect", kind, binary, {**params, "name": look.name, "hide": str(look.hide)}


def _typed(column: ResultColumn) -> tuple[int, int | None, bool]:
    return column.type_oid, column.typmod, column.binary


def _watched(
    planned: KernelColumn | None, watch: Watch | None, type_oid: int, typmod: int | None, binary: bool, catalog: Catalog
) -> KernelColumn | None:
    if watch is None:
        return planned
    method, kind, _, params = planned or _column(_DETECT, type_oid, typmod, binary, catalog)
    named = {**params, "subject": watch.key, "told": watch.told}
    return "pass" if planned is None else method, kind, binary, named


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
