"""The client's side of signing in, before a real provider: every answer that does not fit the question is refused."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from oidc import OidcProvider, Person

from sluice.edges.signin import Client, Pending, Redirect, SignInError

REDIRECT = "http://127.0.0.1:7/callback"


@pytest.fixture(scope="module")
def client(oidc: OidcProvider) -> Client:
    return Client(oidc.issuer, "sluice-cli", ("openid", "offline_access", "groups"))


@pytest.fixture
def begun(client: Client) -> tuple[Pending, dict[str, str]]:
    """A sign-in of Sam's and what the browser brought back."""
    pending = client.begin(REDIRECT)
    return pending, dict(parse_qsl(urlsplit(Person("sam").visit(pending.url, REDIRECT)).query))


def test_the_right_answer_is_worth_tokens_once(client: Client, begun):
    pending, answer = begun
    tokens = client.finish(pending, answer)
    assert tokens.access and tokens.identity and tokens.refresh
    assert client.refresh(tokens.refresh).access != tokens.access
    with pytest.raises(SignInError, match="the issuer refused: invalid_grant"):
        client.finish(pending, answer)


def test_an_answer_to_another_question_is_none(client: Client, begun):
    pending, answer = begun
    with pytest.raises(SignInError, match="another question"):
        client.finish(pending, {**answer, "state": "x"})
    with pytest.raises(SignInError, match="another question"):
        client.finish(pending, {name: value for name, value in answer.items() if name != "state"})
    for wrong in ("https://login.example.com", ""):
        with pytest.raises(SignInError, match="another issuer"):
            client.finish(pending, {**answer, "iss": wrong})
    with pytest.raises(SignInError, match="access_denied"):
        client.finish(pending, {"state": pending.state, "iss": answer["iss"], "error": "access_denied"})


def test_who_has_the_code_without_the_secret_behind_it_gets_nothing(client: Client, begun):
    pending, answer = begun
    with pytest.raises(SignInError, match="the issuer refused: invalid_grant"):
        client.finish(replace(pending, verifier="a" * 43), answer)


def test_an_identity_token_for_another_sign_in_is_refused(client: Client, begun):
    pending, answer = begun
    with pytest.raises(SignInError, match="identity token answers another question"):
        client.finish(replace(pending, nonce="another"), answer)


def test_without_an_identity_token_nobody_is_signed_in(oidc: OidcProvider):
    client = Client(oidc.issuer, "sluice-cli", ("groups",))
    pending = client.begin(REDIRECT)
    answer = dict(parse_qsl(urlsplit(Person("sam").visit(pending.url, REDIRECT)).query))
    with pytest.raises(SignInError, match="openid"):
        client.finish(pending, answer)


def test_a_refresh_token_is_good_until_it_is_revoked(client: Client, begun):
    tokens = client.finish(*begun)
    assert client.revoke(tokens.refresh)
    with pytest.raises(SignInError, match="invalid_grant"):
        client.refresh(tokens.refresh)


def test_an_issuer_that_is_not_there_is_worth_another_try():
    with pytest.raises(SignInError, match="cannot be reached") as failed:
        Client("http://127.0.0.1:9", "sluice-cli", ("openid",))
    assert not failed.value.over


def test_the_page_on_loopback_takes_the_first_answer_and_nothing_elsewhere():
    with Redirect() as redirect:
        assert httpx2.get(redirect.uri.replace("/callback", "/other?code=x")).status_code == 404
        assert httpx2.get(f"{redirect.uri}?code=1&state=a").status_code == 200
        httpx2.get(f"{redirect.uri}?code=2&state=b")
        assert redirect.wait(20) == {"code": "1", "state": "a"}
