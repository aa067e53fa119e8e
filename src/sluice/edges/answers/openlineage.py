"""Written flows as OpenLineage run events, with column lineage."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

PRODUCER = "urn:sluice:gateway"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_COLUMNS = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json"


def run_event(line: bytes) -> dict[str, Any] | None:
    """The run event of one line of the log; None: nothing that it tells of was written. msgspec.MsgspecError when it is no event.

    It is of type `OTHER`: when the line is written the statement is about to run, and how it ended is another event's.
    """
    event: dict[str, Any] = msgspec.json.decode(line)
    if event.get("event") != "statement-asked" or event["outcome"] != "allow" or not event["writes"]:
        return None
    space = f"sluice://{event['source']}"
    outputs: dict[str, dict[str, Any]] = {}
    inputs: set[str] = set()
    for written in event["writes"]:
        table, column = _split(written["column"])
        flows = [(_split(flow["column"]), flow["kind"]) for flow in written.get("flows", ())]
        inputs |= {name for (name, _), _ in flows}
        outputs.setdefault(table, {})[column] = {
            "inputFields": [
                {
                    "namespace": space, "name": name, "field": field,
                    "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION" if kind == "aggregate" else "TRANSFORMATION"}],
                }
                for (name, field), kind in flows
            ]
        }  # fmt: skip
    return {
        "eventType": "OTHER", "eventTime": event["time"], "producer": PRODUCER, "schemaURL": _SCHEMA,
        "run": {"runId": str(uuid5(NAMESPACE_URL, event["id"]))},
        "job": {"namespace": space, "name": event["fingerprint"] or event["verb"]},
        "inputs": [{"namespace": space, "name": name} for name in sorted(inputs)],
        "outputs": [
            {
                "namespace": space, "name": table,
                "facets": {"columnLineage": {"_producer": PRODUCER, "_schemaURL": _COLUMNS, "fields": fields}},
            }
            for table, fields in sorted(outputs.items())
        ],
    }  # fmt: skip


def _split(column: str) -> tuple[str, str]:
    table, _, name = column.rpartition(".")
    return table, name
