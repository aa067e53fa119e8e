"""Values are hashed as plain Python hashes them, and the same whichever way their row goes."""

from __future__ import annotations

import base64
import json
import struct

from drawing import KEY, steady
from hypothesis import given
from hypothesis import strategies as st
from reference import frames, rows, subjects

from sluice import _kernel

SECRET = bytes(range(16))
WATCHED = {"subject": SECRET.hex(), "told": '"shown":true'}
LETTERS = st.text(st.sampled_from("aZ09 @-.()\u00c4\u00df\u0130\u03a3\n"), max_size=12)
VALUES = st.one_of(LETTERS.map(str.encode), st.binary(max_size=12))


@steady(300)
@given(VALUES, st.binary(min_size=16, max_size=16))
def test_a_value_is_hashed_as_plain_python_does(value: bytes, key: bytes) -> None:
    assert _kernel.subject_hash(value, key) == subjects.siphash(key, subjects.folded(value))


@steady(100)
@given(st.lists(st.none() | VALUES, min_size=1, max_size=6), st.sampled_from(["pass", "redact", "hash", "null"]))
def test_what_is_told_are_the_distinct_hashes_in_their_order(values: list[bytes | None], method: str) -> None:
    gathered, plan = _kernel.Subjects(), _kernel.MaskPlan([None, (method, "text", False, WATCHED)], KEY)
    run = b"".join(frames.message(b"D", rows.laid_out([b"x", value])) for value in values)
    for part in (run, run):
        out = plan.rows(part, gathered)[0]
        assert (out == run) == (method == "pass" or not any(value is not None for value in values))
    hashes = sorted({_kernel.subject_hash(value, SECRET) for value in values if value is not None})
    packed = base64.b64encode(struct.pack(f">{len(hashes)}Q", *hashes)).decode()
    assert json.loads(gathered.told()) == {"output": 1, "shown": True, "values": packed}
    assert plan.rows(run)[1] == len(values)


def test_another_plan_for_the_same_result_is_told_of_by_itself() -> None:
    gathered = _kernel.Subjects()
    run = frames.message(b"D", rows.laid_out([b"ada"]))
    for method, told in (("pass", '"shown":true'), ("redact", '"shown":false')):
        _kernel.MaskPlan([(method, "text", False, {**WATCHED, "told": told})], KEY).rows(run, gathered)
    first, second = json.loads(b"[" + gathered.told() + b"]")
    assert (first["shown"], second["shown"], first["values"]) == (True, False, second["values"])
