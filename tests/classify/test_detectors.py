"""Every detector finds its examples and leaves its counterexamples; no input makes one slow."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.exceptions import ValidationError
from stdnum.util import get_cc_module

from sluice import _kernel
from sluice.classify.detectors import DETECTORS, Detector
from sluice.classify.matcher import LEAST, compiled, find

EXAMPLES = [(one, text) for one in DETECTORS for text in one.examples]
COUNTEREXAMPLES = [(one, text) for one in DETECTORS for text in one.counterexamples]


def _kinds(text: str, name: str = "") -> list[str]:
    return [finding.kind for finding in find([text.encode()], name)[0]]


@pytest.mark.parametrize(("detector", "text"), EXAMPLES, ids=[f"{d.kind}-{n}" for n, (d, _) in enumerate(EXAMPLES)])
def test_an_example_is_found(detector: Detector, text: str) -> None:
    assert detector.kind in _kinds(text)


@pytest.mark.parametrize(
    ("detector", "text"), COUNTEREXAMPLES, ids=[f"{d.kind}-{n}" for n, (d, _) in enumerate(COUNTEREXAMPLES)]
)
def test_a_counterexample_is_not_found(detector: Detector, text: str) -> None:
    assert detector.kind not in _kinds(text)


def test_there_are_enough_kinds_and_each_has_a_name_of_its_own() -> None:
    kinds = Counter(one.kind for one in DETECTORS)
    assert max(kinds.values()) == 1
    assert len(kinds) >= 60


def test_national_numbers_of_at_least_twenty_countries_have_check_digits() -> None:
    known = _kernel.checks()
    countries = {one.check[:2] for one in DETECTORS if one.label == "pii.national_id" and one.check in known}
    assert len(countries) >= 20


@pytest.mark.parametrize("detector", [one for one in DETECTORS if "n" not in one.needs], ids=lambda one: one.kind)
def test_a_detector_comes_with_examples(detector: Detector) -> None:
    assert detector.examples


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("cvv", "123", "pci.cvv"),
        ("lastName", "Anvil", "pii.name"),
        ("acct_no", "0012345678", "pci.account"),
        ("patient_id", "H-123456", "phi.record"),
        ("date_of_birth", "1984-03-07", "pii.birth_date"),
        ("SSN", "219099999", "pii.national_id"),
    ],
)
def test_the_name_of_a_column_tells_what_its_values_are(name: str, value: str, label: str) -> None:
    assert [finding.label for finding in find([value.encode()], name)[0]] == [label]
    assert find([value.encode()], "order_code")[0] == []


CHECKS = {
    "fr_nir": ("fr", "nir", 15), "de_idnr": ("de", "idnr", 11), "nl_bsn": ("nl", "bsn", 9), "pt_nif": ("pt", "nif", 9),
    "pl_pesel": ("pl", "pesel", 11), "no_fnr": ("no", "fodselsnummer", 11), "hr_oib": ("hr", "oib", 11),
    "tr_tckn": ("tr", "tckimlik", 11), "il_idnr": ("il", "idnr", 9), "br_cpf": ("br", "cpf", 11), "br_cnpj": ("br", "cnpj", 14),
    "ar_cuit": ("ar", "cuit", 11), "in_aadhaar": ("in", "aadhaar", 12), "jp_in": ("jp", "in_", 12), "ca_sin": ("ca", "sin", 9),
    "ro_cnp": ("ro", "cnp", 13), "bg_egn": ("bg", "egn", 10), "ee_ik": ("ee", "ik", 11), "gb_nhs": ("gb", "nhs", 10),
    "au_tfn": ("au", "tfn", 9), "be_nn": ("be", "nn", 11), "gr_amka": ("gr", "amka", 11), "za_idnr": ("za", "idnr", 13),
    "th_pin": ("th", "pin", 13), "cz_rc": ("cz", "rc", 10), "at_vnr": ("at", "vnr", 10), "ru_inn": ("ru", "inn", 12),
}  # fmt: skip
"""The kernel's check, and the module of python-stdnum that knows the same number, with its digits."""


STRICTER = {"fr_nir", "at_vnr"}
"""Where python-stdnum does not look at the day or month."""


@pytest.mark.parametrize("name", CHECKS)
def test_check_digits_agree_with_python_stdnum(name: str) -> None:
    country, module, length = CHECKS[name]
    theirs = get_cc_module(country, module)
    chance = random.Random(name)
    agreed = 0
    for _ in range(1500):
        number = "".join(chance.choices("0123456789", k=length))
        for last in "0123456789":
            tried = number[:-1] + last
            try:
                theirs.validate(tried)
            except ValidationError:
                continue
            assert _kernel.holds(name, tried.encode()) or name in STRICTER, tried
            agreed += 1
            wrong = number[:-1] + str((int(last) + 1) % 10)
            if not theirs.is_valid(wrong):
                assert not _kernel.holds(name, wrong.encode()), wrong
    assert agreed or name in {
        "fr_nir",
        "be_nn",
        "no_fnr",
        "za_idnr",
        "br_cnpj",
        "hr_oib",
        "br_cpf",
        "ru_inn",
        "tr_tckn",
        "ee_ik",
        "ro_cnp",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"eyJ" * 30_000, b"-----BEGIN PRIVATE KEY-----" * 3_000, b"1-" * 50_000, b"a.b@" * 30_000, b"password" * 10_000, b"4" * 100_000,
        b"https://a:" * 10_000, b"0x" * 50_000, b"A1 " * 40_000, b"+1 " * 40_000, b"$2b$" * 20_000, b"a_" * 50_000, b"sk-" * 30_000,
        bytes(range(256)) * 400,
    ],
    ids=range(14),
)  # fmt: skip
def test_no_text_takes_more_than_the_work_its_length_allows(text: bytes) -> None:
    steps, most = compiled().steps(text, b"", LEAST)
    assert steps <= most + 20_000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=12))
def test_any_bytes_are_scanned_and_findings_lie_in_order_within_them(value: bytes, name: str) -> None:
    last = 0
    for finding in find([value], name, least=0)[0]:
        assert last <= finding.start < finding.end <= len(value)
        last = finding.end


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abc xyz.,\n", max_size=60), st.text(alphabet="abc xyz.,\n", max_size=60))
def test_a_value_is_found_wherever_it_stands(before: str, after: str) -> None:
    found = find([f"{before} jane.doe@example.com {after}".encode()])[0]
    assert [finding.kind for finding in found] == ["email"]
