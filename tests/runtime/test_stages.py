"""Stages are timed, the log is counted, and both reach the page of metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sluice.runtime.merged import Merged, families
from sluice.runtime.metrics import Metrics
from sluice.runtime.stages import EVERY, Stages
from sluice.session.stopwatch import Stopwatch

if TYPE_CHECKING:
    from conftest import Shop


def figure(text: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    found = 0.0
    for line in text.splitlines():
        match = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
        if match and all(f'{key}="{value}"' in (match[1] or "") for key, value in labels.items()):
            found += float(match[2])
    return found


def test_figures_fall_into_the_buckets_that_hold_them() -> None:
    stages, registry = Stages(), CollectorRegistry()
    registry.register(stages)
    for seconds in (0.0, 1e-5, 1.1e-5, 3.0, 60.0):
        stages.record.took(seconds)
    text = generate_latest(registry).decode()
    for bound, count in (("1e-05", 2), ("2.5e-05", 3), ("1.0", 3), ("10.0", 4), ("+Inf", 5)):
        assert figure(text, "sluice_stage_seconds_bucket", stage="record", way="whole", le=bound) == count
    assert figure(text, "sluice_stage_seconds_count", stage="record", way="whole") == 5
    assert figure(text, "sluice_stage_seconds_sum", stage="record", way="whole") == pytest.approx(63.000021)


def test_what_a_session_spent_on_analysis_and_decision_is_taken_out_of_the_rest() -> None:
    stages, watch = Stages(), Stopwatch()
    watch.analysing, watch.deciding = 0.5, 0.25
    stages.asked(watch, 1.0)
    assert (stages.analyse.total, stages.decide.total, stages.session.total) == (0.5, 0.25, 0.25)
    stages.asked(watch, 1.0)
    assert (stages.analyse.total, stages.session.total) == (0.5, 1.25)


def test_workers_histograms_are_added_up_and_outlive_them() -> None:
    merged = Merged(Metrics().registry)
    for worker in (1, 2):
        told = Metrics()
        told.stages.decide.took(0.3 * worker)
        told.lag.set(worker)
        merged.told(worker, families(told.registry))
    merged.ended(1)
    text = generate_latest(merged).decode()
    assert figure(text, "sluice_stage_seconds_count", stage="decide") == 2
    assert figure(text, "sluice_stage_seconds_sum", stage="decide") == pytest.approx(0.9)
    assert figure(text, "sluice_log_lag_seconds") == 2


def test_statements_are_counted_by_decision_and_their_stages_are_timed(gateway: Shop) -> None:
    def page() -> str:
        return gateway.gateway.fetch("/metrics")[1]

    before = page()

    def grew(name: str, by: float, **labels: str) -> bool:
        return figure(page(), name, **labels) - figure(before, name, **labels) >= by

    with gateway.connect("sam", "ticket") as connection:
        connection.execute("select ssn from customers where id < 101").fetchall()
        with pytest.raises(psycopg.Error):
            connection.execute("drop table customers")
    with gateway.connect("app") as connection:
        for number in range(2 * EVERY + 8):
            # The same text with another value: from the second or third on it rides the fast lane.
            connection.execute("select plan from customers where id = %s", (number + 1,)).fetchall()
    until = gateway.gateway.until
    until(lambda: grew("sluice_decisions_total", 2 * EVERY, source="shop", outcome="allow"), "statements to be counted")
    until(lambda: grew("sluice_decisions_total", 1, source="shop", outcome="refuse"), "the refusal to be counted")
    until(lambda: grew("sluice_statements_ended_total", 2 * EVERY, outcome="completed"), "their ends to be counted")
    until(lambda: grew("sluice_masked_values_total", 100), "hidden values to be counted")
    assert grew("sluice_rows_total", 2 * EVERY)
    for stage in ("analyse", "decide", "session", "record", "upstream", "answer"):
        assert grew("sluice_stage_seconds_count", 1, stage=stage, way="whole"), stage
    for stage in ("recognise", "record", "upstream", "answer"):
        assert grew("sluice_stage_seconds_count", 1, stage=stage, way="lane"), stage
        assert not grew("sluice_stage_seconds_count", 10, stage=stage, way="lane"), stage
    until(lambda: figure(page(), "sluice_log_lag_seconds") == 0, "the log to be signed")
