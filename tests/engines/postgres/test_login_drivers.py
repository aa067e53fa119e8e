"""Real drivers against the login: libpq (psycopg) and asyncpg, over a server that does nothing but log in."""

from __future__ import annotations

import asyncio
import os
import ssl

import asyncpg
import psycopg
import pytest
from certified import certificate

from sluice.engines.postgres import startup
from sluice.engines.postgres.login import CheckToken, ClientLogin, Failed, Method, Proven, Send, WhoIs
from sluice.engines.postgres.scram import Verifier
from sluice.engines.postgres.speak import ready
from sluice.runtime.tls import ALPN, end_point

PASSWORD = "correct horse ﬁ"
VERIFIER = Verifier.make(PASSWORD, os.urandom(16))
WELCOME = (
    startup.authentication(0)
    + startup.parameter("server_version", "18.0")
    + startup.parameter("client_encoding", "UTF8")
    + startup.parameter("standard_conforming_strings", "on")
    + startup.key_data(7, b"four")
    + ready("I")
)
REFUSAL = 'password authentication failed for user "{}"'


class Server:
    """Logs clients in on a free port of loopback. `proven` is what the last one became, `steps` how it got there."""

    def __init__(self, context: ssl.SSLContext | None, binding: bytes | None) -> None:
        self.context, self.binding = context, binding
        self.proven: Proven | None = None
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        login = ClientLogin(os.urandom(18).hex(), b"secret", self.binding, private=True)
        try:
            while data := await reader.read(11):
                if not self.handle(login.feed(data), login, writer):
                    break
        finally:
            writer.close()

    def handle(self, steps: list, login: ClientLogin, writer: asyncio.StreamWriter) -> bool:
        for step in steps:
            match step:
                case Send(data):
                    writer.write(data)
                case WhoIs(user, _):
                    method = Method.TOKEN if user == "token" else Method.SCRAM
                    verifier = VERIFIER if user == "support" else None
                    return self.handle(login.method(method, verifier), login, writer)
                case CheckToken(_, token):
                    problem = "" if token == "a.b.c" else "the token has expired"
                    return self.handle(login.token_checked(problem), login, writer)
                case Proven():
                    self.proven = step
                    writer.write(WELCOME)
                    return True
                case Failed(data):
                    writer.write(data)
                    return False
        return True

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    cert, key = certificate(tmp_path_factory.mktemp("certificates"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(ALPN)
    return context, end_point(ssl.PEM_cert_to_DER_cert(cert.read_text()))


def libpq(server: Server, **settings: str) -> str:
    """Connects by libpq, in a thread of its own; empty, or the error."""
    with_defaults = {"host": "127.0.0.1", "port": server.port, "dbname": "shop", "connect_timeout": 10, **settings}
    try:
        psycopg.connect(**with_defaults).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def attempt(tls=(None, None), /, **settings: str) -> tuple[str, Proven | None]:
    async def run() -> tuple[str, Proven | None]:
        async with Server(*tls) as server:
            return await asyncio.to_thread(libpq, server, **settings), server.proven

    return asyncio.run(run())


def test_libpq_logs_in_by_scram():
    problem, proven = attempt(user="support", password=PASSWORD, sslmode="disable", options="-c sluice.purpose=ticket")
    assert problem == ""
    assert (proven.user, proven.database, proven.purpose) == ("support", "shop", "ticket")


@pytest.mark.parametrize("user", ["support", "nobody"])
def test_libpq_reads_the_same_for_a_wrong_password_and_a_wrong_user(user):
    problem, proven = attempt(user=user, password="wrong", sslmode="disable")
    assert problem.strip().endswith("FATAL:  " + REFUSAL.format(user))
    assert proven is None


def test_libpq_gives_a_token_as_its_password():
    assert attempt(user="token", password="a.b.c", sslmode="disable")[1].method == "token"


def test_libpq_reads_an_expired_token_as_a_wrong_password():
    problem, _ = attempt(user="token", password="x.y.z", sslmode="disable")
    assert problem.strip().endswith("FATAL:  " + REFUSAL.format("token"))


def test_libpq_refuses_to_give_a_password_in_clear_if_told_so():
    problem, _ = attempt(user="token", password="a.b.c", sslmode="disable", require_auth="scram-sha-256")
    assert "requested a cleartext password" in problem


DIRECT = {"sslmode": "require", "sslnegotiation": "direct"}


def test_libpq_binds_the_channel_inside_tls(encrypted):
    problem, proven = attempt(encrypted, user="support", password=PASSWORD, channel_binding="require", **DIRECT)
    assert problem == ""
    assert proven.method == "scram-sha-256"


def test_libpq_is_refused_when_the_certificate_is_not_the_one_it_saw(encrypted):
    problem, _ = attempt((encrypted[0], b"f" * 32), user="support", password=PASSWORD, **DIRECT)
    assert REFUSAL.format("support") in problem


def test_libpq_inside_tls_may_leave_the_channel_unbound(encrypted):
    assert attempt(encrypted, user="support", password=PASSWORD, channel_binding="disable", **DIRECT)[0] == ""


@pytest.mark.parametrize(("version", "agreed"), [("3.0", 0), ("3.2", 2), ("latest", 2)])
def test_libpq_speaks_each_version_of_the_protocol(version, agreed):
    settings = {"min_protocol_version": "3.0", "max_protocol_version": version}
    problem, proven = attempt(user="support", password=PASSWORD, sslmode="disable", **settings)
    assert problem == ""
    assert proven.version == startup.PROTOCOL_3_0 + agreed


@pytest.mark.parametrize(
    ("user", "password", "works"), [("support", PASSWORD, True), ("support", "wrong", False), ("nobody", "x", False)]
)
def test_asyncpg_logs_in_by_scram_and_is_refused_alike(user, password, works):
    async def run() -> None:
        async with Server(None, None) as server:
            connecting = asyncpg.connect(
                host="127.0.0.1", port=server.port, user=user, password=password, database="shop", ssl=False, timeout=10
            )
            if works:
                (await connecting).terminate()
                assert server.proven.user == user
            else:
                with pytest.raises(asyncpg.InvalidPasswordError, match=REFUSAL.format(user)):
                    await connecting

    asyncio.run(run())
