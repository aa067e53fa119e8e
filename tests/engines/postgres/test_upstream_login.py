from __future__ import annotations

import hashlib
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.engines.postgres import startup
from sluice.engines.postgres.login import ClientLogin, Method, Proven, Send, WhoIs
from sluice.engines.postgres.scram import ServerExchange, Verifier
from sluice.engines.postgres.speak import frame, ready
from sluice.engines.postgres.upstream_login import LoggedIn, LoginRefused, UpstreamLogin, tls_answer, tls_request

PASSWORD = "correct horse"
VERIFIER = Verifier.make(PASSWORD, bytes(16))
END_POINT = b"e" * 32
OK = startup.authentication(0)
REST = (
    startup.parameter("server_version", "18.0")
    + startup.parameter("TimeZone", "UTC")
    + startup.key_data(4_000_000_000, b"four")
    + ready("I")
)


def fresh(password=PASSWORD, *, end_point=None, private=True, **settings: str) -> UpstreamLogin:
    return UpstreamLogin("gateway", "shop", settings, password, "clientnonce", end_point, private)


def refused(login: UpstreamLogin, data: bytes) -> str:
    answer, outcome = login.feed(data)
    assert answer == b""
    assert isinstance(outcome, LoginRefused)
    return outcome.reason


def test_it_opens_with_user_database_and_settings():
    packet = startup.first_packet(fresh(application_name="sluice").start())
    assert packet[0].parameters == {"user": "gateway", "database": "shop", "application_name": "sluice"}


@pytest.mark.parametrize("name", ["user", "USER", "database", "options", "replication"])
def test_no_setting_may_say_who_logs_in_or_where(name):
    with pytest.raises(ValueError, match="who logs in"):
        fresh(**{name: "postgres"})


def test_trust_leads_straight_in():
    answer, outcome = fresh(None).feed(OK + REST + b"more")
    assert answer == b""
    assert outcome == LoggedIn(
        REST[: REST.index(b"K")],
        {"server_version": "18.0", "TimeZone": "UTC"},
        4_000_000_000,
        b"four",
        "I",
        b"more",
    )


def test_a_clear_password_is_sent_where_nobody_can_listen():
    assert fresh().feed(startup.authentication(3)) == (frame(b"p", b"correct horse\0"), None)


def test_a_clear_password_is_never_sent_where_somebody_could_listen():
    assert "in clear" in refused(fresh(private=False), startup.authentication(3))


def test_md5_is_answered_as_the_server_computes_it():
    inner = hashlib.md5(b"correct horsegateway").hexdigest()
    expected = b"md5" + hashlib.md5(inner.encode() + b"salt").hexdigest().encode() + b"\0"
    assert fresh().feed(startup.authentication(5, b"salt")) == (frame(b"p", expected), None)


@pytest.mark.parametrize("code", [3, 5, 10])
def test_a_database_that_asks_for_a_password_that_is_not_known_is_refused(code):
    assert "none is configured" in refused(fresh(None), startup.authentication(code, b"salt"))


@pytest.mark.parametrize("code", [2, 4, 6, 7, 9, 11, 12, 99])
def test_other_methods_are_refused(code):
    assert "authentication" in refused(fresh(), startup.authentication(code, b"salt"))


def sasl(login: UpstreamLogin, server: ServerExchange, offer: bytes) -> tuple[bytes, bytes]:
    """The mechanism chosen, and the server's last word."""
    answer, _ = login.feed(startup.authentication(10, offer))
    mechanism, _, rest = answer[5:].partition(b"\0")
    answer, _ = login.feed(startup.authentication(11, server.first(mechanism.decode(), rest[4:])))
    return mechanism, server.final(answer[5:])


def test_scram_leads_in_when_the_database_proves_itself_too():
    login = fresh()
    _, final = sasl(login, ServerExchange(VERIFIER, "servernonce", None), b"SCRAM-SHA-256\0\0")
    _, outcome = login.feed(startup.authentication(12, final) + OK + REST)
    assert isinstance(outcome, LoggedIn)


def test_scram_is_bound_to_the_certificate_when_the_database_offers_it():
    login = fresh(end_point=END_POINT)
    offer = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
    mechanism, _ = sasl(login, ServerExchange(VERIFIER, "servernonce", END_POINT), offer)
    assert mechanism == b"SCRAM-SHA-256-PLUS"


def test_a_database_that_cannot_prove_that_it_knows_the_password_is_refused():
    login = fresh()
    sasl(login, ServerExchange(VERIFIER, "servernonce", None), b"SCRAM-SHA-256\0\0")
    assert "did not prove" in refused(login, startup.authentication(12, b"v=" + b"A" * 43 + b"="))


def test_a_database_that_leaves_its_proof_out_is_refused():
    login = fresh()
    sasl(login, ServerExchange(VERIFIER, "servernonce", None), b"SCRAM-SHA-256\0\0")
    assert "without proving" in refused(login, OK + REST)


@pytest.mark.parametrize("code", [3, 5, 10])
def test_a_database_cannot_go_back_to_a_weaker_method(code):
    login = fresh()
    login.feed(startup.authentication(10, b"SCRAM-SHA-256\0\0"))
    assert "out of order" in refused(login, startup.authentication(code, b"salt"))


def test_a_mechanism_that_is_not_known_is_refused():
    assert "no SCRAM mechanism" in refused(fresh(), startup.authentication(10, b"SCRAM-SHA-1\0\0"))


@pytest.mark.parametrize(
    "data",
    [
        REST,
        ready("I"),
        OK + ready("X"),
        OK + frame(b"S", b"name without value\0"),
        OK + frame(b"Z", b""),
        OK + frame(b"D", b"\0\0"),
        OK + OK,
        OK + frame(b"K", b"\0\0\0\7"),
        frame(b"v", b"\0\3\0\0\0\0\0\0"),
        frame(b"R", b""),
        frame(b"E", b"no end"),
        b"HTTP/1.1 400 Bad Request",
        b"R\0\0\0\0",
        b"R\x7f\xff\xff\xff",
    ],
)
def test_a_database_that_breaks_the_protocol_is_refused(data):
    assert refused(fresh(), data)


def test_the_database_s_own_refusal_is_told_with_its_fields():
    data = frame(b"E", b'SFATAL\0C28P01\0Mpassword authentication failed for user "gateway"\0\0')
    _, outcome = fresh().feed(data)
    assert outcome.fields["C"] == "28P01"
    assert outcome.reason == 'password authentication failed for user "gateway"'


def test_notices_do_not_disturb_a_login():
    _, outcome = fresh().feed(frame(b"N", b"SNOTICE\0Mhello\0\0") + OK + REST)
    assert isinstance(outcome, LoggedIn)


def test_a_cancel_key_is_not_shown():
    assert "four" not in repr(fresh().feed(OK + REST)[1])


@pytest.mark.parametrize(
    ("data", "meaning"),
    [(b"S", "encrypted"), (b"N", "clear"), (b"", "broken"), (b"E", "broken"), (b"Sx", "broken"), (b"N" + OK, "broken")],
)
def test_the_answer_to_an_encryption_request_is_one_byte_and_no_more(data, meaning):
    assert tls_answer(data) == meaning


def test_the_encryption_request_is_the_protocol_s():
    assert tls_request() == struct.pack("!ii", 8, 80877103)


def talk(password: str, to_server: list[int], to_client: list[int], end_point=None) -> tuple[object, object]:
    """Both ends against each other, every message cut at the places given; how each end ended."""
    login = UpstreamLogin("gateway", "shop", {}, password, "clientnonce", end_point, True)
    server = ClientLogin("servernonce", b"secret", end_point)
    towards_server, towards_client = login.start(), b""
    ends: list[object] = [None, None]
    while towards_server or towards_client:
        for piece in cut(towards_server, to_server):
            steps = server.feed(piece)
            while steps:
                step = steps.pop(0)
                if isinstance(step, WhoIs):
                    steps += server.method(Method.SCRAM, VERIFIER)
                elif isinstance(step, Send):
                    towards_client += step.data
                else:
                    ends[1] = step
                    towards_client += OK + REST if isinstance(step, Proven) else step.data
        towards_server = b""
        for piece in cut(towards_client, to_client):
            said, outcome = login.feed(piece)
            towards_server += said
            ends[0] = outcome or ends[0]
        towards_client = b""
    return ends[0], ends[1]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[a:b] for a, b in pairwise(marks)]


PLACES = st.lists(st.integers(0, 1_000), max_size=6)


@given(PLACES, PLACES)
def test_both_ends_understand_each_other_however_the_bytes_are_cut(to_server, to_client):
    ours, theirs = talk(PASSWORD, to_server, to_client)
    assert isinstance(ours, LoggedIn)
    assert isinstance(theirs, Proven)


@given(PLACES, PLACES)
def test_both_ends_agree_on_a_wrong_password(to_server, to_client):
    ours, theirs = talk("wrong", to_server, to_client)
    assert ours.fields["C"] == "28P01"
    assert theirs.reason == "wrong proof"


def test_both_ends_bind_the_channel():
    ours, theirs = talk(PASSWORD, [], [], END_POINT)
    assert isinstance(ours, LoggedIn)
    assert isinstance(theirs, Proven)


@given(st.lists(st.binary(max_size=120), max_size=8))
def test_no_bytes_make_a_login_raise_or_let_it_in(pieces):
    login = fresh()
    outcomes = [login.feed(piece)[1] for piece in pieces]
    assert not any(isinstance(outcome, LoggedIn) for outcome in outcomes)


@given(st.lists(st.sampled_from([OK, REST, *(startup.authentication(code, b"salt") for code in (3, 5, 10, 11, 12))])))
def test_no_order_of_messages_makes_a_login_raise(messages):
    login = fresh()
    for message in messages:
        login.feed(message)
