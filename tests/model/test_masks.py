"""The list of mask methods: checked settings, and an order in which the stricter wins."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.model.decision import Mask, MaskMethod
from sluice.model.masks import METHODS, MaskError, mask, rank, strictest


def test_every_method_of_the_type_is_listed_once() -> None:
    names = [method.name for method in METHODS]
    assert sorted(names) == sorted(get_args(MaskMethod))


def test_every_default_is_a_setting_that_the_check_takes() -> None:
    for method in METHODS:
        settings = {param.name: param.default for param in method.params}
        assert dict(mask(method.name, settings).params) == settings


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("blur", {}, "`blur` is not a mask method; expected one of `null`, `redact`"),
        ("null", {"width": "3"}, "the mask method `null` has no setting `width`; it takes none"),
        ("partial", {"keep": "3"}, "no setting `keep`; expected `keep_last`, `keep_first`"),
        ("partial", {"keep_last": "-1"}, "`keep_last` of the mask method `partial` is a whole number from 0"),
        ("partial", {"keep_last": "²"}, "is a whole number from 0"),
        ("generalize", {"width": "0"}, "is a whole number from 1"),
        ("generalize", {"unit": "week"}, "is one of `month`, `year`"),
    ],
)
def test_a_wrong_mask_says_what_was_expected(method: str, params: dict[str, str], message: str) -> None:
    with pytest.raises(MaskError) as raised:
        mask(method, params)
    assert message in str(raised.value)


def test_the_stricter_method_wins_and_all_labels_stay() -> None:
    both = strictest([Mask("partial", (("keep_last", "4"),), ("pci.pan",)), Mask("hash", (), ("pii.email",))])
    assert both == Mask("hash", (), ("pci.pan", "pii.email"))


def test_settings_of_one_method_meet_at_what_hides_more() -> None:
    kept = strictest([mask("partial", {"keep_last": "2", "keep_first": "3"}), mask("partial", {})])
    assert dict(kept.params) == {"keep_last": "2", "keep_first": "0"}
    coarse = strictest([mask("generalize", {"unit": "month", "width": "100"}), mask("generalize", {})])
    assert dict(coarse.params) == {"unit": "year", "width": "100"}


_masks = st.sampled_from(METHODS).map(lambda method: Mask(method.name))


@given(st.lists(_masks, min_size=1, max_size=5))
def test_the_strictest_is_the_same_in_any_order_and_never_looser_than_any(masks: list[Mask]) -> None:
    found = strictest(masks)
    assert found == strictest(masks[::-1])
    assert rank(found.method) == min(rank(one.method) for one in masks)


def test_there_is_no_strictest_of_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        strictest([])
