from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import END, SPIFFE, certificate

from sluice.edges.identity import CertificateMapper, Rejected, certificate_name
from sluice.edges.identity.certificates import certificate_expiry


@pytest.mark.parametrize(
    ("der", "name"),
    [
        (certificate("reports"), "reports"),
        (certificate("reports", dns=("reports.example.org",)), "reports"),
        (certificate(uris=(SPIFFE,)), SPIFFE),
        (certificate("somebody", uris=(SPIFFE,)), SPIFFE),
    ],
)
def test_a_certificate_goes_by_its_uri_or_else_by_its_common_name(der, name):
    assert certificate_name(der) == name


@pytest.mark.parametrize(
    "der",
    [
        certificate(),
        certificate("one", "two"),
        certificate(dns=("reports",)),
        certificate("reports", uris=(SPIFFE, "spiffe://example.org/other")),
        certificate("reports", uris=("https://example.org/reports",)),
        certificate("reports", uris=(SPIFFE, "https://example.org")),
        certificate(SPIFFE),
        certificate("reports\n"),
        certificate("reports\0.example.org"),
        b"",
        b"not a certificate",
        certificate("reports")[:-40],
    ],
)
def test_a_certificate_that_names_nobody_for_sure_names_nobody(der):
    assert isinstance(certificate_name(der), Rejected)


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_certificate(der):
    assert isinstance(certificate_name(der), Rejected)


def test_a_name_leads_to_its_user():
    mapper = CertificateMapper({"nightly": ("reports", SPIFFE), "other": ("else",)})
    assert mapper.user(certificate("reports")) == "nightly"
    assert mapper.user(certificate(uris=(SPIFFE,))) == "nightly"
    assert mapper.user(certificate("stranger")) == Rejected("the certificate's subject belongs to no user")
    assert mapper.user(certificate("Reports")) == Rejected("the certificate's subject belongs to no user")


def test_two_users_cannot_claim_one_certificate():
    with pytest.raises(ValueError, match="claimed by `one` and `two`"):
        CertificateMapper({"one": ("reports",), "two": ("reports",)})


def test_the_end_of_a_certificate_is_known():
    assert certificate_expiry(certificate("reports")) == END.timestamp()
