"""Logout tokens: what is one, and whom it means."""

from __future__ import annotations

import pytest
from issuing import EC, ISSUER, NOW, STRANGER, claims, forged, issuer, signed, verifier

from sluice.edges.identity import Logout, Rejected, logout_verifier, read_logout
from sluice.model.identity import Identity

EVENT = "http://schemas.openid.net/event/backchannel-logout"
VERIFIER = logout_verifier((issuer(), issuer(audience="other")), ISSUER, "sluice-cli")
GOOD = {
    "aud": "sluice-cli", "iat": NOW - 1, "exp": NOW + 120, "jti": "j-1", "sid": "s-1", "events": {EVENT: {}}, "groups": None,
}  # fmt: skip


def read(key=EC, algorithm: str = "ES256", header=None, **changed: object) -> Logout | Rejected:
    said = claims(**{**GOOD, **changed})
    return read_logout(VERIFIER, signed(said, key, algorithm, **(header or {"typ": "logout+jwt"})), NOW)


def test_a_logout_token_says_who_logged_out_where_and_when():
    assert read() == Logout(ISSUER, "dana", "s-1", "j-1", NOW - 1)
    assert read(sub=None) == Logout(ISSUER, "", "s-1", "j-1", NOW - 1)
    assert read(sid=None) == Logout(ISSUER, "dana", "", "j-1", NOW - 1)
    assert isinstance(read(header={"typ": None}), Logout)


@pytest.mark.parametrize(
    "changed",
    [
        {"events": None}, {"events": {}}, {"events": {EVENT: None}}, {"events": [EVENT]}, {"events": {"other": {}}},
        {"nonce": "n"}, {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": "x" * 513}, {"sub": None, "sid": None},
        {"sub": 7}, {"sid": ["s"]}, {"sub": "da\nna"}, {"aud": "sluice"}, {"aud": None}, {"iss": "https://evil.example.org"},
        {"iat": None}, {"iat": True}, {"iat": "now"}, {"iat": NOW - 301}, {"iat": NOW + 31}, {"exp": None}, {"exp": NOW - 31},
        {"header": {"typ": "at+jwt"}}, {"header": {"alg": "HS256"}}, {"key": STRANGER},
    ],
)  # fmt: skip
def test_what_is_no_logout_token_is_refused(changed):
    if changed == {"header": {"alg": "HS256"}}:
        token = forged({"alg": "HS256", "typ": "logout+jwt"}, claims(**GOOD), b"x" * 32)
        assert isinstance(read_logout(VERIFIER, token, NOW), Rejected)
        token = forged({"alg": "none", "typ": "logout+jwt"}, claims(**GOOD))
        assert isinstance(read_logout(VERIFIER, token, NOW), Rejected)
        return
    assert isinstance(read(**changed), Rejected)


def test_a_logout_token_proves_nobody_and_a_proof_logs_nobody_out():
    tokens = verifier(audience="sluice-cli")
    assert isinstance(tokens.verify(signed(claims(**{**GOOD, "events": None})), NOW), Identity)
    assert tokens.verify(signed(claims(**GOOD)), NOW) == Rejected("the token is a logout token")
    assert isinstance(tokens.verify(signed(claims(**GOOD), typ="logout+jwt"), NOW), Rejected)
    assert isinstance(read_logout(VERIFIER, signed(claims(aud="sluice-cli", jti="j")), NOW), Rejected)


def test_an_issuer_where_nobody_signs_in_logs_nobody_out():
    nobody = logout_verifier((issuer(),), "https://other.example.org", "sluice-cli")
    assert isinstance(read_logout(nobody, signed(claims(**GOOD)), NOW), Rejected)


def who(at: float, issuer: str = ISSUER, **told: str) -> Identity:
    return Identity("user", "dana", claims=(("iss", issuer), *told.items()), authenticated_at=at)


@pytest.mark.parametrize(
    ("logout", "identity", "meant"),
    [
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW, sub="d", sid="s"), True),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW, sub="d", sid="t"), False),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW, sub="d"), True),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW, sub="e"), False),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW), False),
        (Logout(ISSUER, "d", "", "j", NOW), who(NOW, sub="d", sid="t"), True),
        (Logout(ISSUER, "", "s", "j", NOW), who(NOW, sub="d", sid="s"), True),
        (Logout(ISSUER, "", "s", "j", NOW), who(NOW, sub=""), False),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW + 1, sub="d", sid="s"), False),
        (Logout(ISSUER, "d", "s", "j", NOW), who(0.0, sub="d"), True),
        (Logout(ISSUER, "d", "s", "j", NOW), who(NOW, "https://other.example.org", sub="d", sid="s"), False),
    ],
)
def test_a_logout_means_who_authenticated_before_it_in_that_session_or_in_any(logout, identity, meant):
    assert logout.means(identity) is meant


def test_a_token_that_does_not_say_when_somebody_authenticated_is_as_old_as_can_be():
    found = verifier().verify(signed(claims(iat=None)), NOW)
    assert isinstance(found, Identity)
    assert found.authenticated_at == 0.0
