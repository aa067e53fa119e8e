"""What happens to a process or a disk leaves a log that goes on by itself and says what it found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluice.edges.evidence import flat, notary
from sluice.edges.evidence.keys import create_key, load_key
from sluice.edges.evidence.verify import verify
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger


def _holds(ledger: Ledger) -> None:
    report = verify(ledger.folder, ledger.notary.verifier)
    assert (report.problems, report.notes, report.events) == ([], [], ledger.count)


def test_the_tree_goes_on_after_a_restart_in_the_middle(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=9000)
    for count in (1, 254, 1, 1, 300, 7):
        ledger.write(count)
        ledger.restart()
        assert ledger.mended == ()
        assert ledger.notary.signed.size == ledger.count
    _holds(ledger)


def test_nothing_is_signed_twice_when_nothing_is_new(ledger: Ledger) -> None:
    ledger.write(5)
    assert ledger.notary.advance(*ledger.log.position) is None


def test_events_without_a_checkpoint_get_one_at_the_start_which_says_so(ledger: Ledger) -> None:
    ledger.write(5)
    ledger.write(3, sign=False)
    ledger.restart()
    assert ledger.mended == ("3 events had no checkpoint yet",)
    _holds(ledger)


def test_several_segments_without_a_checkpoint_get_one(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=2000)
    ledger.write(5)
    ledger.write(300, sign=False)
    ledger.restart()
    assert ledger.mended == ("300 events had no checkpoint yet",)
    _holds(ledger)
    ledger.write(100)
    _holds(ledger)


def test_a_torn_last_line_is_cut_off_and_said(ledger: Ledger) -> None:
    ledger.write(5)
    ledger.close()
    with (ledger.folder / "audit-000001.jsonl").open("ab") as segment:
        segment.write(b'{"event":"torn')
    ledger.open()
    assert ledger.mended == ("14 bytes of a torn last line were cut off",)
    _holds(ledger)


def test_a_torn_line_in_the_list_of_closed_segments_is_mended(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=2000)
    ledger.write(100)
    with (ledger.folder / "closed.jsonl").open("ab") as closed:
        closed.write(b'{"segm')
    ledger.restart()
    ledger.write(100)
    ledger.restart()
    _holds(ledger)


def test_a_lost_list_of_closed_segments_is_made_again(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=2000)
    ledger.write(100)
    before = (ledger.folder / "closed.jsonl").read_bytes()
    (ledger.folder / "closed.jsonl").unlink()
    ledger.restart()
    assert (ledger.folder / "closed.jsonl").read_bytes() == before
    _holds(ledger)


@pytest.mark.parametrize("left", [None, 0, 31, 32 * 300 + 7])
@pytest.mark.parametrize("segment_bytes", [1 << 20, 9000])
def test_a_lost_or_torn_tree_is_made_again(begin: Callable[..., Ledger], left: int | None, segment_bytes: int) -> None:
    ledger = begin(segment_bytes=segment_bytes)
    ledger.write(600)
    before = {path.name: path.read_bytes() for path in ledger.folder.glob("tree/*")}
    for path in ledger.folder.glob("tree/*"):
        if left is None:
            path.unlink()
        else:
            os.truncate(path, min(left, path.stat().st_size))
    ledger.restart()
    assert {path.name: path.read_bytes() for path in ledger.folder.glob("tree/*")} == before
    _holds(ledger)
    ledger.write(300)
    _holds(ledger)


def test_what_a_lost_process_had_of_the_tree_beyond_the_log_is_cut_off(ledger: Ledger) -> None:
    ledger.write(300)
    with (ledger.folder / "tree/entries").open("ab") as file:
        file.write(bytes(32 * 500 + 5))
    ledger.restart()
    ledger.write(10)
    assert (ledger.folder / "tree/entries").stat().st_size == 32 * 310
    _holds(ledger)


def test_a_tree_of_segments_that_are_gone_cannot_be_made_again(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=9000)
    ledger.write(600)
    ledger.close()
    (ledger.folder / "audit-000001.jsonl").unlink()
    (ledger.folder / "tree/entries").unlink()
    with pytest.raises(LogFailed, match="put the folder back from a copy"):
        ledger.open()
    assert (ledger.folder / "closed.jsonl").exists()


def test_a_clock_that_stands_before_the_last_event_is_said(ledger: Ledger) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ledger.log.append(b'{"event":"x","time":"%b"}\n' % ahead.encode())
    ledger.count += 1
    ledger.sign()
    ledger.restart()
    assert len(ledger.mended) == 1
    assert ledger.mended[0].startswith("the clock stands 3")
    _holds(ledger)


@pytest.mark.parametrize("nth", range(1, 24))
def test_a_full_disk_at_any_file_delays_the_checkpoint_and_no_more(
    begin: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    ledger = begin(segment_bytes=20_000)
    ledger.write(250)
    calls = 0

    def failing(whole: Callable[..., None]) -> Callable[..., None]:
        def write(*args: object, **options: object) -> None:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(28, "No space left on device")
            whole(*args, **options)

        return write

    for module, name in ((notary, "put"), (notary, "put_at"), (notary, "add_closed"), (flat, "put_at")):
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
    failed = False
    try:
        ledger.write(600)
    except OSError:
        failed = True
    monkeypatch.undo()
    assert failed is (calls >= nth)
    assert failed or nth > 12
    ledger.sign()
    _holds(ledger)
    ledger.restart()
    _holds(ledger)


def test_a_log_that_was_altered_is_not_gone_on_with(ledger: Ledger) -> None:
    ledger.write(20)
    ledger.close()
    path = ledger.folder / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"n":3}', b'"n":4}'))
    with pytest.raises(
        LogFailed, match=r"is not what was signed: its first 20 events differ; run `sluice audit verify`"
    ):
        ledger.open()
    path.write_bytes(path.read_bytes().replace(b'"id":"c-3","text":"","n":4}', b'"id":"c-3","text":"","n":3}'))
    ledger.open()


def test_a_log_that_was_cut_off_is_not_gone_on_with(ledger: Ledger) -> None:
    ledger.write(20)
    ledger.close()
    path = ledger.folder / "audit-000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(LogFailed, match="is cut off: 20 events were signed, it has 18"):
        ledger.open()
    path.write_bytes(b"".join(lines))
    ledger.open()


def test_another_key_or_origin_does_not_go_on_with_the_log(ledger: Ledger, begin: Callable[..., Ledger]) -> None:
    ledger.write(1)
    ledger.close()
    ledger.audit = type(ledger.audit)(
        path=ledger.folder, signing_key=ledger.audit.signing_key, origin="example.com/other"
    )
    with pytest.raises(LogFailed, match="no signature by a known key"):
        ledger.open()
    ledger.audit = type(ledger.audit)(path=ledger.folder, signing_key=ledger.audit.signing_key)
    ledger.open()


def test_a_configured_origin_is_the_logs_name(begin: Callable[..., Ledger]) -> None:
    ledger = begin(origin="example.com/sluice")
    ledger.write(1)
    assert (ledger.folder / "checkpoint").read_bytes().startswith(b"example.com/sluice\n1\n")


def test_of_several_who_make_the_key_at_once_one_does(tmp_path: Path) -> None:
    path = tmp_path / "k" / "audit.key"
    create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(LogFailed, match="exists"):
        create_key(path)
    path.chmod(0o640)
    with pytest.raises(LogFailed, match="chmod 600"):
        load_key(path)
    assert [one.name for one in path.parent.iterdir()] == ["audit.key"]


WRITER = """
import sys
from pathlib import Path
from sluice.edges.config import Audit
from sluice.edges.evidence.opening import open_log

log, notary, mended = open_log(Audit(path=Path(sys.argv[1]), signing_key=Path(sys.argv[2]), segment_bytes=20_000))
n = int(sys.argv[3])
while True:
    for _ in range(50):
        log.append(b'{"event":"statement-asked","id":"c-%d","text":"select 1"}\\n' % n)
        n += 1
    log.flush()
    notary.advance(*log.position)
    print(n, flush=True)
"""


def test_a_killed_writer_leaves_a_log_that_holds(tmp_path: Path) -> None:
    written = 0
    for _ in range(3):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path / "audit"), str(tmp_path / "audit.key"), str(written)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=os.environ) as process:
            assert process.stdout is not None
            for _ in range(15):
                written = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        ledger = Ledger(tmp_path)
        ledger.count = ledger.notary.signed.size
        assert ledger.count >= written
        _holds(ledger)
        written = ledger.count
        ledger.close()
    ids = [json.loads(line)["id"] for path in sorted(ledger.folder.glob("audit-*.jsonl")) for line in path.open()]
    assert ids == [f"c-{n}" for n in range(written)]
