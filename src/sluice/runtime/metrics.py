"""What is counted for monitoring; names as in docs/reference."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


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
        self.workers = Gauge("sluice_workers", "Workers that take connections now", registry=self.registry)
        self.restarts = Counter(
            "sluice_worker_restarts", "Workers started again after they ended by themselves", registry=self.registry
        )
        self.snapshot = Gauge("sluice_snapshot_version", "Version of the newest world", registry=self.registry)
        self.reloads = Counter(
            "sluice_reloads", "Configuration reloads by outcome", ["outcome"], registry=self.registry
        )
