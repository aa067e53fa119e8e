from __future__ import annotations

from pathlib import Path

from sluice.edges.sinks.jsonl import JsonLog
from sluice.faces.cli.log_tail import LogTail


def every(_line: bytes) -> bool:
    return True


def test_the_end_is_taken_across_segments_in_order(tmp_path: Path) -> None:
    log = JsonLog(tmp_path, segment_bytes=20)
    for n in range(10):
        log.append(b'{"n":%d}\n' % n)
    log.close()
    assert len(list(tmp_path.glob("audit-*.jsonl"))) > 3
    assert LogTail(tmp_path).newest(4, every) == [b'{"n":%d}' % n for n in range(6, 10)]
    assert LogTail(tmp_path).newest(100, every) == [b'{"n":%d}' % n for n in range(10)]
    assert LogTail(tmp_path).newest(2, lambda line: line < b'{"n":5}') == [b'{"n":3}', b'{"n":4}']
    assert LogTail(tmp_path).newest(0, every) == []


def test_what_is_appended_is_seen_once_across_segments(tmp_path: Path) -> None:
    log = JsonLog(tmp_path, segment_bytes=20)
    log.append(b"old\n")
    tail = LogTail(tmp_path)
    assert tail.newest(0, every) == []
    seen = []
    for n in range(9):
        log.append(b"new %d\n" % n)
        if n % 4 == 0:
            seen += list(tail.fresh())
    seen += list(tail.fresh())
    assert seen == [b"new %d" % n for n in range(9)]
    assert list(tail.fresh()) == []
    log.close()


def test_a_line_still_being_written_waits_until_it_is_whole(tmp_path: Path) -> None:
    segment = tmp_path / "audit-000001.jsonl"
    segment.write_bytes(b"one\ntw")
    tail = LogTail(tmp_path)
    assert tail.newest(5, every) == [b"one"]
    assert list(tail.fresh()) == []
    segment.write_bytes(b"one\ntwo\n")
    assert list(tail.fresh()) == [b"two"]
