"""Reads policy cases: who asks for what under which policies, and what is to come of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sluice.model.columns import ColumnRef, TableRef
from sluice.model.decision import Decision
from sluice.model.identity import Client, Identity
from sluice.policy import starter
from sluice.policy.binding import Binding
from sluice.policy.decide import Request, Snapshot, SourceInfo
from sluice.policy.labels import load_labels
from sluice.policy.load import load_policies
from sluice.policy.request import Past
from sluice.sql.span import Confidence, Flow, Output, Span, Touch, Use, Write

CASES = Path(__file__).parent / "cases"
STARTER = Path(starter.__file__).parent
NOON = 1_700_049_600.0
"""2023-11-15 12:00 UTC, a Wednesday."""


def starter_policies() -> dict[str, str]:
    return {name: (STARTER / name).read_text() for name in starter.POLICIES}


def column(text: str) -> ColumnRef:
    return ColumnRef(*text.split("."))


def identity(given: dict[str, Any]) -> Identity:
    kind, _, name = given["as"].partition(":")
    behalf = given.get("for")
    return Identity(
        kind,  # type: ignore[arg-type]
        name,
        frozenset(given.get("groups", ())),
        claims=tuple(given.get("claims", {}).items()),
        method=given.get("method", "scram"),
        authenticated_at=NOON - given.get("age", 60),
        on_behalf_of=identity(behalf) if behalf else None,
        purposes=frozenset(given["purposes"]) if "purposes" in given else None,
    )


def flow(text: str) -> Flow:
    kind, _, name = text.rpartition(":")
    return Flow(column(name), "aggregate" if kind == "aggregate" else "value")


def output(given: str | list[str]) -> Output:
    """`a.b.c`: the plain column; `value:a.b.c`: derived from it; `aggregate:a.b.c`; `opaque`; `constant`; a list."""
    if isinstance(given, list):
        return Output("x", frozenset(flow(one) for one in given))
    if given in ("opaque", "constant"):
        return Output("x", frozenset(), opaque=given == "opaque")
    if given.startswith("unflowed "):
        return Output("x", frozenset(), column(given.partition(" ")[2]))
    if given.startswith("plain "):
        own, other = given.split()[1:]
        return Output("x", frozenset({flow(own), flow(other)}), column(own))
    plain = column(given) if ":" not in given else None
    return Output("x", frozenset({flow(given)}), plain)


def span(given: dict[str, Any]) -> Span:
    verb = given.get("verb", "select")
    action = given.get("action", "read")
    inner = given.get("prepared")
    return Span(
        verb,
        action,
        Confidence[given.get("confidence", "EXACT")],
        frozenset({action, *given.get("actions", ())}),
        tuple(output(one) for one in given["outputs"]) if "outputs" in given else None,
        tuple(Touch(TableRef(*name.split(".")), access) for name, access in given.get("tables", {}).items()),
        frozenset(Use(column(name), kind) for kind, names in given.get("uses", {}).items() for name in names),
        tuple(
            Write(column(target), frozenset(flow(one) for one in landing if one != "opaque"), "opaque" in landing)
            for target, landing in given.get("writes", {}).items()
        ),
        frozenset(given.get("functions", ())),
        bounded=given.get("bounded", True),
        row_bound=given.get("row_bound"),
        reasons=tuple(given.get("reasons", ())),
        prepared=span(inner) if inner else None,
    )


def setting(document: dict[str, Any], case: dict[str, Any]) -> tuple[Request, Snapshot]:
    policies = case.get("policies", document["policies"])
    files = starter_policies() if policies == "starter" else {"case.cedar": policies}
    book = load_labels(
        (STARTER / starter.LABELS).read_text() if policies == "starter" else case.get("labels", document["labels"])
    )
    columns = case.get("columns", document["columns"])
    binding = Binding.of({column(name): frozenset(labels) for name, labels in columns.items()})
    source = SourceInfo("shop", case.get("environment", "production"), "postgres")
    request = Request(
        identity(case),
        case.get("purpose", ""),
        source,
        Client(case.get("address", "10.1.2.3"), "psql", tls=case.get("tls", True)),
        span(case["statement"]),
        Past(
            frozenset(case.get("seen", ())),
            tuple(case.get("rows", {}).items()),
            frozenset((who, label) for who, labels in case.get("spent", {}).items() for label in labels),
        ),
        case.get("approved", False),
        case.get("now", NOON),
        literals=frozenset(case.get("literals", ())),
    )
    return request, Snapshot(1, load_policies(files), {"shop": binding}, book)


def shown(decision: Decision) -> dict[str, Any]:
    """A decision in the words of a case file."""
    refusal = decision.refusal
    given: dict[str, Any] = {
        "outcome": decision.outcome,
        "policies": list(decision.policies),
        "quiet": decision.quiet_errors,
        "clear_unknown": decision.clear_unknown,
        "revealed": list(decision.revealed),
        "hidden": list(decision.hidden),
        "inherits": [[str(target), label] for target, label in decision.inherits],
        "row_limit": decision.obligations.row_limit,
        "timeout_ms": decision.obligations.statement_timeout_ms,
        "read_only": decision.obligations.read_only,
        "costs": [list(cost) for cost in decision.costs],
        "masks": None,
        "message": refusal.message if refusal else "",
        "detail": refusal.detail if refusal else "",
        "hint": refusal.hint if refusal else "",
        "code": refusal.code if refusal else "",
    }
    if decision.masks is not None:
        given["masks"] = [
            "clear" if mask is None else " ".join((mask.method, *("=".join(pair) for pair in mask.params)))
            for mask in decision.masks
        ]
    return given


def cases() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    found = []
    for file in sorted(CASES.glob("*.yaml")):
        document = yaml.safe_load(file.read_text())
        found += [(f"{file.stem}: {case['name']}", document, case) for case in document["cases"]]
    return found
