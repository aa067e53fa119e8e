"""The way to the database: every proof and every kind of TLS it may ask for, and what a client hears when it is not there."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psycopg
import pytest
from authority import Authority

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import EMBEDDED, PostgresServer

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "correct horse"
VARIABLE = "SLUICE_TEST_UPSTREAM_PASSWORD"
POLICIES = '@id("all") permit (principal, action, resource);'
METHODS = {"by_trust": "trust", "by_scram": "scram-sha-256", "by_md5": "md5", "by_password": "password"}
HBA = (
    "local all all trust",
    "host all postgres 127.0.0.1/32 trust",
    *(f"host all {name} 127.0.0.1/32 {method}" for name, method in METHODS.items()),
)
BY_CERTIFICATE = "hostssl all by_cert 127.0.0.1/32 cert"
ENV, FILE, COMMAND = f"${{{VARIABLE}}}", "{file: upstream.password}", "{command: [cat, upstream.password]}"


@dataclass(frozen=True)
class Way:
    """A database that proves and encrypts in every way, and a gateway whose one source is configured anew by each test."""

    gateway: RunningGateway
    server: PostgresServer

    def configure(self, user: str, **more: str) -> None:
        """Puts a source with these settings in force."""
        settings = {"host": "127.0.0.1", "port": str(self.server.port), "connect_timeout": "10", **more}
        given = ", ".join(f"{name}: {value}" for name, value in settings.items())
        before = len(self.reloads())
        self.gateway.configure(_config(f"environment: test, user: {user}, {given}"))
        self.gateway.until(lambda: len(self.reloads()) > before, "the configuration to be in force")

    def reloads(self) -> list[dict[str, str]]:
        return [event for event in self.gateway.events() if event["event"] == "config-reloaded"]

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.gateway.dsn("ada", "sesame", "postgres"), autocommit=True)

    def works(self, role: str) -> bool:
        """Whether the session is the role's; what it says is whether its connection is encrypted."""
        with self.connect() as connection:
            asked = "select current_user::text, ssl from pg_stat_ssl where pid = pg_backend_pid()"
            found = connection.execute(asked).fetchone()
        assert found is not None
        assert found[0] == role
        return bool(found[1])

    def fails(self) -> tuple[str, str]:
        """(the error that a client gets, the reason in the log). Its SQLSTATE has to be one of a connection that failed."""
        before = len(self._failures())
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError)) as caught:
            asyncio.run(self._connect())
        self.gateway.until(lambda: len(self._failures()) > before, "the event")
        return str(caught.value), self._failures()[-1]["reason"]

    async def _connect(self) -> None:
        where = {"host": "127.0.0.1", "port": self.gateway.port, "database": "postgres", "ssl": False}
        await (await asyncpg.connect(user="ada", password="sesame", **where)).close()

    def descriptors(self) -> int:
        """How many the gateway has open."""
        return len(list(Path(f"/proc/{self.gateway.pid}/fd").iterdir()))

    def _failures(self) -> list[dict[str, str]]:
        return [event for event in self.gateway.events() if event["event"] == "authentication-failed"]


def _config(source: str) -> str:
    return (
        f"sources:\n  postgres: {{{source}}}\n"
        f'users:\n  ada: {{groups: [a], scram: "{verifier("sesame")}"}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    """In a folder that the server's own user can reach, whoever runs the tests."""
    with tempfile.TemporaryDirectory(prefix="sluice-authority-") as folder:
        Path(folder).chmod(0o755)
        yield Authority(Path(folder))


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("way")
    settings, hba = {}, HBA
    if SYSTEM:
        cert, key = authority.issue("server", host="db.example.com")
        if os.geteuid() == 0:
            os.chown(key, pwd.getpwnam("nobody").pw_uid, -1)
        settings = {"ssl": "on", "ssl_cert_file": str(cert), "ssl_key_file": str(key), "ssl_ca_file": str(authority.ca)}
        hba = (*HBA, BY_CERTIFICATE)
    with PostgresServer(binaries=SYSTEM[-1] if SYSTEM else EMBEDDED, settings=settings, hba=hba) as server:
        server.psql("".join(f"create role {name} login password '{PASSWORD}';" for name in ("by_scram", "by_password")))
        server.psql(
            f"create role by_trust login; create role by_cert login; set password_encryption = md5;"
            f"create role by_md5 login password '{PASSWORD}'"
        )
        os.environ[VARIABLE] = PASSWORD
        files = {"policies/all.cedar": POLICIES, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
        source = f"host: 127.0.0.1, port: {server.port}, environment: test, user: by_trust"
        running = RunningGateway(folder, _config(source), files=files)
        running.write("upstream.password", PASSWORD + "\n").chmod(0o600)
        running.write("wrong.password", "wrong").chmod(0o600)
        with running:
            yield Way(running, server)
        del os.environ[VARIABLE]


encrypted = pytest.mark.skipif(not SYSTEM, reason="no PostgreSQL of the system's own, and the wheel's has no TLS")


@pytest.mark.parametrize(
    ("role", "password"),
    [("by_trust", ""), ("by_scram", ENV), ("by_md5", FILE), ("by_password", COMMAND), ("by_scram", COMMAND)],
)
def test_the_gateway_proves_itself_by_whatever_the_database_asks_for(way, role, password):
    way.configure(role, **({"password": f"'{password}'" if password == ENV else password} if password else {}))
    assert not way.works(role)


@encrypted
def test_a_certificate_that_is_verified_in_full_is_good(way, authority):
    way.configure("by_scram", password=FILE, tls=f"{{mode: verify-full, ca: {authority.ca}}}")
    assert way.works("by_scram")


@encrypted
def test_a_certificate_for_another_name_is_not_enough_for_verify_full_and_is_for_verify_ca(way, authority):
    way.configure("by_scram", host="localhost", password=FILE, tls=f"{{mode: verify-full, ca: {authority.ca}}}")
    said, reason = way.fails()
    assert "is not available: it cannot be reached" in said
    assert "ostname mismatch" in reason
    way.configure("by_scram", host="localhost", password=FILE, tls=f"{{mode: verify-ca, ca: {authority.ca}}}")
    assert way.works("by_scram")


@encrypted
def test_a_certificate_that_nobody_we_trust_has_issued_is_refused(way, tmp_path):
    way.configure("by_scram", password=FILE, tls=f"{{mode: verify-full, ca: {Authority(tmp_path, 'stranger').ca}}}")
    said, reason = way.fails()
    assert "is not available: it cannot be reached" in said
    assert "certificate verify failed" in reason
    way.configure("by_scram", password=FILE, tls="{mode: verify-full}")
    assert "certificate verify failed" in way.fails()[1]
    way.configure("by_scram", password=FILE, tls="{mode: require}")
    assert way.works("by_scram")


@encrypted
def test_the_gateway_proves_itself_by_a_certificate(way, authority):
    cert, key = authority.issue("by_cert")
    way.configure("by_cert", tls=f"{{mode: verify-full, ca: {authority.ca}, cert: {cert}, key: {key}}}")
    assert way.works("by_cert")
    way.configure("by_cert", tls=f"{{mode: verify-full, ca: {authority.ca}}}")
    said, reason = way.fails()
    assert "refused the gateway's login" in said
    assert "certificate" in reason


@pytest.mark.parametrize(
    ("more", "said", "reason"),
    [
        ({"password": "{file: wrong.password}"}, "refused the gateway's login", "password authentication failed"),
        ({}, "refused the gateway's login", "asks for a password and none is configured"),
        ({"password": "{file: nowhere.password}"}, "it cannot be reached", "nowhere.password"),
        ({"password": "{command: ['false']}"}, "it cannot be reached", "failed with status 1"),
        ({"password": "{command: [no-such-program]}"}, "it cannot be reached", "cannot be run"),
        ({"database": "nowhere", "password": FILE}, 'database "nowhere" does not exist', "does not exist"),
    ],
    ids=["wrong", "none", "no file", "command fails", "no command", "no database"],
)
def test_what_the_gateway_cannot_prove_is_said_clearly_and_the_secret_nowhere(way, more, said, reason):
    way.configure("by_scram", **more)
    heard, noted = way.fails()
    assert said in heard
    assert reason in noted
    assert PASSWORD not in heard + noted + way.gateway.said.read_text()


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """The port of something that answers whatever it hears first by these bytes, and hangs up."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "tls", "reason"),
    [
        (b"N", "{mode: require}", "does not offer TLS"),
        (b"E", "{mode: require}", "did not answer the TLS request"),
        # What is said before TLS is not taken as said inside it.
        (b"SR\0\0\0\x08\0\0\0\0", "{mode: require}", "did not answer the TLS request"),
        (b"", "{mode: disable}", "closed during login"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "{mode: disable}", "does not speak PostgreSQL's protocol"),
    ],
    ids=["no TLS", "an error", "more than an answer", "nothing", "another protocol"],
)
def test_what_is_no_database_is_left_with_a_clear_error(way, answer, tls, reason):
    with _answering(answer) as port:
        way.configure("by_trust", port=str(port), tls=tls)
        said, noted = way.fails()
        assert "the database of source `postgres` is not available" in said
        assert reason in noted


def test_a_database_that_does_not_answer_is_left_in_time_and_costs_no_descriptor(way):
    way.configure("by_trust")
    way.works("by_trust")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for tls in ("disable", "require"):
            way.configure("by_trust", port=str(mute.getsockname()[1]), connect_timeout="0.2", tls=f"{{mode: {tls}}}")
            before = way.descriptors()
            for _ in range(8):
                said, reason = way.fails()
                assert "it did not answer in time" in said
                assert reason == "connect time-out"
            # The gateway looks for the catalog meanwhile, by a connection or two of its own.
            assert way.descriptors() < before + 8


def test_a_database_that_goes_down_is_said_to_be_and_comes_back_by_itself(way):
    way.configure("by_trust")
    asking, idle = way.connect(), way.connect()
    asking.pgconn.send_query(b"select pg_sleep(60)")
    way.gateway.until(lambda: _asleep(way), "the statement to run")
    way.server.crash()
    # The server says why as long as it can; what it cannot say, the gateway does.
    assert _ended(asking) in (b"57P01", b"57P02", b"08006")
    with pytest.raises(psycopg.OperationalError):
        idle.execute("select 1")
    asking.close()
    said, reason = way.fails()
    assert "is not available: it cannot be reached" in said
    assert "onnect" in reason
    assert way.gateway.fetch("/healthz")[0] == 200
    way.server.resume()
    way.gateway.until(lambda: _works(way), "the database to be used again")
    way.gateway.event(lambda event: event.get("outcome") in ("lost", "failed"), "the end of the statement")


def _asleep(way: Way) -> bool:
    return way.server.psql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'").strip() == "1"


def _ended(connection: psycopg.Connection) -> bytes | None:
    """The code of what ends a connection."""
    code = None
    while (result := connection.pgconn.get_result()) is not None:
        code = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or code
    assert connection.pgconn.status == psycopg.pq.ConnStatus.BAD
    return code


def _works(way: Way) -> bool:
    try:
        return not way.works("by_trust")
    except psycopg.OperationalError:
        return False
