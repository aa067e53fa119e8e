"""Statements as OpenTelemetry spans (OTLP/JSON), joined to the caller's trace where the statement carries a `traceparent`.

Sources: https://opentelemetry.io/docs/specs/otlp/, https://opentelemetry.io/docs/specs/semconv/database/database-spans/,
https://google.github.io/sqlcommenter/spec/, https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

_PENDING = 10_000
"""Statements that may run at once; of more, the oldest are told without what only their beginning says."""
_PARENT = re.compile(
    r"traceparent\s*=\s*'00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}'", re.IGNORECASE
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SERVER = 2
_ERROR = 2
_ENDED_WELL = frozenset({"completed", "suspended", "prepared"})
_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "sluice"}}]}


class Spans:
    """Makes spans of a log's lines, in their order: one for each statement, when it ends or is refused."""

    def __init__(self) -> None:
        self._running: dict[str, dict[str, Any]] = {}

    def of(self, line: bytes) -> dict[str, Any] | None:
        """The `ResourceSpans` of one line; None: no statement ended. msgspec.MsgspecError when it is no event."""
        event: dict[str, Any] = msgspec.json.decode(line)
        match event.get("event"):
            case "statement-asked" if event["outcome"] == "allow":
                if len(self._running) >= _PENDING:
                    del self._running[next(iter(self._running))]
                self._running[event["id"]] = event
                return None
            case "statement-asked":
                return _resource(_refused(event))
            case "statement-done":
                return _resource(_ended(event, self._running.pop(event["id"], None)))
        return None


def _refused(asked: dict[str, Any]) -> dict[str, Any]:
    at = _nanos(asked["time"])
    refusal = asked["refusal"] or {}
    span = _span(asked, at, at, asked, {"error.type": refusal.get("code", "")})
    return {**span, "status": {"code": _ERROR, "message": refusal.get("message", asked["outcome"])}}


def _ended(done: dict[str, Any], asked: dict[str, Any] | None) -> dict[str, Any]:
    end = _nanos(done["time"])
    told = {
        "db.response.returned_rows": done["rows"],
        "error.type": done["error"],
        "sluice.ended": done["outcome"],
        "sluice.masked_values": sum(done["masked"]),
    }
    span = _span(done, end - done["duration_us"] * 1000, end, asked, told)
    return span if done["outcome"] in _ENDED_WELL else {**span, "status": {"code": _ERROR, "message": done["outcome"]}}


def _span(
    event: dict[str, Any], start: int, end: int, asked: dict[str, Any] | None, told: dict[str, Any]
) -> dict[str, Any]:
    connection = event["id"].rpartition("-")[0]
    trace, parent = _digest(connection, 32), ""
    name = "statement"
    if asked is not None:
        found = _PARENT.search(asked["text"])
        trace, parent = (found[1].lower(), found[2].lower()) if found else (trace, parent)
        first = next(iter(asked["tables"]), None)
        name = f"{asked['verb']} {first['table']}" if first else asked["verb"] or name
        told = {**_attributes(asked), **told}
    return {
        "traceId": trace, "spanId": _digest(event["id"], 16), "parentSpanId": parent, "name": name, "kind": _SERVER,
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(end),
        "attributes": [{"key": key, "value": _value(value)} for key, value in told.items() if value not in ("", [])],
    }  # fmt: skip


def _attributes(asked: dict[str, Any]) -> dict[str, Any]:
    who = asked["identity"]
    behind = who.get("on_behalf_of")
    return {
        "db.system.name": "postgresql",
        "db.namespace": asked["source"],
        "db.operation.name": asked["verb"],
        "db.query.text": asked["normalized"],
        "network.peer.address": asked["client"]["address"],
        "sluice.event": asked["id"],
        "sluice.identity": f"{who['kind']}:{who['name']}",
        "sluice.on_behalf_of": f"{behind['kind']}:{behind['name']}" if behind else "",
        "sluice.purpose": asked["purpose"],
        "sluice.environment": asked["environment"],
        "sluice.outcome": asked["outcome"],
        "sluice.policies": asked["policies"],
        "sluice.revealed": asked["revealed"],
        "sluice.hidden": asked["hidden"],
    }


def _resource(span: dict[str, Any]) -> dict[str, Any]:
    return {"resource": _RESOURCE, "scopeSpans": [{"scope": {"name": "sluice"}, "spans": [span]}]}


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _nanos(time: str) -> int:
    since = datetime.fromisoformat(time) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
