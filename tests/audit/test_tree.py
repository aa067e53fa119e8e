"""A tree in tiles has the hashes and proofs of one that is computed from all its leaves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.audit.tree import (
    EMPTY,
    Edge,
    Hashes,
    ProofError,
    check_consistency,
    check_inclusion,
    node,
    tile_path,
)

LEAVES = [hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(66_000)]
SIZES = st.one_of(st.integers(0, 1100), st.sampled_from([65_535, 65_536, 65_537, 66_000]))


def _tree(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node(_tree(hashes[:split]), _tree(hashes[split:]))


def _grown(size: int, step: int) -> tuple[Edge, dict[tuple[int, int], bytes]]:
    edge, tiles = Edge(), {}
    for at in range(0, size, step):
        for level, index, tile in edge.grow(b"".join(LEAVES[at : min(size, at + step)])):
            tiles[level, index] = tile
    tiles.update({(level, index): held for level, index, held in edge.partial()})
    return edge, tiles


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, st.sampled_from([7, 100, 256, 5000]), st.data())
def test_proofs_by_tiles_hold(size: int, step: int, data: st.DataObject) -> None:
    edge, tiles = _grown(size, max(step, size // 50))
    root = _tree(LEAVES[:size])
    assert (edge.size, edge.root()) == (size, root)
    hashes = Hashes(size, lambda level, index, _: tiles[level, index])
    older = data.draw(st.integers(0, size))
    check_consistency(older, _tree(LEAVES[:older]), size, root, hashes.consistency(older))
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = hashes.inclusion(index)
        check_inclusion(LEAVES[index], index, size, path, root)
        with pytest.raises(ProofError):
            check_inclusion(LEAVES[index + 1], index, size, path, root)
        with pytest.raises(ProofError):
            check_inclusion(LEAVES[index], index, size, [*path, root], root)
        for at in range(len(path)):
            with pytest.raises(ProofError):
                check_inclusion(LEAVES[index], index, size, [*path[:at], root, *path[at + 1 :]], root)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(2, 600), st.data())
def test_a_tree_that_does_not_continue_another_is_found_out(size: int, data: st.DataObject) -> None:
    older = data.draw(st.integers(1, size - 1))
    _, tiles = _grown(size, 100)
    path = Hashes(size, lambda level, index, _: tiles[level, index]).consistency(older)
    other = _tree([*LEAVES[: older - 1], LEAVES[-1]])
    with pytest.raises(ProofError):
        check_consistency(older, other, size, _tree(LEAVES[:size]), path)
    with pytest.raises(ProofError):
        check_consistency(older, _tree(LEAVES[:older]), size, other, path)
    with pytest.raises(ProofError):
        check_consistency(size, _tree(LEAVES[:size]), older, other, path)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, st.sampled_from([1, 255, 256, 5000]))
def test_what_levels_gain_are_the_hashes_over_their_tiles(size: int, step: int) -> None:
    edge, gained = Edge(), {}
    for at in range(0, size, max(step, size // 50)):
        for level, (first, above) in enumerate(
            edge.extend(b"".join(LEAVES[at : min(size, at + max(step, size // 50))])), 1
        ):
            assert len(gained.setdefault(level, b"")) == first * 32
            gained[level] += above
    full, tiles = _grown(size, 5000)
    assert edge == full
    for level, above in gained.items():
        for at in range(0, len(above), 256 * 32):
            assert tiles[level, at // (256 * 32)] == above[at : at + 256 * 32]


def test_a_leaf_outside_the_tree_is_in_none() -> None:
    with pytest.raises(ProofError, match="outside"):
        check_inclusion(LEAVES[0], 1, 1, [], LEAVES[0])


def test_tiles_stand_where_the_specification_has_them() -> None:
    assert tile_path("0", 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0, 5) == "tile/entries/000.p/5"
    # 70,000 leaves: 273 full tiles and one of 112, one full and one of 17 above, one of a single hash on top.
    edge = Edge()
    full = edge.grow(b"".join(LEAVES + LEAVES[:4000]))
    assert [sum(level == at for level, _, _ in full) for at in range(3)] == [273, 1, 0]
    assert [(level, index, len(held) // 32) for level, index, held in edge.partial()] == [
        (0, 273, 112),
        (1, 1, 17),
        (2, 0, 1),
    ]


def test_a_tile_that_is_too_short_proves_nothing() -> None:
    with pytest.raises(ProofError, match="too short"):
        Hashes(10, lambda *_: b"").level(0, 3, 1)
