from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuing import EC, ED, ISSUER, NOW, RSA, STRANGER, claims, forged, issuer, signed, verifier

from sluice.edges.identity import Rejected, TokenVerifier
from sluice.model.identity import Identity


def rejected(token: str, now: float = NOW, **changed: object) -> str:
    told = verifier(**changed).verify(token, now)
    assert isinstance(told, Rejected), told
    return told.reason


def told(token: str, **changed: object) -> Identity:
    identity = verifier(**changed).verify(token, NOW)
    assert isinstance(identity, Identity), identity
    return identity


def test_a_good_token_says_who_the_caller_is():
    assert told(signed()) == Identity(
        kind="user",
        name="dana",
        groups=frozenset({"data"}),
        claims=(("iss", ISSUER), ("sub", "dana")),
        method="token",
        authenticated_at=NOW - 60,
        expires_at=NOW + 630,
    )


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_each_algorithm_that_is_configured_is_checked_by_its_own_key(key, algorithm):
    assert told(signed(key=key, algorithm=algorithm)).name == "dana"


def test_a_token_without_a_key_id_is_checked_when_only_one_key_fits():
    assert told(signed(kid=None)).name == "dana"


def test_a_token_without_a_key_id_is_refused_when_several_keys_fit():
    other = type(EC).generate_key("P-256", {"kid": "ec-2"})
    told = TokenVerifier([issuer(EC, other)]).verify(signed(kid=None), NOW)
    assert told == Rejected("none of the issuer's keys is the one the token means")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_nobody_signed_is_refused(algorithm):
    assert "algorithm" in rejected(forged({"alg": algorithm, "typ": "JWT"}, claims()))


def test_a_public_key_is_never_taken_for_a_shared_secret():
    unsigned = forged({"alg": "HS256", "kid": "rsa-1", "typ": "JWT"}, claims()).rstrip(".")
    mac = hmac.digest(RSA.as_pem(private=False), unsigned.encode(), "sha256")
    assert "algorithm" in rejected(f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def test_an_algorithm_that_is_not_configured_is_refused():
    assert "algorithm" in rejected(signed(key=RSA, algorithm="PS256"))


def test_a_token_signed_by_somebody_else_is_refused():
    assert rejected(signed(key=STRANGER)) == "the token's signature is wrong"


def test_a_key_that_the_token_brings_along_is_not_used():
    token = signed(key=STRANGER, jwk=STRANGER.as_dict(private=False))
    assert rejected(token) == "the token's signature is wrong"


def test_a_key_id_of_another_kind_of_key_is_refused():
    assert "keys" in rejected(signed(kid="rsa-1"))


@pytest.mark.parametrize("kid", ["unknown", "", "../../dev/null"])
def test_a_key_id_that_is_not_the_issuer_s_is_refused(kid):
    assert "keys" in rejected(signed(kid=kid))


def test_changed_claims_are_refused():
    header, _, signature = signed().split(".")
    body = forged({}, claims(sub="admin")).split(".")[1]
    assert rejected(f"{header}.{body}.{signature}") == "the token's signature is wrong"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": None}, "names no issuer"),
        ({"iss": "https://evil.example"}, "not configured"),
        ({"iss": [ISSUER]}, "names no issuer"),
        ({"aud": None}, "audience"),
        ({"aud": "other"}, "audience"),
        ({"aud": ["a", "b"]}, "audience"),
        ({"aud": "sluice "}, "audience"),
        ({"exp": None}, "never expires"),
        ({"exp": NOW - 31}, "has expired"),
        ({"exp": NOW - 30}, "has expired"),
        ({"exp": str(NOW + 600)}, "`exp` is no time"),
        ({"exp": True}, "`exp` is no time"),
        ({"exp": float("inf")}, "`exp` is no time"),
        ({"exp": float("nan")}, "`exp` is no time"),
        ({"exp": 10**400}, "`exp` is no time"),
        ({"nbf": NOW + 31}, "not in force yet"),
        ({"iat": NOW + 31}, "not in force yet"),
        ({"sub": None}, "`sub` is no name"),
        ({"sub": ""}, "`sub` is no name"),
        ({"sub": "  "}, "`sub` is no name"),
        ({"sub": 7}, "`sub` is no name"),
        ({"sub": "dana\0user\0postgres"}, "`sub` is no name"),
        ({"sub": "dana\nadmin"}, "`sub` is no name"),
        ({"sub": "d" * 257}, "`sub` is no name"),
        ({"groups": {"dba": True}}, "`groups` is no list"),
        ({"groups": [7]}, "`groups` is no name"),
        ({"groups": ["g"] * 1001}, "`groups` is no list"),
        ({"act": "trainer"}, "`act` is no actor"),
        ({"act": {}}, "`act.sub` is no name"),
        ({"act": {"sub": "a", "act": {"sub": "b", "act": {"sub": "c", "act": {"sub": "d"}}}}}, "more than 3 times"),
        ({"act": {"sub": "a", "act": {"sub": "a"}}}, "acts for itself"),
        ({"act": {"sub": "a", "act": "b"}}, "`act` is no actor"),
        ({"act": {"sub": "a", "iss": "https://evil.example"}}, "another issuer's"),
    ],
)
def test_a_token_whose_claims_do_not_hold_is_refused_and_the_log_says_why(changed, reason):
    assert reason in rejected(signed(claims(**changed)))


@pytest.mark.parametrize("changed", [{"exp": NOW - 29}, {"nbf": NOW + 29}, {"iat": NOW + 29}, {"aud": ["x", "sluice"]}])
def test_clocks_may_differ_a_little_and_audiences_may_be_several(changed):
    assert told(signed(claims(**changed))).name == "dana"


def test_a_token_ends_while_it_is_watched():
    token = signed()
    identity = told(token)
    assert isinstance(verifier().verify(token, identity.expires_at - 1), Identity)
    assert isinstance(verifier().verify(token, identity.expires_at), Rejected)


@pytest.mark.parametrize(
    "header", [{"typ": "dpop+jwt"}, {"typ": 7}, {"crit": ["x"], "x": 1}, {"crit": ["b64"], "b64": False}]
)
def test_a_header_that_asks_for_something_else_is_refused(header):
    token = forged({"alg": "ES256", "kid": "ec-1", **header}, claims(), b"x" * 64)
    assert "type" in rejected(token) or "extension" in rejected(token)


def test_header_fields_that_mean_nothing_here_do_not_matter():
    token = forged({"alg": "ES256", "kid": "ec-1", "typ": "JWT", "nonce": "x", "x5t": "y"}, claims(), b"x" * 64)
    assert rejected(token) == "the token's signature is wrong"
    assert told(signed(x5c=["c" * 2_000])).name == "dana"


def test_an_access_token_s_type_is_good():
    assert told(signed(typ="at+jwt")).name == "dana"


def test_an_actor_makes_an_agent_that_acts_for_the_subject():
    identity = told(signed(claims(act={"sub": "trainer", "groups": ["agents"]}, purpose="fine-tuning")))
    assert identity.display == "agent:trainer for user:dana"
    assert identity.groups == {"agents"}
    assert identity.on_behalf_of.groups == {"data"}
    assert identity.expires_at == identity.on_behalf_of.expires_at
    assert (identity.purposes, identity.default_purpose) == (frozenset({"fine-tuning"}), "fine-tuning")
    assert identity.on_behalf_of.purposes == frozenset({"fine-tuning"})


@pytest.mark.parametrize(
    ("claim", "purposes", "default"),
    [
        (None, None, ""),
        ("ticket", {"ticket"}, "ticket"),
        (["ticket", "billing"], {"ticket", "billing"}, ""),
        ([], set(), ""),
    ],
)
def test_the_token_fixes_the_purposes(claim, purposes, default):
    identity = told(signed(claims(purpose=claim)))
    assert identity.purposes == (None if purposes is None else frozenset(purposes))
    assert identity.default_purpose == default


def test_claims_are_found_where_the_configuration_says():
    token = signed(claims(email="dana@example.org", roles=["a"]))
    identity = told(token, name_claim="email", groups_claim="roles")
    assert (identity.name, identity.groups) == ("dana@example.org", {"a"})


def test_one_issuer_s_key_does_not_speak_for_another():
    other = issuer(STRANGER, issuer="https://other.example.org")
    tokens = TokenVerifier([issuer(), other])
    assert isinstance(tokens.verify(signed(key=STRANGER), NOW), Rejected)
    assert isinstance(tokens.verify(signed(claims(iss="https://other.example.org")), NOW), Rejected)
    theirs = signed(claims(iss="https://other.example.org"), key=STRANGER)
    assert tokens.verify(theirs, NOW).claims[0] == ("iss", "https://other.example.org")


def test_one_issuer_may_have_tokens_for_two_audiences():
    tokens = TokenVerifier([issuer(), issuer(audience="jobs", kind="service")])
    assert tokens.verify(signed(), NOW).kind == "user"
    assert tokens.verify(signed(claims(aud="jobs")), NOW).kind == "service"
    assert isinstance(tokens.verify(signed(claims(aud="others")), NOW), Rejected)


def test_claims_that_are_required_have_to_be_there_with_just_that_value():
    assert told(signed(claims(hd="example.org")), require={"hd": "example.org"}).name == "dana"
    assert "`hd`" in rejected(signed(claims(hd="evil.example")), require={"hd": "example.org"})
    assert "`hd`" in rejected(signed(), require={"hd": "example.org"})


def test_groups_are_found_inside_other_claims_and_under_names_with_dots():
    nested = signed(claims(groups=None, realm_access={"roles": ["dba"]}))
    assert told(nested, groups_claim="realm_access.roles").groups == {"dba"}
    dotted = signed(claims(groups=None, **{"https://example.org/groups": ["dba"]}))
    assert told(dotted, groups_claim="https://example.org/groups").groups == {"dba"}
    assert told(signed(), groups_claim="realm_access.roles").groups == frozenset()


def test_groups_that_are_not_mapped_do_not_count_where_some_are():
    token = signed(claims(groups=["7f3a", "data"]))
    assert told(token, group_names={"7f3a": ("dba", "staff")}).groups == {"dba", "staff"}


def test_an_agent_that_acts_for_an_agent_stands_behind_neither():
    identity = told(signed(claims(act={"sub": "second", "act": {"sub": "first"}}, purpose="fine-tuning")))
    assert identity.display == "agent:second for agent:first for user:dana"
    assert identity.purposes == {"fine-tuning"}


def test_an_issuer_cannot_be_configured_twice():
    with pytest.raises(ValueError, match="twice"):
        TokenVerifier([issuer(), issuer()])


@pytest.mark.parametrize("algorithms", [("none",), ("HS256",), ("ES256", "hs256"), ()])
def test_an_issuer_whose_algorithms_prove_nothing_cannot_be_made(algorithms):
    with pytest.raises(ValueError, match="accepted"):
        issuer(algorithms=algorithms)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "a.b.c.d", "é.é.é", "e30.e30.", "W10.W10.W10", "bnVsbA.bnVsbA.", "[" * 5000 + ".a.b"],
)
def test_what_is_no_token_is_refused(token):
    assert rejected(token)


def test_a_token_nested_too_deeply_is_refused():
    deep = forged({"alg": "ES256"}, claims()).split(".")
    deep[1] = forged({}, None).split(".")[0]
    for part in range(2):
        parts = list(deep)
        parts[part] = base64.urlsafe_b64encode(b"[" * 40_000).rstrip(b"=").decode()
        assert rejected(".".join(parts))


@given(st.text(max_size=200))
def test_no_text_is_taken_for_a_token_or_raises(token):
    assert rejected(token)


GOOD = signed()


@given(st.integers(0, len(GOOD) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_no_changed_character_makes_another_identity(place, character):
    found = verifier().verify(GOOD[:place] + character + GOOD[place + 1 :], NOW)
    assert isinstance(found, Rejected) or found == told(GOOD)
