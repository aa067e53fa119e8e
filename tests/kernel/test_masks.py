"""The kernel's masks agree with plain Python, type by type, and what comes out keeps what masks promise."""

from __future__ import annotations

import pytest
from drawing import KEY, KINDS, METHODS, ODD, PAIRS, PARAMS, arrays, steady
from hypothesis import given
from hypothesis import strategies as st
from reference import masks

from sluice import _kernel


@pytest.mark.parametrize("kind", masks.KINDS)
@steady(40)
@given(data=st.data(), method=METHODS, params=PARAMS)
def test_the_kernel_masks_as_plain_python_does(
    kind: str, data: st.DataObject, method: str, params: dict[str, str]
) -> None:
    for binary, value in enumerate(data.draw(PAIRS[kind])):
        got = _kernel.mask_value(value, method, kind, bool(binary), params, KEY)
        assert got == masks.mask(value, method, kind, bool(binary), params, KEY)


@steady(150)
@given(kind=KINDS, method=METHODS, value=ODD, binary=st.booleans(), params=PARAMS)
def test_both_take_the_same_for_no_value_of_a_type(
    kind: str, method: str, value: bytes, binary: bool, params: dict[str, str]
) -> None:
    got = _kernel.mask_value(value, method, kind, binary, params, KEY)
    assert got == masks.mask(value, method, kind, binary, params, KEY)


@steady(80)
@given(data=st.data(), kind=KINDS, method=METHODS, params=PARAMS)
def test_arrays_are_masked_element_by_element(
    data: st.DataObject, kind: str, method: str, params: dict[str, str]
) -> None:
    for binary, value in enumerate(data.draw(arrays(kind))):
        got = _kernel.mask_value(value, method, f"array:{kind}", bool(binary), params, KEY)
        assert got == masks.mask(value, method, f"array:{kind}", bool(binary), params, KEY)


@steady(80)
@given(
    value=st.binary(max_size=30) | st.text("{}[]=,\"\\ nulNUL01:-", max_size=16).map(str.encode),
    kind=KINDS, method=METHODS, binary=st.booleans(),
)  # fmt: skip
def test_what_is_no_array_is_null_for_both(value: bytes, kind: str, method: str, binary: bool) -> None:
    got = _kernel.mask_value(value, method, f"array:{kind}", binary, {}, KEY)
    assert got == masks.mask(value, method, f"array:{kind}", binary, {}, KEY)


@steady(120)
@given(data=st.data(), kind=KINDS, method=st.sampled_from(["redact", "hash", "pseudonym"]))
def test_no_strict_mask_shows_the_value(data: st.DataObject, kind: str, method: str) -> None:
    for binary, value in enumerate(data.draw(PAIRS[kind])):
        got = _kernel.mask_value(value, method, kind, bool(binary), {}, KEY)
        nothing = value in (b"", b"\\x") or (kind == "bpchar" and not value.strip(b" "))
        assert got != value or nothing or value in (b"[", b"[redacted]", b'"[redacted]"')


@steady(80)
@given(data=st.data(), kind=st.sampled_from(masks.values.KINDS), method=st.sampled_from(["hash", "pseudonym"]))
def test_equal_values_stay_equal_whatever_their_format(data: st.DataObject, kind: str, method: str) -> None:
    text, binary = data.draw(PAIRS[kind])
    told = _kernel.mask_value(text, method, kind, False, {}, KEY)
    sent = _kernel.mask_value(binary, method, kind, True, {}, KEY)
    if kind == "timestamptz":
        return
    # A mask that changes nothing reads the binary form out as text would be: both are nothing or the same value.
    assert (told is None) == (sent is None)
    if told is not None and sent is not None and kind in ("uuid", "bytea"):
        assert told.removeprefix(b"\\x").replace(b"-", b"") == sent.hex().encode()
    if told is not None and sent is not None and kind in ("int2", "int4", "int8", "oid"):
        assert int(told) == int.from_bytes(sent, "big", signed=kind != "oid")


@steady(40)
@given(kind=KINDS, method=METHODS, params=PARAMS)
def test_null_stays_null(kind: str, method: str, params: dict[str, str]) -> None:
    assert _kernel.mask_value(None, method, kind, False, params, KEY) is None
    assert _kernel.mask_value(None, method, f"array:{kind}", True, params, KEY) is None


@pytest.mark.parametrize("method", masks.METHODS)
@pytest.mark.parametrize("kind", ["other", "bool", "interval", "array:other", "array:array:text", ""])
def test_a_type_without_masks_is_null(method: str, kind: str) -> None:
    assert _kernel.mask_value(b"1", method, kind, False, {}, KEY) is None


@pytest.mark.parametrize(
    ("method", "params"),
    [("rot13", {}), ("partial", {"keep_middle": "1"}), ("partial", {"keep_last": "-1"}), ("hash", {"scale": "x"})],
)
def test_a_mask_that_nobody_knows_is_an_error(method: str, params: dict[str, str]) -> None:
    with pytest.raises(_kernel.KernelError):
        _kernel.MaskPlan([(method, "text", False, params)], KEY)
