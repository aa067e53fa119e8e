"""The kernel's leaves and tree hashes are those of a plain reading of RFC 9162."""

from __future__ import annotations

import hashlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice._kernel import (
    merkle_above,
    merkle_fresh,
    merkle_hashes,
    merkle_leaves,
    merkle_lines,
    merkle_root,
    merkle_struck,
)

HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=40)
TEXTS = st.text(max_size=30)
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _tree(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\1" + _tree(hashes[:split]) + _tree(hashes[split:])).digest()


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _redacted(event: dict[str, object], salt: bytes) -> dict[str, object]:
    text = event.get("text")
    if not isinstance(text, str) or not text:
        return event
    digest = hashlib.sha256(salt + _compact(text)).hexdigest()
    return {**event, "text": f"[redacted {digest}]"}


EVENTS = st.fixed_dictionaries(
    {"event": st.just("statement-asked")},
    optional={
        "nested": st.fixed_dictionaries({"text": TEXTS}),
        "list": st.lists(TEXTS | st.integers() | st.none(), max_size=3),
        "text": TEXTS,
        "n": st.integers(),
    },
)


@CALM
@given(st.lists(st.tuples(EVENTS, st.binary(min_size=16, max_size=16)), max_size=6))
def test_leaves_are_those_of_the_redacted_forms(events: list[tuple[dict[str, object], bytes]]) -> None:
    lines = b"".join(_compact(event) + b"\n" for event, _ in events)
    entries, hashes, salts = merkle_leaves(lines, b"".join(salt for _, salt in events))
    expected = [hashlib.sha256(_compact(_redacted(event, salt))).digest() for event, salt in events]
    assert entries == b"".join(expected)
    assert hashes == b"".join(hashlib.sha256(b"\0" + entry).digest() for entry in expected)
    assert salts == b"".join(salt if event.get("text") else bytes(16) for event, salt in events)


@CALM
@given(st.lists(EVENTS, max_size=6), st.binary(min_size=32, max_size=32))
def test_fresh_leaves_have_salts_stretched_from_the_seed(events: list[dict[str, object]], seed: bytes) -> None:
    lines = b"".join(_compact(event) + b"\n" for event in events)
    entries, hashes, salts = merkle_fresh(lines, seed)
    stretched = [hashlib.sha256(seed + n.to_bytes(8, "big")).digest()[:16] for n in range(len(events))]
    used = [salt if event.get("text") else bytes(16) for salt, event in zip(stretched, events, strict=True)]
    assert salts == b"".join(used)
    assert (entries, hashes, salts) == merkle_leaves(lines, salts)
    assert (merkle_hashes(entries), merkle_lines(lines)) == (hashes, len(events))


@CALM
@given(EVENTS, st.binary(min_size=16, max_size=16))
def test_a_struck_out_text_is_gone_and_its_leaf_stays(event: dict[str, object], salt: bytes) -> None:
    line = _compact(event)
    struck = merkle_struck(line, salt)
    assert struck == (_compact(_redacted(event, salt)) if event.get("text") else None)
    if struck is not None:
        assert merkle_struck(struck, salt) is None
        assert merkle_leaves(struck + b"\n", bytes(16))[1] == merkle_leaves(line + b"\n", salt)[1]


@CALM
@given(HASHES)
def test_the_root_is_the_rfcs(hashes: list[bytes]) -> None:
    assert merkle_root(b"".join(hashes)) == _tree(hashes)


@CALM
@given(st.integers(min_value=0, max_value=3))
def test_each_256_hashes_become_one(tiles: int) -> None:
    hashes = [hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(256 * tiles)]
    expected = b"".join(_tree(hashes[at : at + 256]) for at in range(0, len(hashes), 256))
    assert merkle_above(b"".join(hashes)) == expected


@CALM
@given(st.binary(max_size=80))
def test_any_line_has_a_leaf(line: bytes) -> None:
    whole = line.replace(b"\n", b"") + b"\n"
    assert len(merkle_leaves(whole, bytes(16))[1]) == 32
