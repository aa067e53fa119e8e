"""What is remembered of a long result's values changes nothing of what is found in them, hidden and counted."""

from __future__ import annotations

import random
from collections import Counter

from reference import frames, rows

from sluice import _kernel
from sluice.classify.detectors import DETECTORS
from sluice.classify.matcher import compiled, hidden_by

SHORT = [b"active", b"paused", b"Exampletown", b"", b"12", b"2026-01-01", b"\\", b"a\tb", b"card 4242 4242 4242 4242"]
EXAMPLES = [example.encode() for one in DETECTORS for example in one.examples]


def _table(seed: int, count: int) -> list[list[bytes | None]]:
    chance = random.Random(seed)
    rare = chance.choice([0, 0.01, 0.3])

    def value() -> bytes | None:
        if chance.random() < rare:
            return chance.choice(EXAMPLES)
        return chance.choice([*SHORT, None, str(chance.randrange(10**9)).encode(), b"word %d" % chance.randrange(40)])

    return [[value(), value(), b"x" * 90] for _ in range(count)]


def _columns(name: str) -> list[tuple[str, str, bool, dict[str, str]] | None]:
    hide = str(hidden_by(frozenset({"pii.phone"})))
    return [("detect", "text", False, {"name": each, "hide": hide}) for each in ("", name)] + [None]


def _told(tally: list[tuple[int, bytes, int, int, int]]) -> Counter[tuple[int, bytes, int]]:
    counts: Counter[tuple[int, bytes, int]] = Counter()
    for column, path, index, some, _ in tally:
        counts[column, path, index] += some
    return counts


def test_a_long_result_in_runs_is_what_its_rows_are_one_by_one() -> None:
    for seed in range(12):
        columns = _columns(("note", "token", "ssn")[seed % 3])
        messages = [frames.message(b"D", rows.laid_out(row)) for row in _table(seed, 900)]
        plan = _kernel.MaskPlan(columns, b"", compiled())
        made, told = b"", Counter[tuple[int, bytes, int]]()
        for at in range(0, 900, 300):
            run = b"".join(messages[at : at + 300])
            assert len(run) > 16 << 10
            out, count, _, tally = plan.rows(run)
            assert count == 300
            made, told = made + out, told + _told(tally)
        singly, wanted = b"", Counter[tuple[int, bytes, int]]()
        for message in messages:
            out, _, _, tally = _kernel.MaskPlan(columns, b"", compiled()).rows(message)
            singly, wanted = singly + out, wanted + _told(tally)
        assert made == singly
        assert told == wanted


def _copied(run: bytes, feeds: int, name: str) -> tuple[bytes, int, Counter[tuple[int, bytes, int]]]:
    mask = _kernel.CopyMask(
        _columns(name), b"", compiled(), format="text", delimiter=b"\t", null=b"\\N", quote=b'"', escape=b'"',
        header=False, max_row=1 << 20,
    )  # fmt: skip
    made, count, told = b"", 0, Counter[tuple[int, bytes, int]]()
    size = len(run) // feeds + 1
    whole = (
        [run] if feeds == 1 else [frames.message(b"d", run[5:][at : at + size]) for at in range(0, len(run) - 5, size)]
    )
    for part in whole:
        out, some, _, tally = mask.feed(part)
        made, count, told = made + out, count + some, told + _told(tally)
    return made + mask.finish(), count, told


def _field(value: bytes | None) -> bytes:
    if value is None:
        return b"\\N"
    return value.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def test_a_copy_that_passes_as_it_came_is_what_its_rows_are_put_together() -> None:
    for seed in range(12):
        escaped = [b"\t".join(map(_field, row)) + b"\n" for row in _table(seed, 200)]
        name = ("note", "token", "ssn")[seed % 3]
        run = b"".join(frames.message(b"d", line) for line in escaped)
        assert _copied(run, 1, name) == _copied(frames.message(b"d", b"".join(escaped)), 7, name)
