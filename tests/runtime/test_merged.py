"""Metrics of several processes, read as one."""

from __future__ import annotations

from prometheus_client import generate_latest

from sluice.runtime.merged import Merged, families
from sluice.runtime.metrics import Metrics


def told(sessions: int, version: int, logins: int) -> Metrics:
    metrics = Metrics()
    metrics.sessions.labels("shop").set(sessions)
    metrics.snapshot.set(version)
    metrics.connections.labels("admitted").inc(logins)
    return metrics


def test_counts_are_added_versions_are_not_and_what_a_dead_worker_counted_stays() -> None:
    own = Metrics()
    own.reloads.labels("accepted").inc()
    merged = Merged(own.registry)
    merged.told(1, families(told(2, 7, 10).registry))
    merged.told(2, families(told(3, 9, 5).registry))
    text = generate_latest(merged).decode()
    for line in (
        'sluice_sessions{source="shop"} 5.0',
        "sluice_snapshot_version 9.0",
        'sluice_connections_total{outcome="admitted"} 15.0',
        'sluice_reloads_total{outcome="accepted"} 1.0',
    ):
        assert line in text
    merged.ended(1)
    merged.told(1, families(told(1, 1, 1).registry))
    text = generate_latest(merged).decode()
    assert 'sluice_sessions{source="shop"} 4.0' in text
    assert 'sluice_connections_total{outcome="admitted"} 16.0' in text
