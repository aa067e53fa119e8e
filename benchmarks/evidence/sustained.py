"""`python -m benchmarks.evidence.sustained --rate 25000`: events into a log that is signed and sealed while it is written.

An event loop like the gateway's takes so many events a second for some time, while segments of it are closed, signed and sealed.
Prints what was taken, and how late the loop's own timer came meanwhile: that is what a statement would have waited.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from itertools import cycle
from pathlib import Path

import uvloop

from benchmarks.evidence.__main__ import batches
from sluice.edges.config import Audit
from sluice.edges.evidence.opening import open_log
from sluice.edges.evidence.verify import verify
from sluice.runtime.recorder import Recorder
from sluice.runtime.sealing import Sealing

TICK = 0.002


async def sustained(rate: int, seconds: float, folder: Path) -> dict[str, object]:
    """Takes `rate` events a second, in a few lines a tick, and says how that went."""
    audit = Audit(path=folder / "audit", signing_key=folder / "key", segment_bytes=16 << 20)
    log, notary, _ = open_log(audit)
    recorder = Recorder(log, notary, lambda reason: print(reason))
    sealing = Sealing(log.path, folder / "sealing.key")
    lines = cycle(b"".join(batches(20_000)).splitlines(keepends=True))
    loop = asyncio.get_running_loop()
    late: list[float] = []
    keeping: set[asyncio.Task[None]] = set()
    begin, taken = loop.time(), 0
    used = time.thread_time()
    while (now := loop.time()) < begin + seconds:
        for _ in range(int((now - begin) * rate) - taken):
            recorder.append(next(lines), ("",))
            taken += 1
        if len(late) % 200 == 0:
            keeping.add(asyncio.create_task(sealing.keep(recorder.closed)))
        due = loop.time() + TICK
        await asyncio.sleep(TICK)
        late.append(loop.time() - due)
    took, used = loop.time() - begin, time.thread_time() - used
    await asyncio.gather(*keeping)
    recorder.close()
    late.sort()
    sealed = len(list(log.path.glob("*.zst")))
    return {
        "events": taken, "events_per_s": round(taken / took), "segments_sealed_meanwhile": sealed,
        "loop_late_ms": {"p50": _ms(late, 0.5), "p99": _ms(late, 0.99), "p999": _ms(late, 0.999), "worst": _ms(late, 1)},
        "loop_cpu_us_per_event": round(used / taken * 1e6, 2), "holds": verify(log.path, notary.verifier).holds,
    }  # fmt: skip


def _ms(late: list[float], share: float) -> float:
    return round(1000 * late[min(len(late) - 1, int(share * len(late)))], 2)


def main() -> None:
    """Runs it in a folder of its own, which goes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=25_000)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sluice-sustained-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(sustained(given.rate, given.seconds, folder)), indent=2))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
