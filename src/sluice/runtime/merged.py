"""The metrics of all workers as those of one gateway: counters, histograms and gauges are added up, a version is the newest, a lag the longest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from sluice.runtime.reins import Family

_NEWEST: Final = frozenset({"sluice_snapshot_version", "sluice_log_lag_seconds"})
"""Of these, the largest counts."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def families(registry: CollectorRegistry) -> tuple[Family, ...]:
    """A registry's metrics, as they are told."""
    return tuple(
        Family(
            metric.name,
            metric.type,
            tuple(
                (one.name, tuple(sorted(one.labels.items())), one.value)
                for one in metric.samples
                if not one.name.endswith("_created")
            ),
        )
        for metric in registry.collect()
    )


class Merged(CollectorRegistry):
    """A registry that answers for several processes: its own, and what the workers told last."""

    def __init__(self, own: CollectorRegistry) -> None:
        super().__init__()
        self._own = own
        self._told: dict[int, tuple[Family, ...]] = {}
        self._past: dict[Key, float] = {}

    def told(self, worker: int, metrics: tuple[Family, ...]) -> None:
        """A worker told its metrics."""
        self._told[worker] = metrics

    def ended(self, worker: int) -> None:
        """A worker is no more: what it counted stays counted."""
        for family in self._told.pop(worker, ()):
            if family.kind in ("counter", "histogram"):
                for name, labels, value in family.samples:
                    key = (family.name, name, labels)
                    self._past[key] = self._past.get(key, 0.0) + value

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        for metric in self._own.collect():
            yield self._with(
                metric, (found for told in self._told.values() for found in told if found.name == metric.name)
            )

    def _with(self, metric: Metric, told: Iterable[Family]) -> Metric:
        values: dict[Key, float] = {}
        own = ((one.name, tuple(sorted(one.labels.items())), one.value) for one in metric.samples)
        past = ((name, labels, value) for (family, name, labels), value in self._past.items() if family == metric.name)
        for name, labels, value in (*own, *past, *(sample for family in told for sample in family.samples)):
            if name.endswith("_created"):
                continue
            key = (metric.name, name, labels)
            known = values.get(key, 0.0)
            values[key] = max(known, value) if metric.name in _NEWEST else known + value
        merged = Metric(metric.name, metric.documentation, metric.type)
        for (_, name, labels), value in values.items():
            merged.add_sample(name, dict(labels), value)
        return merged
