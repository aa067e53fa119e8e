"""Work that goes on for as long as the gateway does."""

from __future__ import annotations

import asyncio

import pytest

from sluice.runtime import steady
from sluice.runtime.steady import Steady


def test_work_that_fails_is_begun_anew_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady, "AGAIN_SECONDS", 0.0)

    async def play() -> int:
        begun = 0
        goes_on, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            nonlocal begun
            begun += 1
            if begun < 3:
                raise ValueError("a fault")
            goes_on.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
                # A fault on the way out is no reason to begin again.
                raise ValueError("another")

        one = Steady("a test", work)
        await asyncio.wait_for(goes_on.wait(), 20)
        one.stop()
        await asyncio.wait_for(ended.wait(), 20)
        for _ in range(5):
            await asyncio.sleep(0)
        return begun

    assert asyncio.run(play()) == 3
