from __future__ import annotations

from sluice.session.memory import Bounded


def test_the_oldest_is_forgotten_first_and_never_what_was_just_kept() -> None:
    kept: Bounded[str, int] = Bounded(3)
    for at, name in enumerate("abcd"):
        assert kept.keep(name, at) == at
    assert dict(kept) == {"b": 1, "c": 2, "d": 3}


def test_what_is_kept_again_takes_nobodys_place() -> None:
    kept: Bounded[str, int] = Bounded(2)
    for name, value in (("a", 1), ("b", 2), ("a", 3)):
        kept.keep(name, value)
    assert dict(kept) == {"a": 3, "b": 2}
    kept.keep("c", 4)
    # Keeping it again made it no younger: reads and renewals cost nothing, so nothing is reordered.
    assert dict(kept) == {"b": 2, "c": 4}
