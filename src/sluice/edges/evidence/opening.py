"""Opens a log with its notary, and says what there was to mend."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sluice.edges.config import Audit
from sluice.edges.evidence.keys import load_or_create_key
from sluice.edges.evidence.notary import Notary
from sluice.edges.sinks.jsonl import JsonLog, LogFailed
from sluice.edges.sinks.segments import open_segment, segments


def open_log(audit: Audit, folder: Path | None = None) -> tuple[JsonLog, Notary, tuple[str, ...]]:
    """The log in `folder` (else `audit.path`), its notary, and what was mended, in words. LogFailed when it cannot be had.

    One writer is one log with an origin of its own: that of a folder other than `audit.path` ends in the folder's name.
    """
    folder = folder or audit.path
    log = JsonLog(folder, audit.fsync_ms, segment_bytes=audit.segment_bytes)
    try:
        log.flush()
        found = list(_mended(log))
        notary = Notary(log, load_or_create_key(audit.signing_key), origin_of(audit, folder))
    except LogFailed:
        log.close()
        raise
    return log, notary, (*found, *notary.found)


def origin_of(audit: Audit, folder: Path) -> str:
    """The log's name: as configured, else the one it was begun with, else a new one drawn at random."""
    if audit.origin is not None:
        return audit.origin if folder == audit.path else f"{audit.origin}/{folder.name}"
    return begun_as(folder) or f"sluice-{secrets.token_hex(8)}"


def begun_as(folder: Path) -> str | None:
    """The name on a log's checkpoint, whoever signed it; None when it has none."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / "checkpoint").read_bytes().split(b"\n", 1)[0].decode()
    return None


def _mended(log: JsonLog) -> Iterator[str]:
    if log.repaired:
        yield f"{log.repaired} bytes of a torn last line were cut off"
    last = ""
    for number in sorted(segments(log.path), reverse=True)[:2]:
        segment = open_segment(log.path, number)
        last = last or segment.span()[1]
        segment.close()
    with suppress(ValueError):
        ahead = datetime.fromisoformat(last).timestamp() - time.time()
        if ahead > 1:
            yield f"the clock stands {ahead:.0f} s before the last event"
