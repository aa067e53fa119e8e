"""Parquet: every string at any depth of every column, batch by batch; all else stays as it is."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, Final

from sluice.classify.scrubbing import Tally, scrub_values
from sluice.edges.files.shape import FileProblem
from sluice.edges.files.streaming import Progress

_BATCH: Final = 16_384
"""Rows at a time."""


def parquet(source: Path, target: Path | None, key: bytes | None, progress: Progress) -> Tally:
    """Scrubs a Parquet file into `target` (None: only looks). FileProblem when pyarrow is missing or cannot read it."""
    try:
        # Not needed for anything else, and large.
        arrow: Any = importlib.import_module("pyarrow")
        importlib.import_module("pyarrow.compute")
        files: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise FileProblem("needs pyarrow: `pip install 'sluice[parquet]'`") from error
    tally = Tally()
    part = None if target is None else target.with_name(target.name + ".part")
    try:
        opened = files.ParquetFile(source)
        schema = opened.schema_arrow
        writer = None
        if part is not None:
            part.parent.mkdir(parents=True, exist_ok=True)
            writer = files.ParquetWriter(part, schema)
        rows = max(1, opened.metadata.num_rows)
        size = source.stat().st_size
        for batch in opened.iter_batches(batch_size=_BATCH):
            columns = [
                _scrubbed(arrow, column, field.name, key, tally)
                for column, field in zip(batch.columns, schema, strict=True)
            ]
            if writer is not None:
                writer.write_batch(arrow.RecordBatch.from_arrays(columns, schema=schema))
            progress(size * batch.num_rows // rows)
        if writer is not None and part is not None and target is not None:
            writer.close()
            os.replace(part, target)  # noqa: PTH105 - atomic by name
    except (OSError, arrow.ArrowException) as error:
        raise FileProblem(f"cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return tally


def _scrubbed(arrow: Any, array: Any, name: str, key: bytes | None, tally: Tally) -> Any:
    kind = array.type
    types = arrow.types
    if types.is_dictionary(kind):
        plain = _scrubbed(arrow, array.cast(kind.value_type), name, key, tally)
        return plain.dictionary_encode().cast(kind)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        binary = arrow.large_binary()
        values, found = scrub_values(array.cast(binary).to_pylist(), name, key)
        if not found:
            return array
        tally.add(found)
        return arrow.array(values, binary).cast(kind)
    if types.is_list(kind) or types.is_large_list(kind):
        inner = _scrubbed(arrow, array.flatten(), f"{name}[]", key, tally)
        offsets = _offsets(arrow, array)
        return type(array).from_arrays(offsets, inner, type=kind)
    if types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        parts = [
            _scrubbed(arrow, part, f"{name}.{field.name}", key, tally)
            for part, field in zip(array.flatten(), fields, strict=True)
        ]
        return arrow.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
    if types.is_map(kind):
        raise FileProblem(f"has the column `{name}` of type {kind}, which cannot be scrubbed")
    return array


def _offsets(arrow: Any, array: Any) -> Any:
    """Where each list begins among the flattened values; a list that is NULL has no beginning."""
    offsets: list[int | None] = []
    at = 0
    for length in arrow.compute.list_value_length(array).to_pylist():
        offsets.append(None if length is None else at)
        at += length or 0
    offsets.append(at)
    return arrow.array(offsets, arrow.int64() if arrow.types.is_large_list(array.type) else arrow.int32())
