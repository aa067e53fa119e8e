from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.engines.postgres import scram, startup
from sluice.engines.postgres.login import Cancel, CheckToken, ClientLogin, Failed, Method, Proven, Send, WhoIs
from sluice.engines.postgres.scram import ClientExchange, Verifier
from sluice.engines.postgres.speak import frame
from sluice.engines.postgres.upstream import fields

SECRET = b"a secret of the gateway"
VERIFIER = Verifier.make("correct horse", bytes(16))
END_POINT = b"e" * 32
QUERY = frame(b"Q", b"select 1\0")


def packet(version: int = startup.PROTOCOL_3_0, /, **parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, version) + body


def fresh(end_point=None, private=True) -> ClientLogin:
    return ClientLogin("servernonce", SECRET, end_point, private)


def opened(**parameters: str) -> ClientLogin:
    login = fresh()
    assert login.feed(packet(**{"user": "support", **parameters}))[-1] == WhoIs(login.user, login.database)
    return login


def scram_steps(login: ClientLogin, verifier, password: str, *, doubt="", end_point=None, tail=b"") -> list:
    steps = login.method(Method.SCRAM, verifier, doubt)
    offered = tuple(name.decode() for name in steps[0].data[9:].split(b"\0") if name)
    client = ClientExchange(password, "clientnonce", offered, end_point)
    first = client.first()
    steps = login.feed(frame(b"p", client.mechanism.encode() + b"\0" + struct.pack("!i", len(first)) + first))
    return login.feed(frame(b"p", client.final(steps[0].data[9:])) + tail)


def proven(login: ClientLogin) -> Proven:
    step = scram_steps(login, VERIFIER, "correct horse")[-1]
    assert isinstance(step, Proven)
    return step


def error(step) -> dict[str, str]:
    assert isinstance(step, Failed)
    return fields(step.data)


def test_a_user_with_the_right_password_is_proven():
    login = opened(database="shop", application_name="psql", work_mem="4MB")
    assert proven(login) == Proven(
        user="support",
        database="shop",
        method="scram-sha-256",
        settings=(("application_name", "psql"), ("work_mem", "4MB")),
        purpose="",
        application="psql",
        version=startup.PROTOCOL_3_0,
        replication="",
        risky=(),
        leftover=b"",
    )


def test_what_a_client_sends_behind_its_proof_is_left_over():
    steps = scram_steps(opened(), VERIFIER, "correct horse", tail=QUERY)
    assert steps[-1].leftover == QUERY


def test_the_source_is_by_default_named_as_the_user_is():
    assert proven(opened()).database == "support"


@pytest.mark.parametrize(
    ("verifier", "password", "doubt"),
    [
        (VERIFIER, "wrong", ""),
        (None, "correct horse", ""),
        (None, "", "unknown user"),
        (VERIFIER, "correct horse", "the user is disabled"),
        (VERIFIER, "wrong", "the user is disabled"),
    ],
)
def test_all_failures_read_the_same(verifier, password, doubt):
    step = scram_steps(opened(), verifier, password, doubt=doubt)[-1]
    assert step.data == scram_steps(opened(), VERIFIER, "wrong")[-1].data
    assert error(step) == {
        "S": "FATAL",
        "V": "FATAL",
        "C": "28P01",
        "M": 'password authentication failed for user "support"',
    }


def test_a_failure_says_why_in_the_log_alone():
    step = scram_steps(opened(), None, "x", doubt="unknown user")[-1]
    assert step.reason == "unknown user"
    assert b"unknown" not in step.data


def test_a_bad_token_reads_as_a_wrong_password_does():
    login = opened()
    login.method(Method.TOKEN, None)
    login.feed(frame(b"p", b"a.b.c\0"))
    step = login.token_checked("the token has expired")[-1]
    assert step.data == scram_steps(opened(), VERIFIER, "wrong")[-1].data
    assert step.reason == "the token has expired"


def test_a_known_and_an_unknown_user_cost_the_same_number_of_operations(monkeypatch):
    counted = []
    real = scram._hmac
    monkeypatch.setattr(scram, "_hmac", lambda *given: counted.append(1) or real(*given))
    costs = []
    for verifier in (VERIFIER, None):
        login = opened()
        counted.clear()
        login.method(Method.SCRAM, verifier)
        first = b"n,,n=,r=abc"
        login.feed(frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
        steps = login.feed(frame(b"p", b"c=biws,r=abcservernonce,p=" + b"AAAA" * 10 + b"AAA="))
        assert error(steps[-1])["C"] == "28P01"
        costs.append(len(counted))
    assert costs[0] == costs[1] > 0


def test_an_unknown_user_is_asked_with_the_same_salt_every_time():
    offers = []
    for _ in range(2):
        login = opened(user="nobody")
        login.method(Method.SCRAM, None)
        first = b"n,,n=,r=abc"
        offers.append(login.feed(frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)))
    assert offers[0] == offers[1]


def test_inside_tls_channel_binding_is_offered_and_used():
    login = fresh(END_POINT)
    login.feed(packet(user="support"))
    step = scram_steps(login, VERIFIER, "correct horse", end_point=END_POINT)[-1]
    assert isinstance(step, Proven)


def test_without_tls_channel_binding_is_not_offered():
    assert b"PLUS" not in opened().method(Method.SCRAM, VERIFIER)[0].data


def test_a_token_is_asked_for_checked_and_believed():
    login = opened(user="token")
    assert login.method(Method.TOKEN, None) == [Send(startup.authentication(3))]
    assert login.feed(frame(b"p", b"a.b.c\0") + QUERY) == [CheckToken("token", "a.b.c")]
    (step,) = login.token_checked("")
    assert (step.method, step.leftover) == ("token", QUERY)


def test_a_token_is_shown_in_no_repr():
    assert "a.b.c" not in repr(CheckToken("token", "a.b.c"))


def test_a_token_is_not_asked_for_where_somebody_could_listen():
    login = fresh(private=False)
    login.feed(packet(user="token"))
    (step,) = login.method(Method.TOKEN, None)
    assert error(step)["C"] == "28000"
    assert error(step)["H"] == "connect with `sslmode=require`"


def test_a_disabled_user_s_good_token_fails():
    login = opened()
    login.method(Method.TOKEN, None, "the user is disabled")
    login.feed(frame(b"p", b"a.b.c\0"))
    assert error(login.token_checked("")[-1])["C"] == "28P01"


def test_a_certificate_is_enough():
    (step,) = opened().method(Method.CERTIFICATE, None)
    assert step.method == "certificate"


def test_a_certificate_of_a_disabled_user_is_not():
    (step,) = opened().method(Method.CERTIFICATE, None, "the user is disabled")
    assert error(step)["C"] == "28P01"


def test_a_cancel_request_is_handed_on_and_ends_the_login():
    login = fresh()
    assert login.feed(startup.cancel(7, b"k" * 32)) == [Cancel(7, b"k" * 32)]
    assert login.feed(packet(user="support")) == []


@pytest.mark.parametrize(
    ("asked", "agreed", "said"),
    [
        (startup.PROTOCOL_3_0, startup.PROTOCOL_3_0, False),
        (startup.PROTOCOL_3_0 + 1, startup.PROTOCOL_3_0, True),
        (startup.PROTOCOL_3_2, startup.PROTOCOL_3_2, False),
        (startup.PROTOCOL_3_0 + 9999, startup.PROTOCOL_3_2, True),
    ],
)
def test_the_version_is_the_newest_both_speak(asked, agreed, said):
    login = fresh()
    steps = login.feed(packet(asked, user="support"))
    assert (steps[0] == Send(startup.negotiate(agreed, []))) is said
    assert proven(login).version == agreed


def test_protocol_options_that_are_not_known_are_named_back_and_go_no_further():
    login = fresh()
    steps = login.feed(packet(**{"user": "support", "_pq_.b": "1", "_pq_.a": "2"}))
    assert steps[0] == Send(startup.negotiate(startup.PROTOCOL_3_0, ["_pq_.a", "_pq_.b"]))
    assert proven(login).settings == ()


@pytest.mark.parametrize(
    "parameters",
    [
        {"sluice.purpose": "ticket"},
        {"Sluice.Purpose": "ticket"},
        {"options": "-c sluice.purpose=ticket"},
        {"options": "--sluice.purpose=ticket"},
    ],
)
def test_a_purpose_is_stated_at_startup_and_not_handed_on(parameters):
    step = proven(opened(**parameters))
    assert (step.purpose, step.settings) == ("ticket", ())


@pytest.mark.parametrize(
    "parameters",
    [
        {"User": "postgres"},
        {"DATABASE": "other"},
        {"OPTIONS": "-c role=postgres"},
        {"options": "-c user=postgres"},
        {"options": "-c options=x"},
        {"options": "--replication=true"},
        {"options": "-c Database=other"},
        {"sluice.identity": "user:dba"},
        {"options": "-c sluice.identity=user:dba"},
    ],
)
def test_no_setting_passes_for_what_the_gateway_says_itself(parameters):
    steps = fresh().feed(packet(**{"user": "support", **parameters}))
    assert error(steps[-1])["C"] == "42704"


@pytest.mark.parametrize(
    ("parameters", "risky"),
    [
        ({"role": "postgres"}, ("role",)),
        ({"ROLE": "postgres"}, ("role",)),
        ({"options": "-c role=postgres"}, ("role",)),
        ({"options": r"-c ro\le=postgres"}, ("role",)),
        ({"options": "-c session-authorization=postgres"}, ("session_authorization",)),
        ({"options": "-d 5"}, ("options",)),
    ],
)
def test_settings_that_change_who_the_session_is_are_reported_and_not_handed_on(parameters, risky):
    step = proven(opened(**parameters))
    assert (step.risky, step.settings) == (risky, ())


@pytest.mark.parametrize(
    ("value", "replication"),
    [
        ("database", "logical"),
        ("true", "physical"),
        ("on", "physical"),
        ("1", "physical"),
        ("TRU", "physical"),
        ("false", ""),
        ("0", ""),
        ("no", ""),
    ],
)
def test_replication_is_read_as_the_server_reads_it(value, replication):
    assert proven(opened(replication=value)).replication == replication


@pytest.mark.parametrize("value", ["", "maybe", "o", "2", "database "])
def test_a_value_of_replication_that_the_server_would_not_take_is_refused(value):
    (step,) = fresh().feed(packet(user="support", replication=value))
    assert error(step)["C"] == "22023"


def test_a_physical_replication_connection_may_name_its_source_by_a_setting():
    options = "-c sluice.source=shop"
    step = proven(opened(replication="true", database="replication", options=options))
    assert (step.database, step.settings) == ("shop", ())
    for mode in ({}, {"replication": "database"}):
        (refused,) = fresh().feed(packet(user="support", database="other", options=options, **mode))
        assert error(refused)["C"] == "42704"


def test_options_are_handed_on_as_settings():
    step = proven(opened(options="-c search_path=a,b -c geqo=off"))
    assert step.settings == (("search_path", "a,b"), ("geqo", "off"))


def test_a_client_without_a_user_is_refused_as_the_server_does_it():
    (step,) = fresh().feed(packet(database="shop"))
    assert error(step)["M"] == "no PostgreSQL user name specified in startup packet"


@pytest.mark.parametrize(
    "data",
    [
        QUERY,
        frame(b"X", b""),
        b"p\0\0\0\3",
        b"p\0\1\0\1",
        b"p\xff\xff\xff\xff",
        frame(b"p", b"SCRAM-SHA-256\0\0\0\0\x09n,,"),
        frame(b"p", b"SCRAM-SHA-256\0\xff\xff\xff\xff"),
        frame(b"p", b""),
        frame(b"p", b"\xff\0\0\0\0\0"),
    ],
)
def test_anything_else_than_an_answer_ends_the_login(data):
    login = opened()
    login.method(Method.SCRAM, VERIFIER)
    (step,) = login.feed(data)
    assert error(step)["C"] in ("08P01", "28P01")
    assert login.feed(QUERY) == []


@pytest.mark.parametrize("data", [b"a.b.c", b"a\0b\0", b""])
def test_a_token_without_its_end_is_broken(data):
    login = opened()
    login.method(Method.TOKEN, None)
    assert error(login.feed(frame(b"p", data))[-1])["C"] == "08P01"


def test_a_query_before_the_proof_is_never_left_over():
    login = fresh()
    login.feed(packet(user="support") + QUERY)
    steps = login.method(Method.SCRAM, VERIFIER)
    assert error(steps[-1])["C"] == "08P01"


def test_a_client_that_never_stops_sending_is_stopped():
    login = opened()
    steps = [step for _ in range(10) for step in login.feed(b"x" * 65_536)]
    assert [error(step)["C"] for step in steps] == ["08P01"]


def test_answers_out_of_turn_do_nothing():
    login = fresh()
    assert login.method(Method.CERTIFICATE, None) == []
    assert login.token_checked("") == []
    login.feed(packet(user="support"))
    assert login.token_checked("") == []


def stream() -> bytes:
    """All bytes of a client that logs in by SCRAM, with a query behind."""
    client = ClientExchange("correct horse", "clientnonce", ("SCRAM-SHA-256",), None)
    first = client.first()
    login = opened(database="shop")
    login.method(Method.SCRAM, VERIFIER)
    initial = frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
    final = frame(b"p", client.final(login.feed(initial)[0].data[9:]))
    return packet(user="support", database="shop") + initial + final + QUERY


STREAM = stream()


def run(pieces) -> tuple[bytes, list]:
    """What a login says to the pieces, and its last steps; the leftover with what was fed after the end."""
    login, said, ends = fresh(), b"", []
    pending = [bytes(piece) for piece in pieces]
    for at, piece in enumerate(pending):
        steps = login.feed(piece)
        while steps:
            step = steps.pop(0)
            if isinstance(step, Send):
                said += step.data
            elif isinstance(step, WhoIs):
                steps += login.method(Method.SCRAM, VERIFIER)
            else:
                ends.append((type(step), getattr(step, "leftover", b"") + b"".join(pending[at + 1 :])))
        if ends:
            break
    return said, ends


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[a:b] for a, b in pairwise(marks)]


def test_a_login_byte_by_byte_is_the_same_login():
    whole = run([STREAM])
    assert whole[1] == [(Proven, QUERY)]
    assert run([bytes([byte]) for byte in STREAM]) == whole


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_the_cut_of_the_bytes_never_matters(places):
    assert run(cut(STREAM, places)) == run([STREAM])


@settings(max_examples=200)
@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255), st.lists(st.integers(0, 10_000), max_size=5))
def test_a_changed_byte_is_never_let_in_and_its_cut_never_matters(place, change, places):
    spoiled = bytearray(STREAM[: -len(QUERY)])
    place %= len(spoiled)
    spoiled[place] ^= change
    said, ends = run([bytes(spoiled)])
    assert run(cut(bytes(spoiled), places))[0] == said
    inside = place >= len(packet(user="support", database="shop"))
    assert not (inside and any(kind is Proven for kind, _ in ends))


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_no_bytes_make_a_login_raise(pieces):
    run(pieces)
    login = opened()
    login.method(Method.TOKEN, None)
    for piece in pieces:
        login.feed(piece)
