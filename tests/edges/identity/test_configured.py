from __future__ import annotations

import pytest
from issuing import EC, ISSUER, NOW, key_set, signed

from sluice.edges.config import Issuer, User, Verifier
from sluice.edges.identity import TokenVerifier, directory_of, issuers_of
from sluice.engines.postgres import scram


def test_configured_users_are_known_with_all_that_is_configured():
    text = str(scram.Verifier.make("correct horse", bytes(16)))
    users = {
        "support": User(groups=("support",), scram=Verifier(text), purposes=("ticket",), default_purpose="ticket"),
        "nightly": User(kind="service", certificates=("reports",), disabled=True),
    }
    directory = directory_of(users, tokens=False)
    support, nightly = directory.account("support"), directory.account("nightly")
    assert (support.groups, support.verifier, support.purposes) == ({"support"}, text, {"ticket"})
    assert support.default_purpose == "ticket"
    assert (nightly.kind, nightly.certificates, nightly.disabled) == ("service", ("reports",), True)
    assert nightly.purposes is None


@pytest.mark.parametrize(("field", "text"), [("jwks", key_set(EC)), ("public_key", EC.as_pem(private=False))])
def test_a_configured_issuer_s_tokens_are_accepted(tmp_path, field, text):
    path = tmp_path / "keys"
    path.write_bytes(text)
    (issuer,) = issuers_of([Issuer(issuer=ISSUER, audience="sluice", **{field: path})])
    assert TokenVerifier([issuer]).verify(signed(), NOW).name == "dana"


def test_a_file_without_keys_is_named(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"keys\.json: there is no list `keys`"):
        issuers_of([Issuer(issuer=ISSUER, audience="sluice", jwks=path)])


def test_an_issuer_without_keys_is_refused():
    with pytest.raises(ValueError, match="says nowhere where its keys are"):
        issuers_of([Issuer(issuer=ISSUER, audience="sluice")])


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        issuers_of([Issuer(issuer=ISSUER, audience="sluice", jwks=tmp_path / "gone")])
