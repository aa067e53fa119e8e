from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuing import EC, ED, RSA, key_set
from joserfc.jwk import ECKey

from sluice.edges.identity import read_keys
from sluice.edges.identity.keys import choose

SHORT = """-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALetN4iyLwLJBMBRkUxTVuDNeTbkjtR5
5y8Jm0WLlHVj/vbwNL5SWjuVwyzZbVhQoYPBw81ccLVAPwIwXJTVLZ8CAwEAAQ==
-----END PUBLIC KEY-----
"""


def test_a_key_set_gives_its_keys_for_signatures_by_their_ids():
    keys = read_keys(key_set(RSA, EC, ED))
    assert [key.kid for key in keys] == ["rsa-1", "ec-1", "ed-1"]


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_a_pem_file_gives_its_one_key(key, algorithm):
    (found,) = read_keys(key.as_pem(private=False))
    assert found.fits(algorithm)


def test_keys_for_encryption_and_of_unknown_types_are_passed_over():
    listed = json.loads(key_set(RSA, EC))
    listed["keys"][0]["use"] = "enc"
    listed["keys"].append({"kty": "AKP", "kid": "future"})
    assert [key.kid for key in read_keys(json.dumps(listed).encode())] == ["ec-1"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "Expecting value"),
        (b"{}", "no list `keys`"),
        (b"[]", "no list `keys`"),
        (b'{"keys": {}}', "no list `keys`"),
        (b'{"keys": []}', "no key for signatures"),
        (b'{"keys": ["x"]}', "is no key"),
        (b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "symmetric key"),
        (b'{"keys": [{"kty": "RSA"}]}', "cannot be read"),
        (b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}', "not on the curve"),
        (json.dumps({"keys": [EC.as_dict(private=True)]}).encode(), "private key"),
        (RSA.as_pem(private=True), "private key"),
        (key_set(EC, EC), "same `kid`"),
        (key_set(EC, alg=7), "is no text"),
        (b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", "no public key"),
        (SHORT.encode(), "less than 2048 bits"),
        (b"\xff\xfe", "Expecting value"),
    ],
)
def test_what_holds_no_good_keys_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_keys(text)


def test_a_key_fits_only_the_algorithm_of_its_kind_and_curve():
    rsa, ec, ed = read_keys(key_set(RSA, EC, ED))
    assert (rsa.fits("RS256"), rsa.fits("PS512"), rsa.fits("ES256")) == (True, True, False)
    assert (ec.fits("ES256"), ec.fits("ES384"), ec.fits("RS256")) == (True, False, False)
    assert (ed.fits("EdDSA"), ed.fits("ES256")) == (True, False)


def test_a_key_that_names_its_algorithm_fits_no_other():
    (key,) = read_keys(key_set(RSA, alg="PS256"))
    assert (key.fits("PS256"), key.fits("RS256")) == (True, False)


def test_a_key_without_an_id_serves_a_token_that_names_one():
    (key,) = read_keys(EC.as_pem(private=False))
    assert choose([key], "any", "ES256") is key


def test_among_several_keys_the_named_one_is_chosen_or_none():
    keys = read_keys(key_set(EC, ECKey.generate_key("P-256", {"kid": "ec-2"})))
    assert choose(keys, "ec-2", "ES256") is keys[1]
    assert choose(keys, None, "ES256") is None
    assert choose(keys, "ec-3", "ES256") is None


@given(
    st.binary(max_size=100) | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_no_file_raises_anything_but_a_plain_error(content):
    text = content if isinstance(content, bytes) else json.dumps({"keys": content}).encode()
    with pytest.raises(ValueError):
        read_keys(text)
