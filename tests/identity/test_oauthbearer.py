"""OAUTHBEARER with libpq 18 and with bytes written by hand, against tokens of a real provider."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from oidc import OidcProvider
from wired import Wire, bearer

BEARER_TOKEN = 1
"""libpq's PQAUTHDATA_OAUTH_BEARER_TOKEN."""


class Request(ctypes.Structure):
    """libpq's PGoauthBearerRequest."""

    _fields_ = (
        ("openid_configuration", ctypes.c_char_p), ("scope", ctypes.c_char_p), ("poll", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p), ("token", ctypes.c_char_p), ("user", ctypes.c_void_p),
    )  # fmt: skip


HOOK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Request))


class Libpq:
    """The libpq 18 that comes with psycopg, asked by its own interface."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("psycopg_binary")
        assert found is not None and found.origin is not None
        (path,) = (Path(found.origin).parents[1] / "psycopg_binary.libs").glob("libpq-*.so*")
        self._lib = ctypes.CDLL(str(path))
        self._lib.PQconnectdb.restype = self._lib.PQexec.restype = ctypes.c_void_p
        for name in ("PQerrorMessage", "PQgetvalue"):
            getattr(self._lib, name).restype = ctypes.c_char_p
        assert self._lib.PQlibVersion() >= 180000
        self._hooks: list[object] = []

    def ask(self, conninfo: str, token: Callable[[str, str], str], sql: str) -> str:
        """One value, by a connection for which `token` is asked; or the error."""

        def hook(kind: int, _connection: int, request: object) -> int:
            if kind != BEARER_TOKEN:
                return 0
            told = request.contents  # type: ignore[attr-defined]
            told.token = token((told.openid_configuration or b"").decode(), (told.scope or b"").decode()).encode()
            return 1

        self._hooks.append(HOOK(hook))
        self._lib.PQsetAuthDataHook(self._hooks[-1])
        connection = ctypes.c_void_p(self._lib.PQconnectdb(conninfo.encode()))
        try:
            if self._lib.PQstatus(connection):
                return str(self._lib.PQerrorMessage(connection).decode())
            result = ctypes.c_void_p(self._lib.PQexec(connection, sql.encode()))
            value = (self._lib.PQgetvalue(result, 0, 0) or b"").decode()
            self._lib.PQclear(result)
            return str(value)
        finally:
            self._lib.PQfinish(connection)


@pytest.fixture
def libpq(monkeypatch: pytest.MonkeyPatch) -> Libpq:
    # The provider of the tests speaks http on loopback, which libpq takes for tests alone.
    monkeypatch.setenv("PGOAUTHDEBUG", "UNSAFE")
    return Libpq()


def conninfo(house, issuer: str) -> str:
    return f"host=127.0.0.1 port={house.gateway.port} dbname=house user=oauth oauth_issuer={issuer} oauth_client_id=sluice-cli"


def test_libpq_18_asks_where_to_get_a_token_gets_one_and_is_in(single, oidc: OidcProvider, libpq: Libpq):
    asked: list[tuple[str, str]] = []

    def token(configuration: str, scope: str) -> str:
        asked.append((configuration, scope))
        return oidc.token("sam")

    said = libpq.ask(conninfo(single, oidc.issuer), token, "select email from people where id = 7 /*purpose='ticket'*/")
    assert said == "person7@example.com"
    assert asked == [(f"{oidc.issuer}/.well-known/openid-configuration", "openid")]
    event = [one for one in single.gateway.events() if one["event"] == "connected"][-1]
    assert (event["identity"]["name"], event["identity"]["method"], event["user"]) == ("sam", "token", "oauth")


def test_libpq_18_with_a_token_that_is_not_good_is_turned_away(single, oidc: OidcProvider, libpq: Libpq):
    assert "password authentication failed" in libpq.ask(
        conninfo(single, oidc.issuer), lambda *_: oidc.token("sam")[:-4] + "AAAA", "select 1"
    )
    event = single.gateway.event(lambda one: one.get("reason") == "the token's signature is wrong")
    assert (event["user"], event["method"]) == ("oauth", "token")


def test_bytes_by_hand_get_in_and_get_told(single, oidc: OidcProvider):
    wire = Wire(single.gateway.port, "oauth")
    assert wire.read() == (b"R", struct.pack("!i", 10) + b"OAUTHBEARER\0\0")
    assert wire.choose(bearer(oidc.token("sam"))) == (b"R", bytes(4))
    wire.close()
    wire = Wire(single.gateway.port, "oauth")
    wire.read()
    kind, body = wire.choose(bearer("not.a.token"))
    assert (kind, body[:4]) == (b"R", struct.pack("!i", 11))
    assert json.loads(body[4:])["openid-configuration"].startswith(oidc.issuer)
    kind, body = wire.answer(b"\x01")
    assert (kind, b"C28P01\0" in body) == (b"E", True)
    wire.close()


def test_a_name_with_a_password_is_offered_both_and_never_taken_from_a_token(single, oidc: OidcProvider):
    wire = Wire(single.gateway.port, "stan")
    assert wire.read()[1][4:] == b"SCRAM-SHA-256\0OAUTHBEARER\0\0"
    assert wire.choose(bearer(oidc.token("sam")))[1][:4] == struct.pack("!i", 11)
    assert wire.answer(b"\x01")[0] == b"E"
    assert single.gateway.event(lambda one: one.get("reason") == "the token is another user's")
    wire.close()


def test_an_agent_that_comes_by_it_acts_for_its_user_and_for_its_purpose(single, oidc: OidcProvider, libpq: Libpq):
    token = oidc.agent(oidc.token("dana"), "fine-tuning")
    said = libpq.ask(
        conninfo(single, oidc.issuer), lambda *_: token, "select count(*) from people /*purpose='analytics'*/"
    )
    assert said == "100"
    asked = [one for one in single.gateway.events() if one["event"] == "statement-asked"][-1]
    assert (asked["identity"]["name"], asked["identity"]["on_behalf_of"]["name"]) == ("trainer", "dana")
    assert asked["purpose"] == "fine-tuning"
