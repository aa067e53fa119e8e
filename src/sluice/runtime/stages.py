"""How long a statement spends in each stage of its way, as histograms that cost a fraction of a microsecond a figure.

The whole way is always measured. The fast lane is measured once in `EVERY` times, since reading the clock would be a good part of what it costs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from sluice.session.stopwatch import Stopwatch

EVERY = 64
BOUNDS = (
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 10.0,
)  # fmt: skip
NAME = "sluice_stage_seconds"
HELP = (
    "Time in each stage: of the whole way, `analyse`, `decide` and `session` (all else before the database is asked); of the "
    "fast lane, of which every 64th exchange is measured, `recognise`; of both, `record`, `upstream` (the database's own, until "
    "the first bytes of its answer) and `answer` (masking, recording the end, sending on)"
)


class Stage:
    """One histogram."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def took(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Stages(Collector):
    """The stages of one process."""

    def __init__(self) -> None:
        self.analyse, self.decide, self.session = Stage(), Stage(), Stage()
        self.record, self.upstream, self.answer = Stage(), Stage(), Stage()
        self.recognise, self.lane_record, self.lane_upstream, self.lane_answer = Stage(), Stage(), Stage(), Stage()

    def asked(self, watch: Stopwatch, seconds: float) -> None:
        """A client's bytes went the whole way up to the record in so long."""
        analysing, deciding = watch.take()
        if analysing:
            self.analyse.took(analysing)
        if deciding:
            self.decide.took(deciding)
        self.session.took(max(0.0, seconds - analysing - deciding))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """All of them as one metric."""
        family = HistogramMetricFamily(NAME, HELP, labels=("stage", "way"))
        for labels, stage in (
            (("analyse", "whole"), self.analyse),
            (("decide", "whole"), self.decide),
            (("session", "whole"), self.session),
            (("record", "whole"), self.record),
            (("upstream", "whole"), self.upstream),
            (("answer", "whole"), self.answer),
            (("recognise", "lane"), self.recognise),
            (("record", "lane"), self.lane_record),
            (("upstream", "lane"), self.lane_upstream),
            (("answer", "lane"), self.lane_answer),
        ):
            family.add_metric(labels, list(_buckets(stage)), stage.total)
        yield family


def _buckets(stage: Stage) -> Iterator[tuple[str, float]]:
    below = 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), stage.counts, strict=True):
        below += count
        yield bound, below
