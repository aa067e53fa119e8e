from __future__ import annotations

import base64

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from sluice.engines.postgres.scram import PLAIN, PLUS, ClientExchange, ScramError, ServerExchange, Verifier, prepared

SALT = bytes(range(16))
END_POINT = b"e" * 32
VERIFIER = Verifier.make("correct horse", SALT)


def exchange(password="correct horse", verifier=VERIFIER, server_end=None, client_end=None, offered=(PLAIN,)):
    client = ClientExchange(password, "clientnonce", offered, client_end)
    server = ServerExchange(verifier, "servernonce", server_end)
    client.verify(server.final(client.final(server.first(client.mechanism, client.first()))))
    return client.mechanism


def test_the_example_of_the_rfc_is_answered_as_the_rfc_answers_it():
    client = ClientExchange("pencil", "rOprNGfwEbeRWgbNEkqO", (PLAIN,), None)
    verifier = Verifier.make("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    server = ServerExchange(verifier, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", None)
    # RFC 7677 names the user, PostgreSQL's clients leave that to the start-up packet.
    first = server.first(PLAIN, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert first == b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    client._bare = "n=user,r=rOprNGfwEbeRWgbNEkqO"
    proof = client.final(first)
    assert proof.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert server.final(proof) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_right_password_is_proven_to_both_ends():
    assert exchange() == PLAIN


@pytest.mark.parametrize("password", ["wrong", "", "correct horse ", "Correct horse"])
def test_a_wrong_password_proves_nothing(password):
    with pytest.raises(ScramError, match="wrong proof"):
        exchange(password)


def test_a_verifier_survives_being_written_and_read():
    assert Verifier.parse(str(VERIFIER)) == VERIFIER
    assert str(VERIFIER).startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")


@pytest.mark.parametrize(
    "text", ["", "md5abc", "SCRAM-SHA-256$4096:!$a:b", str(VERIFIER) + "x y", "SCRAM-SHA-1$1:a$b:c"]
)
def test_anything_else_is_no_verifier(text):
    with pytest.raises(ScramError):
        Verifier.parse(text)


def test_a_verifier_is_not_shown():
    assert "stored" not in repr(VERIFIER)


def test_an_independent_implementation_agrees_as_client():
    client = scramp.ScramClient([PLAIN], "support", "correct horse", c_nonce="abcdefgh")
    server = ServerExchange(VERIFIER, "servernonce", None)
    client.set_server_first(server.first(PLAIN, client.get_client_first().encode()).decode())
    client.set_server_final(server.final(client.get_client_final().encode()).decode())


def test_an_independent_implementation_agrees_as_server():
    mechanism = scramp.ScramMechanism(PLAIN)
    stored = mechanism.make_auth_info("correct horse", salt=SALT, iteration_count=4096)
    server = mechanism.make_server(lambda _: stored, s_nonce="servernonce")
    client = ClientExchange("correct horse", "clientnonce", (PLAIN,), None)
    # libpq and PostgreSQL leave the name empty here; the other implementation insists on one.
    client._bare = "n=support,r=clientnonce"
    server.set_client_first(client.first().decode())
    server.set_client_final(client.final(server.get_server_first().encode()).decode())
    client.verify(server.get_server_final().encode())


def test_channel_binding_is_used_when_both_ends_have_it():
    assert exchange(server_end=END_POINT, client_end=END_POINT, offered=(PLUS, PLAIN)) == PLUS


def test_a_certificate_that_was_exchanged_in_between_breaks_the_binding():
    with pytest.raises(ScramError, match="wrong proof"):
        exchange(server_end=END_POINT, client_end=b"f" * 32, offered=(PLUS, PLAIN))


def test_a_removed_offer_of_channel_binding_is_noticed():
    with pytest.raises(ScramError, match="somebody removed it"):
        exchange(server_end=END_POINT, client_end=END_POINT, offered=(PLAIN,))


@pytest.mark.parametrize(
    ("mechanism", "message", "end_point"),
    [
        (PLUS, b"p=tls-server-end-point,,n=,r=abc", None),
        (PLUS, b"p=tls-unique,,n=,r=abc", END_POINT),
        (PLUS, b"n,,n=,r=abc", END_POINT),
        (PLAIN, b"p=tls-server-end-point,,n=,r=abc", END_POINT),
        ("SCRAM-SHA-1", b"n,,n=,r=abc", None),
        ("", b"n,,n=,r=abc", None),
        (PLAIN, b"n,a=other,n=,r=abc", None),
        (PLAIN, b"n,,m=x,n=,r=abc", None),
        (PLAIN, b"n,,n=,r=", None),
        (PLAIN, b"n,,r=abc,n=", None),
        (PLAIN, b"n,,n=,r=a b", None),
        (PLAIN, b"n,,n=", None),
        (PLAIN, b"n", None),
        (PLAIN, b"\xff,,n=,r=abc", None),
        (PLAIN, b"", None),
    ],
)
def test_a_first_message_that_is_wrong_is_refused(mechanism, message, end_point):
    with pytest.raises(ScramError):
        ServerExchange(VERIFIER, "servernonce", end_point).first(mechanism, message)


def begun() -> tuple[ServerExchange, str]:
    server = ServerExchange(VERIFIER, "servernonce", None)
    client = ClientExchange("correct horse", "clientnonce", (PLAIN,), None)
    return server, client.final(server.first(PLAIN, client.first())).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("c=biws", "c=eSws"),
        lambda text: text.replace("r=clientnonce", "r=clientnoncf"),
        lambda text: text.split(",p=")[0],
        lambda text: text.split(",p=")[0] + ",p=",
        lambda text: text.split(",p=")[0] + ",p=AAAA",
        lambda text: text.split(",p=")[0] + ",p=????",
        lambda text: text.replace("r=client", "x=1,r=client"),
        lambda text: text[:-2] + chr(ord(text[-2]) + 1) + "=",
        lambda text: "",
    ],
)
def test_a_spoiled_proof_is_refused(spoil):
    server, proof = begun()
    with pytest.raises(ScramError):
        server.final(spoil(proof).encode())


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_from_a_client_pass_or_raise_anything_else(first, final):
    server = ServerExchange(VERIFIER, "servernonce", None)
    with pytest.raises(ScramError):
        server.first(PLAIN, first)
        server.final(final)


@given(st.binary(max_size=200))
def test_no_bytes_from_a_server_pass_or_raise_anything_else(message):
    client = ClientExchange("x", "clientnonce", (PLAIN,), None)
    with pytest.raises(ScramError):
        client.final(message)
    with pytest.raises(ScramError):
        client.verify(message)


@pytest.mark.parametrize(
    "message",
    [
        b"r=clientnonce,s=AAAA,i=4096",
        b"r=othernonce,s=AAAA,i=4096",
        b"r=clientnonceX,s=AAAA,i=0",
        b"r=clientnonceX,s=AAAA,i=99999999",
        b"r=clientnonceX,s=AAAA,i=-1",
        b"r=clientnonceX,s=?,i=4096",
    ],
)
def test_a_server_that_would_weaken_or_stall_the_exchange_is_refused(message):
    with pytest.raises(ScramError):
        ClientExchange("x", "clientnonce", (PLAIN,), None).final(message)


def test_a_server_that_does_not_know_the_password_is_found_out():
    client = ClientExchange("correct horse", "clientnonce", (PLAIN,), None)
    server = ServerExchange(VERIFIER, "servernonce", None)
    client.final(server.first(PLAIN, client.first()))
    with pytest.raises(ScramError, match="did not prove"):
        client.verify(b"v=" + base64.b64encode(b"\0" * 32))


def test_a_mechanism_that_is_not_known_is_not_tried():
    with pytest.raises(ScramError):
        ClientExchange("x", "n", ("SCRAM-SHA-512",), None)


def test_a_user_who_does_not_exist_has_the_same_salt_each_time_and_another_than_others():
    one, again, other = (Verifier.mock(user, b"secret") for user in ("nobody", "nobody", "somebody"))
    assert one == again
    assert one.salt != other.salt
    assert one.salt != Verifier.mock("nobody", b"another").salt
    assert (len(one.salt), one.iterations) == (len(VERIFIER.salt), VERIFIER.iterations)


@pytest.mark.parametrize("password", ["", "a", "secret", "nobody"])
def test_no_password_matches_a_mock(password):
    with pytest.raises(ScramError, match="wrong proof"):
        exchange(password, Verifier.mock("nobody", b"secret"))


@pytest.mark.parametrize(
    ("password", "bytes_"),
    [
        ("I\u00adX", b"IX"),
        ("user", b"user"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("a\u00a0b", b"a b"),
        ("\u0007", b"\x07"),
        ("\u0627\u0031", "\u0627\u0031".encode()),
        ("\u00ad", "\u00ad".encode()),
        ("", b""),
    ],
)
def test_passwords_are_prepared_as_the_server_prepares_them(password, bytes_):
    assert prepared(password) == bytes_
