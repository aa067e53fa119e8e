"""OAUTHBEARER to the byte: what is offered to whom, and what comes of every message."""

from __future__ import annotations

import json
import struct

import pytest
from test_login import END_POINT, SECRET, VERIFIER, error, packet

from sluice.engines.postgres.login import CheckToken, ClientLogin, Method, Proven, Send
from sluice.engines.postgres.oauth import Metadata, OAuthError, token_of
from sluice.engines.postgres.speak import frame

METADATA = Metadata("https://login.example.org/", "openid groups")
GOOD = b"n,,\x01auth=Bearer abc.def-1_2~3+4/5==\x01\x01"


def begun(method: Method = Method.OAUTH, *, private=True, end_point=None, metadata=METADATA, doubt="") -> tuple:
    login = ClientLogin("servernonce", SECRET, end_point, private, metadata)
    login.feed(packet(user="oauth", database="shop"))
    return login, login.method(method, VERIFIER if method is Method.SCRAM else None, doubt)


def offered(steps: list) -> list[str]:
    (step,) = steps
    assert step.data[:1] + step.data[5:9] == b"R" + struct.pack("!i", 10)
    return [name.decode() for name in step.data[9:].split(b"\0") if name]


def chosen(message: bytes | None, mechanism: bytes = b"OAUTHBEARER") -> bytes:
    body = struct.pack("!i", -1) if message is None else struct.pack("!i", len(message)) + message
    return frame(b"p", mechanism + b"\0" + body)


def told(step) -> dict[str, str]:
    """What a client is told in an AuthenticationSASLContinue."""
    assert isinstance(step, Send) and step.data[5:9] == struct.pack("!i", 11)
    return json.loads(step.data[9:])


def test_it_is_offered_behind_scram_where_nobody_listens_and_an_issuer_is_known():
    assert offered(begun(Method.SCRAM)[1]) == ["SCRAM-SHA-256", "OAUTHBEARER"]
    assert offered(begun(Method.SCRAM, private=False, end_point=END_POINT)[1]) == [
        "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER",
    ]  # fmt: skip
    assert offered(begun(Method.SCRAM, private=False)[1]) == ["SCRAM-SHA-256"]
    assert offered(begun(Method.SCRAM, metadata=None)[1]) == ["SCRAM-SHA-256"]
    assert offered(begun()[1]) == ["OAUTHBEARER"]


def test_who_logs_in_by_it_in_clear_is_refused_before_a_token_is_said():
    (step,) = begun(private=False)[1]
    assert "only on an encrypted connection" in error(step)["M"]


def test_a_good_token_leads_in_and_nothing_more_is_said():
    login, _ = begun()
    assert login.feed(chosen(GOOD)) == [CheckToken("oauth", "abc.def-1_2~3+4/5==")]
    (step,) = login.token_checked("")
    assert isinstance(step, Proven)
    assert (step.method, step.database) == ("token", "shop")


def test_the_message_may_come_on_its_own():
    login, _ = begun()
    (empty,) = login.feed(chosen(None))
    assert empty.data == frame(b"R", struct.pack("!i", 11))
    assert login.feed(frame(b"p", GOOD)) == [CheckToken("oauth", "abc.def-1_2~3+4/5==")]


@pytest.mark.parametrize("problem", ["the token has expired", "the token is another user's"])
def test_a_token_that_is_not_good_is_answered_with_where_to_get_one_and_nothing_else(problem):
    login, _ = begun()
    login.feed(chosen(GOOD))
    (step,) = login.token_checked(problem)
    assert told(step) == {
        "status": "invalid_token",
        "openid-configuration": "https://login.example.org/.well-known/openid-configuration",
        "scope": "openid groups",
    }
    (end,) = login.feed(frame(b"p", b"\x01"))
    assert error(end)["C"] == "28P01"
    assert end.reason == problem
    assert login.feed(frame(b"p", GOOD)) == []


def test_who_asks_where_to_get_a_token_is_told_and_turned_away():
    login, _ = begun()
    (step,) = login.feed(chosen(b"n,,\x01auth=\x01\x01"))
    assert told(step)["status"] == "invalid_token"
    (end,) = login.feed(frame(b"p", b"\x01"))
    assert end.reason == "the client asked where to get a token"


def test_the_doubt_of_the_directory_stays_whatever_the_token_is():
    login, _ = begun(Method.SCRAM, doubt="unknown user")
    login.feed(chosen(GOOD))
    (step,) = login.token_checked("")
    assert told(step)["status"] == "invalid_token"
    assert login.feed(frame(b"p", b"\x01"))[0].reason == "unknown user"


def test_nobody_chooses_what_was_not_offered():
    login, _ = begun()
    (end,) = login.feed(chosen(b"n,,n=,r=abc", b"SCRAM-SHA-256"))
    assert error(end)["C"] == "28P01"
    login, _ = begun(Method.SCRAM, private=False)
    (end,) = login.feed(chosen(GOOD))
    assert error(end)["C"] == "28P01"


def test_the_cut_of_the_bytes_does_not_matter():
    whole = chosen(GOOD)
    for at in range(len(whole)):
        login, _ = begun()
        assert login.feed(whole[:at]) + login.feed(whole[at:]) == [CheckToken("oauth", "abc.def-1_2~3+4/5==")]


@pytest.mark.parametrize(
    ("message", "token"),
    [
        (GOOD, "abc.def-1_2~3+4/5=="),
        (b"y,,\x01auth=bearer  x\x01\x01", "x"),
        (b"n,,\x01host=db.example.org\x01port=5432\x01auth=BEARER x\x01\x01", "x"),
        (b"n,,\x01auth=\x01\x01", ""),
    ],
)
def test_messages_of_the_rfc_are_read(message, token):
    assert token_of(message) == token


@pytest.mark.parametrize(
    "message",
    [
        b"", b"n,,", b"n,,\x01", b"n,,\x01\x01", b"n,,\x01auth=Bearer x\x01", b"n,,\x01auth=Bearer x", b"\x01\x01",
        b"p=tls-server-end-point,,\x01auth=Bearer x\x01\x01", b"n,a=dana,\x01auth=Bearer x\x01\x01",
        b"n,,\x01auth=Basic x\x01\x01", b"n,,\x01auth=Bearer\x01\x01", b"n,,\x01auth=Bearer x y\x01\x01",
        b"n,,\x01auth=Bearer x=y\x01\x01", b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
        b"n,,\x01auth=Bearer x\x01\x01\x01", b"n,,\x01auth=Bearer x\x01\x01more", b"n,,\x01au th=Bearer x\x01\x01",
        b"n,,\x01host=db\x01\x01", b"n,,\x01auth=Bearer \xff\x01\x01", b"n,,\x01auth=Bearer x\0\x01\x01",
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_without_a_token(message):
    with pytest.raises(OAuthError):
        token_of(message)
    login, _ = begun()
    (end,) = login.feed(chosen(message))
    assert error(end)["C"] == "28P01"
