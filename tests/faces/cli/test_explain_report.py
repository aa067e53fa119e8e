from __future__ import annotations

from importlib.resources import files

import pytest

from sluice.faces.cli.explain_report import Report
from sluice.faces.cli.output import Output
from sluice.model.columns import ColumnRef, TableRef
from sluice.model.identity import Client, Identity
from sluice.policy import starter
from sluice.policy.binding import Binding
from sluice.policy.decide import Request, Snapshot, SourceInfo, explain
from sluice.policy.labels import load_labels
from sluice.policy.load import load_policies
from sluice.sql.span import Confidence, Flow, Span, Touch, Use
from sluice.sql.span import Output as SpanOutput

EMAIL = ColumnRef("public", "customers", "email")
SSN = ColumnRef("public", "customers", "ssn")
BINDING = Binding(
    labels={EMAIL: frozenset({"pii.email"}), SSN: frozenset({"pii.national_id"})},
    all_labels=frozenset({"pii.email", "pii.national_id"}),
    by_table={TableRef("public", "customers"): (EMAIL, SSN)},
)
SELECT = Span(
    verb="select",
    action="read",
    confidence=Confidence.EXACT,
    actions=frozenset({"read"}),
    outputs=(
        SpanOutput("email", frozenset({Flow(EMAIL, "value")}), EMAIL),
        SpanOutput("ssn", frozenset({Flow(SSN, "value")}), SSN),
    ),
    tables=(Touch(TableRef("public", "customers"), "read"),),
    uses=frozenset({Use(EMAIL, "lookup")}),
)
DROP = Span(
    verb="drop table",
    action="destroy",
    confidence=Confidence.EXACT,
    actions=frozenset({"destroy"}),
    tables=(Touch(TableRef("public", "customers"), "destroy"),),
)


def report(span: Span, text: str = "select …") -> Report:
    starters = files(starter)
    bundle = load_policies({name: starters.joinpath(name).read_text("utf-8") for name in starter.POLICIES})
    book = load_labels(starters.joinpath(starter.LABELS).read_text("utf-8"))
    alice = Identity("user", "alice", frozenset({"support"}))
    source = SourceInfo("shop", "production", "postgres")
    request = Request(alice, "ticket", source, Client("127.0.0.1"), span, now=1.0)
    return Report(text, span, explain(request, Snapshot(1, bundle, {"shop": BINDING}, book)), BINDING, bundle)


def printed(found: Report, capsys: pytest.CaptureFixture[str]) -> list[str]:
    found.show(Output(json=False))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_each_output_says_what_it_carries_and_how_it_leaves(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = printed(report(SELECT), capsys)
    assert "1 email public.customers.email [pii.email] clear" in lines
    assert any(line.startswith("2 ssn public.customers.ssn [pii.national_id] partial") for line in lines)
    assert "public.customers.email lookup pii.email" in lines
    assert "decision: allow" in lines
    assert any(line.startswith("by `support-sees-contacts-for-tickets` at support.cedar:") for line in lines)
    assert "with row limit 1000" in lines


def test_a_refusal_is_told_in_the_words_the_caller_would_read(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    found = report(DROP)
    lines = printed(found, capsys)
    refusal = found.explanation.decision.refusal
    assert refusal is not None
    assert "decision: refuse" in lines
    assert " ".join(refusal.message.split()) in lines


def test_programs_get_the_analysis_the_decision_and_every_question() -> None:
    data = report(SELECT).data()
    assert data["analysis"]["outputs"][1] == {
        "name": "ssn",
        "opaque": False,
        "flows": [{"column": "public.customers.ssn", "kind": "value", "labels": ["pii.national_id"]}],
    }
    assert data["decision"]["masks"][0] is None
    assert data["decision"]["masks"][1]["method"] == "partial"
    policies = {each["id"]: each for each in data["decision"]["policies"]}
    assert policies["support-reads"]["file"] == "support.cedar"
    assert {(each["action"], each["allowed"]) for each in data["questions"]} >= {("reveal", True), ("reveal", False)}


def test_what_could_not_be_understood_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    opaque = Span(verb="do", action="write", confidence=Confidence.OPAQUE, reasons=("runs code that is not SQL",))
    lines = printed(report(opaque), capsys)
    assert any("runs code that is not SQL" in line for line in lines)
    assert "decision: refuse" in lines
