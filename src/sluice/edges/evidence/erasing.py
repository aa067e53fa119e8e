"""Erases single closed segments for good; everything else in the log verifies as before, and says what was erased."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sluice.audit.note import Signer, Verifier
from sluice.edges.evidence.columns import columns_alone, drop_columns
from sluice.edges.evidence.files import alone, drop_segment, read_closed
from sluice.edges.evidence.lists import add, entries
from sluice.edges.evidence.retention import held_by
from sluice.edges.evidence.sealing import wrapped_key
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments


class Erased(msgspec.Struct, frozen=True):
    """A segment that was erased: which leaves were in it, when, why, and whether its key made other copies noise, too."""

    segment: int
    first: int
    lines: int
    erased: str
    reason: str
    by_key: bool


def erase(folder: Path, number: int, reason: str, signer: Signer) -> Erased:
    """Removes a closed segment and its key for good; its leaves stay, so everything else verifies as before.

    The columns for questions are removed too, and made again of what is left when the next question is asked. LogFailed
    when it is under a legal hold, not closed or not here, or cannot be removed.
    """
    closed = next((one for one in read_closed(folder) if one.segment == number), None)
    if closed is None:
        raise LogFailed(f"segment {number} is not closed; only closed ones can be erased")
    try:
        with alone(folder):
            if number not in segments(folder):
                raise LogFailed(f"segment {number} is not here")
            segment = open_segment(folder, number)
            span = segment.span()
            segment.close()
            hold = held_by(folder, span, signer.verifier)
            if hold is not None:
                raise LogFailed(f"segment {number} is kept by the legal hold `{hold.name}`: {hold.reason}")
            by_key = wrapped_key(folder, number) is not None
            erased = Erased(number, closed.first, closed.lines, datetime.now(UTC).isoformat(), reason, by_key)
            add(folder / "erased.jsonl", erased, signer)
            drop_segment(folder, number)
            if (folder / "columns").exists():
                # Whoever was reading the segment meanwhile is done then.
                with columns_alone(folder / "columns"):
                    drop_columns(folder)
    except OSError as error:
        raise LogFailed(f"segment {number} cannot be erased: {error.strerror}") from error
    return erased


def erasures(folder: Path, verifier: Verifier) -> dict[int, Erased]:
    """The segments that were erased, by number; LogFailed when the list cannot be read or is not what was signed."""
    return {one.segment: one for one in entries(folder / "erased.jsonl", Erased, verifier)}
