"""The door of a running gateway: encryption, proofs, versions, and what comes of those who misbehave there."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from authority import Authority
from issuing import EC, ISSUER, claims, key_set, signed

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSS_REQUEST = struct.pack("!ii", 8, 80877104)
POLICIES = '@id("all") permit (principal, action, resource);'
LOGIN_SECONDS = 2
GUESSES = 4
CLIENTS = 30


@dataclass(frozen=True)
class Door:
    gateway: RunningGateway
    authority: Authority
    config: str

    def dsn(self, user: str, password: str = PASSWORD, **more: str) -> str:
        trust = {"sslmode": "verify-full", "sslrootcert": str(self.authority.ca)}
        return self.gateway.dsn(user, password, "door", **{**trust, **more})

    def raw(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=20)
        opened.settimeout(20)
        return opened

    def encrypted(self) -> ssl.SSLSocket:
        """A TLS connection begun by SSLRequest, nothing said inside it yet."""
        raw = self.raw()
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"S"
        return ssl.create_default_context(cafile=str(self.authority.ca)).wrap_socket(raw, server_hostname="127.0.0.1")

    def token(self, subject: str, ends: float) -> str:
        return signed(claims(sub=subject, iat=int(ends) - 600, exp=int(ends)))


@pytest.fixture(scope="module")
def door(postgres: PostgresServer, tmp_path_factory) -> Iterator[Door]:
    postgres.psql("create role door_gateway login")
    postgres.psql("create database door")
    folder = tmp_path_factory.mktemp("door")
    authority = Authority(folder)
    cert, key = authority.issue("gateway")
    (folder / "issuer.json").write_bytes(key_set(EC))
    users = "".join(f'  {name}: {{scram: "{verifier(PASSWORD)}"}}\n' for name in ("ann", "ben", "guessed"))
    config = (
        f"sources:\n  door: {{host: 127.0.0.1, port: {postgres.port}, environment: test, user: door_gateway}}\n"
        f"users:\n{users}  machine: {{kind: service, certificates: [machine]}}\n  jo: {{}}\n"
        f"tokens: [{{issuer: '{ISSUER}', audience: sluice, jwks: issuer.json, algorithms: [ES256]}}]\n"
        f"limits: {{login_seconds: {LOGIN_SECONDS}, connections: {CLIENTS}, auth_failures_per_minute_per_user: {GUESSES}}}\n"
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    listener = f"tls: {{cert: {cert}, key: {key}, client_ca: {authority.ca}}}"
    files = {"policies/p.cedar": POLICIES, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
    with RunningGateway(folder, config, files=files, listener=listener) as running:
        yield Door(running, authority, config)
    postgres.psql("drop database door with (force)")


def _startup(version: int = 3 << 16, **parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, version) + body


def _all(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _message(connection: socket.socket) -> tuple[str, bytes]:
    head = _all(connection, 5)
    return chr(head[0]), _all(connection, int.from_bytes(head[1:], "big") - 4)


def _fields(body: bytes) -> dict[str, str]:
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def _why(dsn: str) -> str:
    """Why a login fails."""
    with pytest.raises(psycopg.OperationalError) as failed:
        psycopg.connect(dsn)
    return str(failed.value).split("FATAL:")[-1].strip()


def _works(door: Door) -> None:
    with psycopg.connect(door.dsn("ben")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"channel_binding": "require"},
        {"sslnegotiation": "direct", "sslmode": "require"},
        {"max_protocol_version": "3.2"},
    ],
    ids=["asked for", "bound to the channel", "begun directly", "protocol 3.2"],
)
def test_a_client_logs_in_inside_tls(door, more):
    with psycopg.connect(door.dsn("ann", **more)) as connection:
        assert connection.execute("select current_setting('sluice.identity')").fetchone() == ("user:ann",)
        assert connection.pgconn.ssl_in_use
    door.gateway.event(lambda e: e["event"] == "connected" and e["client"]["tls"] and e["identity"]["name"] == "ann")


def test_a_client_in_clear_is_turned_away_with_a_hint(door):
    assert "takes only encrypted connections" in _why(door.dsn("ann", sslmode="disable", sslrootcert=""))
    door.gateway.event(lambda e: e["event"] == "authentication-failed" and e["reason"] == "no TLS")


def test_encryption_by_gssapi_is_declined_and_tls_may_follow(door):
    with door.raw() as connection:
        connection.sendall(GSS_REQUEST)
        assert connection.recv(1) == b"N"
        connection.sendall(SSL_REQUEST)
        assert connection.recv(1) == b"S"


def test_what_was_said_before_tls_is_not_taken_as_said_inside_it(door):
    with door.raw() as connection:
        connection.sendall(SSL_REQUEST + _startup(user="ann", database="door"))
        assert connection.recv(1) == b"S"
        # The start-up packet is read as a TLS handshake, which it is not: no start-up is answered.
        assert not connection.recv(64).startswith(b"R")
    door.gateway.event(lambda e: e["event"] == "protocol-broken" and "broke" in e["reason"])
    _works(door)


def test_tls_begun_directly_must_name_the_protocol(door):
    context = ssl.create_default_context(cafile=str(door.authority.ca))
    with pytest.raises((OSError, EOFError)), context.wrap_socket(door.raw(), server_hostname="127.0.0.1") as connection:
        connection.sendall(_startup(user="ann", database="door"))
        _all(connection, 1)
    door.gateway.event(lambda e: e["event"] == "protocol-broken" and "ALPN" in e["reason"])
    _works(door)


def test_a_client_certificate_is_a_proof_of_its_own(door, tmp_path):
    cert, key = door.authority.issue("machine")
    with psycopg.connect(door.dsn("machine", "", sslcert=str(cert), sslkey=str(key))) as connection:
        assert connection.execute("select current_setting('sluice.identity')").fetchone() == ("service:machine",)
    other, its_key = door.authority.issue("somebody")
    assert "password authentication failed" in _why(
        door.dsn("machine", "guess", sslcert=str(other), sslkey=str(its_key))
    )
    forged, forged_key = Authority(tmp_path, "forger").issue("machine")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(door.dsn("machine", "", sslcert=str(forged), sslkey=str(forged_key)))
    _works(door)


def test_all_failed_proofs_read_alike_and_each_is_an_event(door):
    now = time.time()
    with psycopg.connect(door.dsn("token", door.token("jo", now + 600))) as connection:
        assert connection.execute("select current_setting('sluice.identity')").fetchone() == ("user:jo",)
    failures = {
        "ann": (PASSWORD + "!", "wrong password"),
        "nobody": (PASSWORD, "unknown user"),
        "jo": (door.token("jo", now - 600), "expired"),
    }
    for user, (password, _) in failures.items():
        assert _why(door.dsn(user, password)) == f'password authentication failed for user "{user}"'
        failed = door.gateway.event(lambda e, user=user: e["event"] == "authentication-failed" and e["user"] == user)
        assert password not in str(failed)


def test_who_failed_too_often_waits_and_others_do_not(door):
    for _ in range(GUESSES):
        assert "password authentication failed" in _why(door.dsn("guessed", "a guess"))
    assert "too many failed logins" in _why(door.dsn("guessed"))
    door.gateway.event(lambda e: e["event"] == "authentication-failed" and e["reason"] == "rate limit")
    _works(door)


@pytest.mark.parametrize(
    ("version", "parameters", "minor", "unknown"),
    [
        (3 << 16 | 9, {}, 2, []),
        (3 << 16 | 1, {}, 0, []),
        (3 << 16 | 2, {"_pq_.wish": "1"}, 2, ["_pq_.wish"]),
        (3 << 16, {"_pq_.a": "", "_pq_.b": "x"}, 0, ["_pq_.a", "_pq_.b"]),
    ],
)
def test_versions_and_options_that_are_not_known_are_negotiated(door, version, parameters, minor, unknown):
    with door.encrypted() as connection:
        connection.sendall(_startup(version, user="ann", database="door", **parameters))
        kind, body = _message(connection)
        assert kind == "v"
        newest, count = struct.unpack_from("!ii", body)
        # The field is the whole version number since protocol 3.2, and was its minor part before.
        assert (newest & 0xFFFF, count) == (minor, len(unknown))
        assert [name.decode() for name in body[8:].split(b"\0")[:-1]] == unknown
        assert _message(connection)[0] == "R"


def test_another_major_version_is_refused_by_name(door):
    with door.encrypted() as connection:
        connection.sendall(_startup(2 << 16, user="ann"))
        kind, body = _message(connection)
        assert (kind, _fields(body)["C"]) == ("E", "0A000")


@pytest.mark.parametrize(
    "said",
    [
        struct.pack("!ii", 7, 3 << 16),
        struct.pack("!ii", 1 << 30, 3 << 16),
        _startup(user="ann")[:-1] + b"x",
        b"GET / HTTP/1.1\r\nhost: example.com\r\n\r\n",
    ],
    ids=["too short", "too long", "without its end", "another protocol"],
)
def test_what_is_no_start_up_is_answered_with_a_protocol_error_and_is_an_event(door, said):
    with door.encrypted() as connection:
        connection.sendall(said)
        kind, body = _message(connection)
        assert (kind, _fields(body)["C"]) in (("E", "08P01"), ("E", "0A000"))
    door.gateway.event(
        lambda e: e["event"] in ("protocol-broken", "authentication-failed") and "start-up" in e["reason"]
    )
    _works(door)


def _ended(connection: socket.socket) -> list[str]:
    """The codes of the errors that are said until the end."""
    codes: list[str] = []
    try:
        while True:
            kind, body = _message(connection)
            codes += [_fields(body)["C"]] if kind == "E" else []
    except (EOFError, ConnectionError):
        return codes


def _late(door: Door) -> int:
    return len([e for e in door.gateway.events() if e["event"] == "protocol-broken" and "in time" in e["reason"]])


def test_a_login_that_takes_its_time_ends_at_the_limit_with_a_word_and_an_event(door):
    before = _late(door)
    silent, halting, shaking, waiting = door.raw(), door.raw(), door.raw(), door.encrypted()
    with silent, halting, shaking, waiting:
        halting.sendall(SSL_REQUEST[:5])
        shaking.sendall(SSL_REQUEST + b"\x16\x03\x01")
        waiting.sendall(_startup(user="ann", database="door"))
        assert _ended(silent) == ["57014"]
        assert _ended(halting) in (["57014"], [])
        assert shaking.recv(1) == b"S"
        assert _ended(shaking) == []
        assert _ended(waiting) == ["57014"]
    door.gateway.until(lambda: _late(door) == before + 4, "four events")


def test_a_flood_of_connections_that_say_nothing_passes(door):
    flood = [door.raw() for _ in range(CLIENTS + 10)]
    try:
        # Those beyond the limit are turned away at once, the rest when their time is up.
        ends = [_ended(connection) for connection in flood]
    finally:
        for connection in flood:
            connection.close()
    assert (ends.count(["53300"]), ends.count(["57014"])) == (10, CLIENTS)
    _works(door)


def test_a_long_key_of_protocol_3_2_cancels_its_own_session_alone(door):
    with (
        psycopg.connect(door.dsn("ann", max_protocol_version="3.2"), autocommit=True) as one,
        psycopg.connect(door.dsn("ben", max_protocol_version="3.0"), autocommit=True) as two,
    ):
        for connection in (one, two):
            connection.pgconn.send_query(b"select pg_sleep(20)")
        one.cancel_safe(timeout=10)
        _drain(one)
        assert one.execute("select 1").fetchone() == (1,)
        assert two.pgconn.is_busy()
        two.cancel_safe(timeout=10)
        _drain(two)


def _drain(connection: psycopg.Connection) -> None:
    """Reads the answer to a statement that is to have been cancelled."""
    result = connection.pgconn.get_result()
    assert result is not None
    assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"57014"
    assert connection.pgconn.get_result() is None


def test_a_wrong_cancel_key_does_nothing(door):
    with psycopg.connect(door.dsn("ann"), autocommit=True) as one:
        one.pgconn.send_query(b"select pg_sleep(0.5), 'undisturbed'")
        for secret in (b"\0\0\0\0", b"\0" * 32):
            with door.raw() as other:
                pid = one.info.backend_pid & 0x7FFFFFFF
                other.sendall(struct.pack("!iii", 12 + len(secret), 80877102, pid) + secret)
                assert other.recv(1) == b""
        result = one.pgconn.get_result()
        assert result is not None
        assert result.get_value(0, 1) == b"undisturbed"
        assert one.pgconn.get_result() is None


def test_the_databases_own_log_can_name_the_caller(door):
    with psycopg.connect(door.dsn("ann", application_name="report")) as connection:
        said = connection.execute(
            "select application_name from pg_stat_activity where pid = pg_backend_pid()"
        ).fetchone()
    assert said == ("report (sluice:user:ann)",)


def test_a_proof_is_good_for_a_while_and_then_its_sessions_end(door):
    door.gateway.configure(door.config.replace("limits: {", "limits: {session_seconds: 2, "))
    door.gateway.event(lambda one: one["event"] == "config-reloaded")
    said: list[str] = []
    try:
        with psycopg.connect(door.dsn("ann"), autocommit=True) as connection:
            connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
            with pytest.raises(psycopg.OperationalError):
                for _ in connection.notifies(timeout=20):
                    pass
    finally:
        door.gateway.configure(door.config)
    assert said == ["the identity of this connection has expired"]
