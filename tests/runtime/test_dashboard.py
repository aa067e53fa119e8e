"""The dashboard shows metrics that exist, and all of the log's and the sessions'."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sluice.runtime.metrics import Metrics

DASHBOARD = Path(__file__).parents[2] / "docs" / "reference" / "grafana-dashboard.json"


def test_every_name_on_the_dashboard_is_a_metric_and_every_metric_of_the_log_is_on_it() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = {name for panel in panels for one in panel["targets"] for name in re.findall(r"sluice_\w+", one["expr"])}
    known = {sample.name for metric in Metrics().registry.collect() for sample in metric.samples}
    known |= {
        f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in Metrics().registry.collect()
    }
    assert shown - known == set()
    assert {name for name in known if name.startswith("sluice_log_")} <= shown


def test_every_metric_is_on_the_dashboard() -> None:
    text = DASHBOARD.read_text()
    assert [metric.name for metric in Metrics().registry.collect() if metric.name not in text] == []
