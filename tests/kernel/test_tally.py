"""What the kernel counts in lines of the log is what a plain reading of their JSON counts."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sluice._kernel import tally
from sluice.audit.tally import Tally

TEXTS = st.sampled_from(['"outcome":"x"', '","masked":[7],"', "it's", "é\\", ""])
ASKED = st.fixed_dictionaries(
    {
        "event": st.just("statement-asked"),
        "source": st.sampled_from(["shop", "lake"]),
        "text": TEXTS,
        "outcome": st.sampled_from(["allow", "refuse", "hold"]),
    }
)
DONE = st.fixed_dictionaries(
    {
        "event": st.just("statement-done"),
        "outcome": st.sampled_from(["completed", "failed"]),
        "rows": st.integers(0, 10**12),
        "masked": st.lists(st.integers(0, 10**9), max_size=4),
        "tag": TEXTS,
    }
)
OTHER = st.fixed_dictionaries(
    {"event": st.sampled_from(["connected", "request-asked"]), "source": TEXTS, "outcome": TEXTS}
)


def _lines(events: list[dict[str, object]]) -> bytes:
    # The kind comes first in a line of the log.
    ordered = [{"event": one["event"], **one} for one in events]
    return b"".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for one in ordered)


@given(st.lists(ASKED | DONE | OTHER, max_size=30), st.sampled_from([b"", b"{}\n", b"\n\n", b'{"event":"cut']))
def test_lines_are_counted_as_their_json_says(events: list[dict[str, object]], noise: bytes) -> None:
    wanted: Counter[tuple[str, str, str]] = Counter()
    rows: Counter[tuple[str, str, str]] = Counter()
    masked: Counter[tuple[str, str, str]] = Counter()
    for one in events:
        kind = str(one["event"])
        source = str(one["source"]) if kind == "statement-asked" else ""
        outcome = str(one["outcome"]) if kind.startswith("statement-") else ""
        key = kind, source, outcome
        wanted[key] += 1
        if kind == "statement-done":
            rows[key] += one["rows"]  # type: ignore[operator]
            masked[key] += sum(one["masked"])  # type: ignore[call-overload]
    found = tally(_lines(events) + noise)
    assert {told[:3]: told[3:] for told in found} == {key: (wanted[key], rows[key], masked[key]) for key in wanted}
    assert len(found) == len(wanted)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(lines: bytes) -> None:
    assert sum(told[3] for told in tally(b'{"event":"a"}\n' + lines)) >= 1


def test_runs_are_added_up_until_they_are_taken() -> None:
    counts, line = Tally(), b'{"event":"statement-done","outcome":"completed","rows":2,"masked":[1,1]}\n'
    counts.add(line + line)
    counts.add(line)
    assert list(counts.take()) == [("statement-done", "", "completed", 3, 6, 6)]
    assert list(counts.take()) == []
