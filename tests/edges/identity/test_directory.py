from __future__ import annotations

import pytest
from subjects import END, certificate

from sluice.edges.identity import Account, Directory, Rejected, Way, settle_purpose
from sluice.model.identity import Identity

VERIFIER = "SCRAM-SHA-256$4096:salt$stored:server"
ACCOUNTS = {
    "support": Account(groups=frozenset({"support"}), verifier=VERIFIER, purposes=frozenset({"ticket"})),
    "dana": Account(groups=frozenset({"data"})),
    "trainer": Account(kind="agent", groups=frozenset({"agents"}), purposes=frozenset({"fine-tuning", "evaluation"})),
    "nightly": Account(kind="service", certificates=("reports",)),
    "both": Account(verifier=VERIFIER, certificates=("both",)),
    "left": Account(verifier=VERIFIER, disabled=True),
    "left-token": Account(disabled=True),
    "left-certificate": Account(certificates=("left",), disabled=True),
}
USERS = Directory(ACCOUNTS, tokens=True)


UNKNOWN = "unknown user (who is not configured gives a token as user `token`)"


def way(user: str, name: str | None = None, users: Directory = USERS) -> Way:
    return users.way(user, None if name is None else certificate(name))


def test_a_user_with_a_verifier_logs_in_by_password():
    assert way("support") == Way("scram", VERIFIER)


def test_a_user_without_any_proof_logs_in_by_token():
    assert way("dana") == Way("token")


def test_the_right_certificate_is_enough():
    assert way("nightly", "reports") == Way("certificate")
    assert way("both", "both") == Way("certificate")


def test_a_user_who_may_show_a_certificate_may_give_a_password_instead():
    assert way("both") == Way("scram", VERIFIER)
    assert way("both", "reports") == Way("scram", VERIFIER)


def test_a_certificate_of_somebody_else_leads_to_an_exchange_that_fails():
    assert way("nightly", "both") == Way("scram", doubt="the certificate is another's")
    assert way("nightly", "stranger") == Way("scram", doubt="the certificate's subject belongs to no user")
    assert way("nightly") == Way("scram", doubt="the user has no password")


def test_a_certificate_does_not_lead_in_users_who_have_none():
    assert way("support", "reports") == Way("scram", VERIFIER)
    assert way("nobody", "reports") == Way(way("nobody").method, doubt=UNKNOWN)


def test_unknown_users_are_asked_for_what_known_ones_are_asked_for():
    strangers = [f"stranger-{number}" for number in range(200)]
    asked = [way(user) for user in strangers]
    assert {one.doubt for one in asked} == {UNKNOWN}
    assert 60 < sum(one.method == "token" for one in asked) < 140
    again = Directory({"dana": ACCOUNTS["dana"]}, tokens=True)
    assert [way(user, users=again).method for user in strangers] == [one.method for one in asked]
    other = Directory(ACCOUNTS, tokens=True, secret=b"another gateway's")
    assert [way(user, users=other).method for user in strangers] != [one.method for one in asked]


def test_where_no_user_logs_in_by_token_unknown_ones_are_asked_for_a_password():
    users = Directory({"support": ACCOUNTS["support"]}, tokens=True)
    assert {way(f"stranger-{number}", users=users).method for number in range(50)} == {"scram"}


@pytest.mark.parametrize("user", ["token", "oauth"])
def test_whoever_is_not_configured_says_that_a_token_comes_and_how(user):
    assert way(user) == Way(user)


def test_without_issuers_nobody_is_asked_for_a_token():
    users = Directory(ACCOUNTS)
    assert way("nobody", users=users) == Way("scram", doubt=UNKNOWN)
    assert way("token", users=users) == Way("scram", doubt=UNKNOWN)
    assert way("dana", users=users) == Way("scram", doubt="the user has no password")


@pytest.mark.parametrize(("user", "name"), [("left", None), ("left-token", None), ("left-certificate", "left")])
def test_a_disabled_user_goes_the_usual_way_and_fails_at_its_end(user, name):
    assert way(user, name).doubt == "the user is disabled"
    assert USERS.identity(user, "scram-sha-256", 0.0) == Rejected("the user is unknown or disabled")


def test_a_verifier_is_found_for_those_who_may_log_in_and_shown_nowhere():
    assert USERS.verifier("support") == VERIFIER
    assert [USERS.verifier(user) for user in ("dana", "left", "nobody")] == [None, None, None]
    assert "stored" not in repr(way("support")) + repr(USERS.account("support"))


def test_a_proven_user_has_the_configured_identity():
    assert USERS.identity("support", "scram-sha-256", 5.0) == Identity(
        kind="user",
        name="support",
        groups=frozenset({"support"}),
        method="scram-sha-256",
        authenticated_at=5.0,
        purposes=frozenset({"ticket"}),
    )


def test_an_identity_by_certificate_ends_with_the_certificate():
    identity = USERS.identity("nightly", "certificate", 5.0, certificate("reports"))
    assert (identity.kind, identity.expires_at) == ("service", END.timestamp())


def test_nobody_unknown_has_an_identity():
    assert isinstance(USERS.identity("nobody", "scram-sha-256", 0.0), Rejected)


def token(name: str, kind="user", **changed) -> Identity:
    return Identity(kind=kind, name=name, groups=frozenset({"told"}), method="token", **changed)


@pytest.mark.parametrize("user", ["dana", "token", "oauth"])
def test_a_token_is_admitted_under_its_own_name_or_one_that_says_nothing(user):
    assert USERS.admit(user, token("dana")).groups == {"told", "data"}


@pytest.mark.parametrize("user", ["Dana", "support", "trainer", "", "tokens"])
def test_a_token_does_not_lead_in_under_another_name(user):
    assert USERS.admit(user, token("dana")) == Rejected("the token is another user's")


def test_a_token_of_somebody_who_is_not_configured_stands_for_itself():
    assert USERS.admit("token", token("eve")) == token("eve")


@pytest.mark.parametrize("name", ["support", "nightly", "both"])
def test_a_token_cannot_take_the_name_of_a_user_with_another_proof(name):
    assert USERS.admit(name, token(name)) == Rejected("the user does not log in by token")
    agent = token("trainer", "agent", on_behalf_of=token(name))
    assert USERS.admit("trainer", agent) == Rejected("the user does not log in by token")


def test_a_disabled_user_s_token_is_refused_also_behind_an_agent():
    assert USERS.admit("token", token("left-token")) == Rejected("the user is disabled")
    agent = token("trainer", "agent", on_behalf_of=token("left-token"))
    assert USERS.admit("token", agent) == Rejected("the user is disabled")


def test_an_agent_keeps_whom_it_acts_for_and_may_state_only_what_both_may():
    agent = token("trainer", "agent", on_behalf_of=token("dana", purposes=frozenset({"fine-tuning", "ticket"})))
    identity = USERS.admit("trainer", agent)
    assert identity.display == "agent:trainer for user:dana"
    assert identity.groups == {"told", "agents"}
    assert identity.on_behalf_of.groups == {"told", "data"}
    assert identity.purposes == {"fine-tuning"}


def test_an_agent_does_not_act_under_its_user_s_name():
    agent = token("trainer", "agent", on_behalf_of=token("dana"))
    assert USERS.admit("dana", agent) == Rejected("the token is another user's")


def test_a_user_is_no_agent_because_a_token_says_so():
    agent = token("dana", "agent", on_behalf_of=token("eve"))
    assert USERS.admit("token", agent) == Rejected("an actor is configured as something else than an agent")


def test_a_configured_agent_is_one_when_it_comes_by_itself():
    assert USERS.admit("trainer", token("trainer")).kind == "agent"


@pytest.mark.parametrize(
    ("told", "default", "purposes", "settled"),
    [
        (None, "", {"fine-tuning", "evaluation"}, ""),
        ({"evaluation"}, "evaluation", {"evaluation"}, "evaluation"),
        ({"ticket"}, "ticket", set(), ""),
        ({"evaluation", "ticket"}, "ticket", {"evaluation"}, ""),
    ],
)
def test_purposes_are_only_ever_narrowed(told, default, purposes, settled):
    given = token("trainer", purposes=None if told is None else frozenset(told), default_purpose=default)
    identity = USERS.admit("trainer", given)
    assert (identity.purposes, identity.default_purpose) == (purposes, settled)


def test_a_connection_states_a_purpose_it_may_or_takes_the_default():
    caller = Identity("user", "support", purposes=frozenset({"ticket", "billing"}), default_purpose="ticket")
    assert settle_purpose(caller, "") == "ticket"
    assert settle_purpose(caller, "billing") == "billing"
    assert settle_purpose(caller, "marketing") == Rejected("purpose `marketing` is not among those `support` may state")
    assert settle_purpose(Identity("user", "dba"), "anything") == "anything"


def test_two_users_cannot_claim_one_certificate():
    with pytest.raises(ValueError, match="claimed"):
        Directory({"one": Account(certificates=("x",)), "two": Account(certificates=("x",))})
