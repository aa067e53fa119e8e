"""What `sluice policy explain` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sluice.faces.cli.output import Mark, Output
from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.policy.binding import Binding
from sluice.policy.bundle import PolicyBundle
from sluice.policy.decide import Explanation
from sluice.sql.span import Flow, Span

_MARKS: Mapping[str, Mark] = {"allow": "ok", "refuse": "fail", "hold": "warn"}


@dataclass(frozen=True, slots=True)
class Report:
    """One statement: its text, what it does, what was decided, and everything that was asked on the way."""

    text: str
    span: Span
    explanation: Explanation
    binding: Binding
    bundle: PolicyBundle
    literals: frozenset[str] = frozenset()
    """The labels of what the detectors find in the text and in its literals."""

    def data(self) -> dict[str, object]:
        """The report as plain values."""
        decision = self.explanation.decision
        return {
            "statement": self.text,
            "analysis": self._analysis(),
            "decision": {
                "outcome": decision.outcome,
                "policies": [self._policy(name) for name in decision.policies],
                "masks": None if decision.masks is None else [_mask(mask) for mask in decision.masks],
                "obligations": asdict(decision.obligations),
                "refusal": None if decision.refusal is None else asdict(decision.refusal),
                "revealed": decision.revealed,
                "hidden": decision.hidden,
                "errors_withheld": decision.quiet_errors,
                "inherits": [{"column": str(column), "label": label} for column, label in decision.inherits],
            },
            "questions": [asdict(asked) for asked in self.explanation.asked],
        }

    def show(self, out: Output) -> None:
        """Prints the report for people."""
        out.say(self.text.strip())
        self._show_analysis(out)
        self._show_decision(out)
        out.say("\nasked:")
        rows = [
            ("yes" if asked.allowed else "no", asked.principal, asked.action, asked.resource, ", ".join(asked.policies))
            for asked in self.explanation.asked
        ]
        out.table(("", "principal", "action", "resource", "policies"), rows)

    def _analysis(self) -> dict[str, object]:
        span = self.span
        outputs = [
            {"name": each.name, "opaque": each.opaque, "flows": self._flows(each.flows)} for each in span.outputs or ()
        ]
        return {
            "verb": span.verb,
            "actions": sorted(span.actions),
            "confidence": span.confidence.name.lower(),
            "reasons": span.reasons,
            "bounded": span.bounded,
            "tables": [{"table": str(touch.table), "access": touch.access} for touch in span.tables],
            "outputs": None if span.outputs is None else outputs,
            "uses": [
                {"column": str(use.column), "kind": use.kind, "labels": self._labels(use.column)}
                for use in sorted(span.uses, key=lambda use: (use.column, use.kind))
            ],
            "writes": [
                {"column": str(write.target), "opaque": write.opaque, "flows": self._flows(write.flows)}
                for write in span.writes
            ],
            "functions": sorted(span.functions),
            "literals": sorted(self.literals),
        }

    def _flows(self, flows: Iterable[Flow]) -> list[dict[str, object]]:
        return [
            {"column": str(flow.column), "kind": flow.kind, "labels": self._labels(flow.column)}
            for flow in sorted(flows, key=lambda flow: (flow.column, flow.kind))
        ]

    def _labels(self, column: ColumnRef) -> list[str]:
        return sorted(self.binding.labels_of(column))

    def _policy(self, name: str) -> dict[str, object]:
        file, line = self.bundle.origins.get(name, ("", 0))
        return {"id": name, "file": file, "line": line}

    def _show_analysis(self, out: Output) -> None:
        span = self.span
        out.say(
            f"\nanalysis: {span.verb}, {', '.join(sorted(span.actions)) or span.action}, {span.confidence.name.lower()}"
        )
        for reason in span.reasons:
            out.say(f"  because it {reason}" if reason.split(" ")[0].endswith("s") else f"  because {reason}", "note")
        if self.literals:
            out.say(f"  its literals hold {', '.join(sorted(self.literals))}", "note")
        out.table(("  table", "access"), [(f"  {touch.table}", touch.access) for touch in span.tables])
        masks = self.explanation.decision.masks
        rows = []
        for index, each in enumerate(span.outputs or ()):
            flows = self._described(each.flows) + (["anything"] if each.opaque else [])
            mask = masks[index] if masks is not None and index < len(masks) else None
            shown = "-" if masks is None else "clear" if mask is None else _words(mask)
            rows.append((f"  {index + 1}", each.name, ", ".join(flows) or "nothing of a table", shown))
        out.table(("  output", "name", "carries", "leaves as"), rows)
        uses = [
            (f"  {use.column}", use.kind, ", ".join(self._labels(use.column)))
            for use in sorted(span.uses, key=lambda use: (use.column, use.kind))
        ]
        out.table(("  used", "how", "labels"), uses)
        writes = [
            (f"  {write.target}", ", ".join(self._described(write.flows) + (["anything"] if write.opaque else [])))
            for write in span.writes
        ]
        out.table(("  written", "from"), writes)
        if span.functions:
            out.say(f"  calls {', '.join(sorted(span.functions))}")

    def _show_decision(self, out: Output) -> None:
        decision = self.explanation.decision
        out.say(f"\ndecision: {decision.outcome}", _MARKS[decision.outcome])
        if decision.refusal is not None:
            for text in (decision.refusal.message, decision.refusal.detail, decision.refusal.hint):
                if text:
                    out.say(f"  {text}")
        for name in decision.policies:
            file, line = self.bundle.origins.get(name, ("", 0))
            out.say(f"  by `{name}`" + (f" at {file}:{line}" if file else ""))
        duties = {name: value for name, value in asdict(decision.obligations).items() if value}
        for name, value in duties.items():
            out.say(f"  with {name.replace('_', ' ')}" + ("" if value is True else f" {value}"))
        if decision.quiet_errors:
            out.say("  error texts of the database are withheld: they could carry values that may not be seen", "note")

    def _described(self, flows: Iterable[Flow]) -> list[str]:
        described = []
        for flow in sorted(flows, key=lambda flow: (flow.column, flow.kind)):
            labels = self._labels(flow.column)
            kind = "" if flow.kind == "value" else f" ({flow.kind})"
            described.append(f"{flow.column}{kind}" + (f" [{', '.join(labels)}]" if labels else ""))
        return described


def _mask(mask: Mask | None) -> dict[str, object] | None:
    return None if mask is None else {"method": mask.method, "params": dict(mask.params), "labels": mask.labels}


def _words(mask: Mask) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in mask.params)
    return f"{mask.method} ({settings})" if settings else mask.method
