"""Lines in the spool outlive the process, reach the log once and in order, and are never passed off for what they are not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.edges.sinks.jsonl import Disk, JsonLog, LogFailed, read
from sluice.edges.sinks.spool import NAME, SIZE, Spool, held


def _line(number: int, size: int = 0) -> bytes:
    return b'{"n":%d,"x":"%s"}\n' % (number, b"x" * size)


def _lines(path: Path) -> list[bytes]:
    return [line + b"\n" for line in read(path)]


def _segments(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.glob("audit-*.jsonl")))


def _abandon(log: JsonLog) -> None:
    """Lets go of a log as a killed process does: nothing is drained."""
    os.close(log._fd)
    os.close(log._lock)


class FullDisk(Disk):
    """A medium that takes nothing while `full`."""

    full = False

    def write(self, fd: int, data: bytes) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(fd, data)


def test_a_line_is_readable_at_once_and_in_the_segment_when_drained(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    spool = Spool(tmp_path, log, LogFailed)
    receipt = spool.append(_line(1), ("c-1",))
    assert (receipt.event_ids, receipt.synced) == (("c-1",), False)
    assert (_lines(tmp_path), _segments(tmp_path)) == ([_line(1)], b"")
    spool.drain()
    assert (_lines(tmp_path), _segments(tmp_path)) == ([_line(1)], _line(1))
    assert held(tmp_path) == (1, len(_line(1)), b"")
    spool.close()
    log.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from(["", "drain", "kill", "around"])), max_size=12),
    st.integers(200, 100_000),
)
def test_every_receipted_line_is_in_the_log_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]], segment: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = JsonLog(folder, segment_bytes=segment)
    spool = Spool(folder, log, LogFailed)
    expected = []
    for number, (size, then) in enumerate(steps):
        spool.append(_line(number, size), ())
        expected.append(_line(number, size))
        if then == "drain":
            spool.drain()
        elif then == "around":
            spool.drain()
            log.append(_line(-number), ())
            spool.settle()
            expected.append(_line(-number))
        elif then == "kill":
            _abandon(log)
            log = JsonLog(folder, segment_bytes=segment)
            spool = Spool(folder, log, LogFailed)
        assert _lines(folder) == expected
    spool.close()
    log.close()
    assert _segments(folder) == b"".join(expected)


@pytest.mark.parametrize("written", [0, 1, 2, 3])
@pytest.mark.parametrize("torn", [False, True])
def test_lines_that_were_written_before_the_kill_are_not_written_twice(
    tmp_path: Path, written: int, torn: bool
) -> None:
    log = JsonLog(tmp_path)
    log.append(_line(0))
    spool = Spool(tmp_path, log, LogFailed)
    for number in (1, 2, 3):
        spool.append(_line(number), ())
    log.append(b"".join(_line(number) for number in range(1, written + 1)) or _line(1))
    if torn:
        os.write(log._fd, _line(written + 1)[:5])
    _abandon(log)
    again = JsonLog(tmp_path)
    recovered = Spool(tmp_path, again, LogFailed)
    assert recovered.found == len(_line(1)) * (3 - max(1, written))
    assert _lines(tmp_path) == [_line(number) for number in range(4)]


def test_lines_written_into_the_next_segment_before_the_kill_are_not_written_twice(tmp_path: Path) -> None:
    log = JsonLog(tmp_path, segment_bytes=60)
    log.append(_line(0, 30))
    spool = Spool(tmp_path, log, LogFailed)
    spool.append(_line(1, 20), ())
    log.append(_line(1, 20))
    assert log.position[0] == 2
    _abandon(log)
    again = JsonLog(tmp_path, segment_bytes=60)
    assert Spool(tmp_path, again, LogFailed).found == 0
    assert _lines(tmp_path) == [_line(0, 30), _line(1, 20)]


def test_what_is_left_from_before_the_machine_was_lost_is_counted_and_left_out(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    Spool(tmp_path, log, LogFailed).append(_line(1), ())
    _abandon(log)
    content = bytearray((tmp_path / NAME).read_bytes())
    boot = uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).bytes
    assert content.count(boot) == 1
    content[content.index(boot)] ^= 1
    (tmp_path / NAME).write_bytes(content)
    assert _lines(tmp_path) == []
    again = JsonLog(tmp_path)
    spool = Spool(tmp_path, again, LogFailed)
    assert (spool.found, spool.lost) == (0, len(_line(1)))
    spool.append(_line(2), ())
    spool.close()
    again.close()
    assert _lines(tmp_path) == [_line(2)]


@pytest.mark.parametrize("end", [0, 63, SIZE + 1, 1 << 63])
def test_an_end_that_cannot_be_makes_all_of_it_untrusted(tmp_path: Path, end: int) -> None:
    log = JsonLog(tmp_path)
    Spool(tmp_path, log, LogFailed).append(_line(1), ())
    _abandon(log)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[24:32] = end.to_bytes(8, sys.byteorder)
    (tmp_path / NAME).write_bytes(content)
    assert _lines(tmp_path) == []
    spool = Spool(tmp_path, JsonLog(tmp_path), LogFailed)
    assert (spool.found, spool.lost) == (0, SIZE - 64)


def test_on_a_full_medium_no_receipted_line_is_lost_and_no_further_one_receipted(tmp_path: Path) -> None:
    disk = FullDisk()
    log = JsonLog(tmp_path, disk=disk)
    spool = Spool(tmp_path, log, LogFailed)
    spool.append(_line(1), ())
    disk.full = True
    with pytest.raises(LogFailed, match="No space"):
        spool.drain()
    with pytest.raises(LogFailed, match="No space"):
        spool.append(_line(2), ())
    assert _lines(tmp_path) == [_line(1)]
    disk.full = False
    log.probe(_line(0))
    spool.drain()
    spool.append(_line(3), ())
    spool.close()
    log.close()
    assert _lines(tmp_path) == [_line(0), _line(1), _line(3)]


def test_more_than_fits_goes_past_the_spool_in_its_place(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    spool = Spool(tmp_path, log, LogFailed)
    spool.append(_line(1), ())
    spool.append(_line(2, SIZE), ())
    assert _segments(tmp_path) == _line(1) + _line(2, SIZE)
    spool.append(_line(3), ())
    spool.close()
    log.close()
    assert [json.loads(line)["n"] for line in read(tmp_path)] == [1, 2, 3]


def test_half_a_line_is_not_taken(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    spool = Spool(tmp_path, log, LogFailed)
    for lines in (b"", b'{"n":1}', b'{"n":1}\n{'):
        with pytest.raises(LogFailed, match="whole lines"):
            spool.append(lines, ())
    assert _lines(tmp_path) == []


WRITER = """
import sys
from pathlib import Path
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.sinks.spool import Spool
folder = Path(sys.argv[1])
log = JsonLog(folder, segment_bytes=40_000)
spool = Spool(folder, log, LogFailed)
number = 0
while True:
    spool.append(b'{"n":%d}\\n' % number, ())
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
    if number % 37 == 0:
        spool.drain()
"""


def test_a_killed_process_loses_nothing_that_it_gave_a_receipt_for(tmp_path: Path) -> None:
    expected = 0
    for count in (1, 40, 3_000):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(count)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().split("\n") if line.strip()]
        writer.wait()
        numbers = [json.loads(line)["n"] for line in read(tmp_path)][expected:]
        # One line more than was told may be there: killed between the receipt and the telling.
        assert numbers in (told, [*told, told[-1] + 1])
        expected += len(numbers)
        log = JsonLog(tmp_path)
        spool = Spool(tmp_path, log, LogFailed)
        assert [json.loads(line)["n"] for line in read(tmp_path)][-len(numbers) :] == numbers
        spool.close()
        log.close()
