"""What is counted for monitoring; names as in docs/reference."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from sluice.audit.tally import ASKED, DONE, REQUEST, Tallied
from sluice.runtime.stages import Stages


class Metrics:
    """The gateway's counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Counter(
            "sluice_connections", "Connections by how they began", ["outcome"], registry=self.registry
        )
        self.sessions = Gauge("sluice_sessions", "Sessions open now", ["source"], registry=self.registry)
        self.statements = Gauge("sluice_log_events", "Statements recorded since the start", registry=self.registry)
        self.log_bytes = Gauge("sluice_log_bytes", "Bytes appended to the log since the start", registry=self.registry)
        self.signed = Gauge("sluice_log_signed_events", "Events under the newest checkpoint", registry=self.registry)
        self.witness_failures = Gauge(
            "sluice_witness_failures", "Checkpoints that a witness did not take since the start", registry=self.registry
        )
        self.seal_failures = Gauge(
            "sluice_seal_failures",
            "Times that closed segments could not be sealed since the start",
            registry=self.registry,
        )
        self.lag = Gauge(
            "sluice_log_lag_seconds",
            "How long the oldest event without a signed checkpoint has waited for it",
            registry=self.registry,
        )
        self.decisions = Counter(
            "sluice_decisions", "Statements by what was decided", ["source", "outcome"], registry=self.registry
        )
        self.ended = Counter(
            "sluice_statements_ended", "Statements by how they ended", ["outcome"], registry=self.registry
        )
        self.rows = Counter("sluice_rows", "Rows sent to clients", registry=self.registry)
        self.masked = Counter("sluice_masked_values", "Values hidden in them", registry=self.registry)
        self.holds = Gauge("sluice_holds", "Statements that wait for a human now", registry=self.registry)
        self.requests = Counter(
            "sluice_requests",
            "Requests for approval and access by what became of them",
            ["step"],
            registry=self.registry,
        )
        self.stages = Stages()
        self.registry.register(self.stages)
        self.workers = Gauge("sluice_workers", "Workers that take connections now", registry=self.registry)
        self.restarts = Counter(
            "sluice_worker_restarts", "Workers started again after they ended by themselves", registry=self.registry
        )
        self.budgets_spent = Counter(
            "sluice_budgets_spent", "Times that a budget was spent, by its label", ["label"], registry=self.registry
        )
        self.snapshot = Gauge("sluice_snapshot_version", "Version of the newest world", registry=self.registry)
        self.reloads = Counter(
            "sluice_reloads", "Configuration reloads by outcome", ["outcome"], registry=self.registry
        )

    def count(self, told: Iterable[Tallied]) -> None:
        """Counts what stands in the log."""
        for kind, source, outcome, events, rows, masked in told:
            if kind == ASKED:
                self.decisions.labels(source, outcome).inc(events)
            elif kind == DONE:
                self.ended.labels(outcome).inc(events)
                self.rows.inc(rows)
                self.masked.inc(masked)
            elif kind.startswith(REQUEST):
                self.requests.labels(kind.removeprefix(REQUEST)).inc(events)
