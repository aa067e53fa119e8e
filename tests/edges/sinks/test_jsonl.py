"""The log takes lines whole or not at all, and says so in time."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.edges.sinks.jsonl import Disk, JsonLog, LogFailed, read


class FailingDisk(Disk):
    """A disk whose n-th call fails: with an error, or by taking only a part of the bytes."""

    def __init__(self, nth: int, how: str, *, forever: bool = False) -> None:
        self.nth = nth
        self.how = how
        self.forever = forever
        self.calls = 0

    def _due(self) -> bool:
        self.calls += 1
        return self.calls == self.nth or (self.forever and self.calls > self.nth)

    def write(self, fd: int, data: bytes) -> int:
        if self._due():
            if self.how == "short":
                return os.write(fd, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        if self._due():
            raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        if self._due():
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(fd, size)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[JsonLog]:
    made = JsonLog(tmp_path / "log")
    yield made
    made.close()


def _line(number: int) -> bytes:
    return b'{"n":%d}\n' % number


def _whole(path: Path) -> list[bytes]:
    return [line + b"\n" for line in read(path)]


def test_a_receipt_names_the_events_whose_lines_are_in_the_file(log: JsonLog) -> None:
    receipt = log.append(_line(1) + _line(2), ("c-1", "c-2"))
    assert (receipt.event_ids, receipt.synced) == (("c-1", "c-2"), False)
    assert (log.path / "audit-000001.jsonl").read_bytes() == _line(1) + _line(2)


def test_one_append_can_ask_for_the_medium_in_a_buffered_log(log: JsonLog) -> None:
    assert log.append(_line(1), synced=True).synced


@pytest.mark.parametrize("lines", [b"", b'{"n":1}', b'{"n":1}\n{'])
def test_half_a_line_is_not_taken(log: JsonLog, lines: bytes) -> None:
    with pytest.raises(LogFailed, match="whole lines"):
        log.append(lines)
    assert log.append(_line(1))


@pytest.mark.parametrize("durability", ["buffered", "synced"])
@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("how", ["short", "error"])
@pytest.mark.parametrize("nth", range(1, 14))
def test_whichever_call_fails_the_log_holds_exactly_what_was_receipted(
    tmp_path: Path, nth: int, how: str, forever: bool, durability: str
) -> None:
    disk = FailingDisk(nth, how, forever=forever)
    log = JsonLog(tmp_path, durability=durability, disk=disk, segment_bytes=30)  # type: ignore[arg-type]
    held: list[bytes] = []
    for number in range(10):
        try:
            log.append(_line(number), (f"c-{number}",))
        except LogFailed:
            break
        held.append(_line(number))
    failed = log.failure
    assert failed is not None or len(held) == 10
    if failed is not None:
        with pytest.raises(LogFailed):
            log.append(_line(99), ("c-99",))
    # Whoever opens it next finds the receipted lines and no part of another; one whole line more if cutting failed too.
    os.close(log._fd)
    os.close(log._lock)
    again = JsonLog(tmp_path)
    assert _whole(tmp_path) == held or (forever and _whole(tmp_path) == [*held, _line(len(held))])
    held = _whole(tmp_path)
    again.append(_line(100))
    assert _whole(tmp_path) == [*held, _line(100)]
    again.close()


@pytest.mark.parametrize("how", ["short", "error"])
@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("durability", ["buffered", "synced"])
def test_after_a_failure_only_a_probe_that_works_opens_the_log_again(
    tmp_path: Path, nth: int, how: str, durability: str
) -> None:
    disk = FailingDisk(nth, how, forever=True)
    log = JsonLog(tmp_path, durability=durability, disk=disk)  # type: ignore[arg-type]
    held = []
    with pytest.raises(LogFailed):
        for number in range(10):
            log.append(_line(number))
            held.append(_line(number))
    for _ in range(2):
        with pytest.raises(LogFailed):
            log.probe(_line(50))
        with pytest.raises(LogFailed):
            log.append(_line(51))
    disk.nth, disk.forever = 0, False
    log.probe(_line(60))
    log.append(_line(61))
    log.close()
    assert _whole(tmp_path) == [*held, _line(60), _line(61)]


def test_a_file_size_limit_of_the_system_is_a_failure_and_leaves_no_half_line(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    log.append(_line(1))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
        with pytest.raises(LogFailed, match="only a part"):
            log.append(b'{"n":"' + b"x" * 100 + b'"}\n')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert (tmp_path / "audit-000001.jsonl").read_bytes() == _line(1)
    log.probe(_line(2))
    log.close()
    assert _whole(tmp_path) == [_line(1), _line(2)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_fails_the_append(tmp_path: Path) -> None:
    log = JsonLog(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._fd)
    os.close(full)
    with pytest.raises(LogFailed, match="No space left"):
        log.append(_line(1))
    assert log.failure == "the log cannot be written: No space left on device"
    log.close()


def test_a_segment_that_somebody_took_away_is_noticed(log: JsonLog) -> None:
    log.append(_line(1))
    log.flush()
    (log.path / "audit-000001.jsonl").unlink()
    with pytest.raises(LogFailed, match="changed by somebody else"):
        log.flush()
    log.probe(_line(2))
    assert (log.path / "audit-000002.jsonl").read_bytes() == _line(2)


def test_a_segment_that_somebody_emptied_is_noticed(log: JsonLog) -> None:
    log.append(_line(1))
    os.truncate(log.path / "audit-000001.jsonl", 0)
    with pytest.raises(LogFailed, match="changed by somebody else"):
        log.flush()
    with pytest.raises(LogFailed):
        log.append(_line(2))
    log.probe(_line(3))


def test_a_probe_without_a_whole_line_does_not_open_a_failed_log(tmp_path: Path) -> None:
    disk = FailingDisk(1, "error")
    log = JsonLog(tmp_path, disk=disk)
    with pytest.raises(LogFailed):
        log.append(_line(1))
    with pytest.raises(LogFailed):
        log.probe(b"half")
    with pytest.raises(LogFailed):
        log.append(_line(2))
    log.probe(_line(3))
    log.close()


def test_a_failed_sync_is_never_asked_again_of_the_same_file(tmp_path: Path) -> None:
    disk = FailingDisk(2, "error")
    log = JsonLog(tmp_path, disk=disk)
    log.append(_line(1))
    with pytest.raises(LogFailed, match="cannot be synced"):
        log.flush()
    log.probe(_line(2))
    assert (tmp_path / "audit-000002.jsonl").read_bytes() == _line(2)
    log.close()


def test_a_sync_that_failed_elsewhere_closes_the_log_until_a_new_segment_works(log: JsonLog) -> None:
    log.append(_line(1))
    os.fdatasync(log.fileno())
    assert log.distrust("the medium is broken") == "the medium is broken"
    with pytest.raises(LogFailed, match="the medium is broken"):
        log.append(_line(2))
    assert log.distrust("later") == "the medium is broken"
    log.probe(_line(3))
    assert (log.path / "audit-000002.jsonl").read_bytes() == _line(3)


def test_two_processes_cannot_write_one_log(log: JsonLog) -> None:
    with pytest.raises(LogFailed, match="in use by another process"):
        JsonLog(log.path)


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogFailed, match="cannot be used"):
        JsonLog(tmp_path / "file" / "log")


def test_a_link_in_the_place_of_a_segment_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit-000001.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LogFailed, match="cannot be opened"):
        JsonLog(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_segments_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    log = JsonLog(tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "log" / "audit-000001.jsonl").stat().st_mode & 0o777 == 0o600
    log.close()


@given(st.lists(st.integers(0, 10**6), max_size=12), st.binary(max_size=90), st.integers(16, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_whatever_a_crash_leaves_at_the_end_only_whole_lines_stay(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], tail: bytes, segment: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = JsonLog(folder, segment_bytes=segment)
    for number in numbers:
        log.append(_line(number))
    log.close()
    last = max(folder.glob("audit-*.jsonl"))
    torn = tail.replace(b"\n", b"")
    with last.open("ab") as file:
        file.write(torn)
    again = JsonLog(folder, segment_bytes=segment)
    assert again.repaired == len(torn)
    again.append(_line(7))
    again.close()
    assert _whole(folder) == [*map(_line, numbers), _line(7)]


def test_blocks_that_the_medium_never_got_are_cut_off(tmp_path: Path) -> None:
    segment = tmp_path / "audit-000001.jsonl"
    segment.write_bytes(_line(1) + b'{"n":2' + b"\0" * 200_000 + b'}\n{"n":3}\n' + b"\0" * 70_000)
    log = JsonLog(tmp_path)
    assert log.repaired == 270_000 + len(b'{"n":2}\n{"n":3}\n')
    log.close()
    assert segment.read_bytes() == _line(1)


def test_a_torn_line_longer_than_a_block_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "audit-000001.jsonl").write_bytes(_line(1) + b"x" * 300_000)
    log = JsonLog(tmp_path)
    assert log.repaired == 300_000
    log.close()


def test_a_killed_process_loses_no_receipted_line(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sluice.edges.sinks.jsonl import JsonLog\n"
        "log = JsonLog(Path(sys.argv[1]), segment_bytes=2000)\n"
        "for n in range(10**9):\n"
        "    log.append(b'{\"n\":%d}\\n' % n); print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(500):
            last = int(process.stdout.readline())
        process.kill()
        last = int([last, *process.stdout.read().split(b"\n")[:-1]][-1])
    log = JsonLog(tmp_path)
    log.close()
    found = _whole(tmp_path)
    assert found == [_line(number) for number in range(len(found))]
    assert len(found) > last


def test_a_missing_segment_between_others_is_said(tmp_path: Path) -> None:
    log = JsonLog(tmp_path, segment_bytes=8)
    for number in range(3):
        log.append(_line(number))
    log.close()
    (tmp_path / "audit-000002.jsonl").unlink()
    with pytest.raises(LogFailed, match="no segment 2"):
        list(read(tmp_path))


def test_an_earlier_segment_that_ends_within_a_line_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit-000001.jsonl").write_bytes(b'{"n":1')
    (tmp_path / "audit-000002.jsonl").write_bytes(_line(2))
    with pytest.raises(LogFailed, match="segment 1"):
        list(read(tmp_path))


def test_reading_leaves_out_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    (tmp_path / "audit-000001.jsonl").write_bytes(_line(1) + b'{"n":')
    assert _whole(tmp_path) == [_line(1)]
