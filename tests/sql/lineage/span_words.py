"""A span in the few words that the cases use.

An output is `name = table.column` where it is that column untouched, `name < columns` where it is made of columns, with `~`
before those of which only an aggregate reaches it, and ends in `?` where it may hold anything. Schemas are left out for
`public`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.model.columns import ColumnRef
from sluice.sql.span import Flow, Output, Span


def described(span: Span) -> dict[str, Any]:
    """What a case may say of a span; what is empty or usual is left out."""
    found: dict[str, Any] = {
        "outputs": None if span.outputs is None else [_output(one) for one in span.outputs],
        "uses": sorted(f"{_name(use.column)} {use.kind}" for use in span.uses),
        "writes": [_write(write.target, write.flows, write.opaque) for write in span.writes],
        "tables": sorted(
            f"{_short(str(touch.table))} {touch.access}" for touch in span.tables if touch.access != "read"
        ),
        "calls": sorted(span.functions),
        "confidence": span.confidence.name.lower(),
    }
    if found["outputs"] is None and span.prepared is not None and span.prepared.outputs is not None:
        found["later"] = [_output(one) for one in span.prepared.outputs]
    if not span.bounded:
        found["bounded"] = False
    usual: dict[str, Any] = {"uses": [], "writes": [], "tables": [], "calls": [], "confidence": "exact"}
    return {key: value for key, value in found.items() if key not in usual or value != usual[key]}


def _short(name: str) -> str:
    return name.removeprefix("public.")


def _name(column: ColumnRef) -> str:
    return _short(str(column))


def _output(output: Output) -> str:
    if output.plain is not None and output.flows == {Flow(output.plain, "value")}:
        return f"{output.name} = {_name(output.plain)}" + (" ?" if output.opaque else "")
    return output.name + _flows(output.flows, output.opaque)


def _write(target: ColumnRef, flows: Iterable[Flow], opaque: bool) -> str:
    return _name(target) + _flows(flows, opaque)


def _flows(flows: Iterable[Flow], opaque: bool) -> str:
    words = sorted(("~" if flow.kind == "aggregate" else "") + _name(flow.column) for flow in flows)
    return (f" < {' '.join(words)}" if words else "") + (" ?" if opaque else "")
