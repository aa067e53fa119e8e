"""When a worker counts as hanging, and how soon one that ended is started anew."""

from __future__ import annotations

import pytest

from sluice.runtime.fleet import LONGEST_PAUSE, SILENT_SECONDS, STEADY_SECONDS, Worker, hangs, rest


@pytest.mark.parametrize(
    ("ready", "silent", "found"),
    [(True, SILENT_SECONDS - 1, False), (True, SILENT_SECONDS + 1, True), (False, SILENT_SECONDS * 9, False)],
)
def test_a_worker_that_is_silent_for_too_long_hangs_and_one_that_starts_does_not(
    ready: bool, silent: float, found: bool
) -> None:
    assert hangs(Worker(1, [], ready=ready, heard_at=1000.0), 1000.0 + silent) is found


def test_one_that_ends_again_and_again_is_waited_for_longer_each_time_and_not_for_ever() -> None:
    pauses, pause = [], 0.0
    for _ in range(10):
        pause = rest(0.5, pause)
        pauses.append(pause)
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_PAUSE
    assert rest(STEADY_SECONDS + 1, LONGEST_PAUSE) == 0.0
