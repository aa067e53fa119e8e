"""Sluice's login against a real server, by every method it knows."""

from __future__ import annotations

import os
import pwd
import socket
import ssl
from pathlib import Path

import pytest
from certified import certificate

from sluice.engines.postgres.scram import Verifier
from sluice.engines.postgres.upstream_login import LoggedIn, LoginRefused, UpstreamLogin, tls_answer, tls_request
from sluice.runtime.tls import end_point
from sluice.testing.postgres import PostgresServer

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "correct horse ﬁ"
HBA = (
    "local all all trust",
    "host all trusted 127.0.0.1/32 trust",
    "host all by_scram 127.0.0.1/32 scram-sha-256",
    "host all made_here 127.0.0.1/32 scram-sha-256",
    "host all by_md5 127.0.0.1/32 md5",
    "host all by_password 127.0.0.1/32 password",
    "host all refused 127.0.0.1/32 reject",
)


ROLES = (
    "create role trusted login; create role refused login;"
    f"create role by_scram login password '{PASSWORD}';"
    f"create role by_password login password '{PASSWORD}';"
    f"create role made_here login password '{Verifier.make(PASSWORD, os.urandom(16))}';"
    "set password_encryption = md5;"
    f"create role by_md5 login password '{PASSWORD}';"
)


@pytest.fixture(scope="module")
def server():
    with PostgresServer(hba=HBA) as started:
        started.psql(ROLES)
        yield started


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A server with TLS: the system's own, since that of the wheel is built without."""
    if not SYSTEM:
        pytest.skip("no PostgreSQL of the system's own, and the wheel's has no TLS")
    folder = tmp_path_factory.mktemp("certificates")
    cert, key = certificate(folder)
    if os.geteuid() == 0:
        os.chown(key, pwd.getpwnam("nobody").pw_uid, -1)
        for parent in (*folder.parents, folder):
            parent.chmod(parent.stat().st_mode | 0o001)
    tls = {"ssl": "on", "ssl_cert_file": str(cert), "ssl_key_file": str(key)}
    with PostgresServer(binaries=SYSTEM[-1], settings=tls, hba=HBA) as started:
        started.psql(ROLES)
        yield started


def log_in(
    server, user, password=PASSWORD, tls=False, private=True, binding=None, **settings
) -> LoggedIn | LoginRefused:
    with socket.create_connection((server.host, server.port), timeout=10) as plain:
        connection = plain
        if tls:
            plain.sendall(tls_request())
            assert tls_answer(plain.recv(1)) == "encrypted"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(plain)
            binding = binding or end_point(connection.getpeercert(binary_form=True))
        login = UpstreamLogin(user, "postgres", settings, password, os.urandom(18).hex(), binding, private)
        connection.sendall(login.start())
        while True:
            answer, outcome = login.feed(connection.recv(7))
            if answer:
                connection.sendall(answer)
            if outcome is not None:
                return outcome


METHODS = pytest.mark.parametrize("user", ["trusted", "by_scram", "by_md5", "by_password", "made_here"])


def leads_in(outcome: LoggedIn | LoginRefused, user: str) -> None:
    assert isinstance(outcome, LoggedIn), outcome
    assert outcome.values["session_authorization"] == user
    assert (outcome.status, outcome.leftover) == ("I", b"")
    assert outcome.process_id > 0


@METHODS
def test_every_method_leads_in(server, user):
    leads_in(log_in(server, user), user)


@METHODS
def test_every_method_leads_in_inside_tls(encrypted, user):
    leads_in(log_in(encrypted, user, tls=True, private=True), user)


@pytest.mark.parametrize("user", ["by_scram", "made_here"])
def test_a_binding_to_another_certificate_is_refused_by_the_database(encrypted, user):
    outcome = log_in(encrypted, user, tls=True, binding=b"f" * 32)
    assert outcome.fields["M"] == "SCRAM channel binding check failed"


@pytest.mark.parametrize("user", ["by_scram", "by_md5", "by_password"])
def test_a_wrong_password_is_refused_by_the_database_with_its_code(server, user):
    outcome = log_in(server, user, "wrong")
    assert isinstance(outcome, LoginRefused)
    assert outcome.fields["C"] == "28P01"


def test_a_password_is_not_given_in_clear_over_a_network(server):
    outcome = log_in(server, "by_password", private=False)
    assert outcome == LoginRefused("the database asks for the password in clear over an unencrypted network")


def test_a_host_that_may_not_connect_is_told_so(server):
    assert log_in(server, "refused").fields["C"] == "28000"


def test_settings_are_in_force_in_the_session(server):
    outcome = log_in(server, "trusted", application_name="sluice: support", DateStyle="German")
    assert outcome.values["application_name"] == "sluice: support"
    assert outcome.values["DateStyle"] == "German, DMY"


def test_a_setting_that_does_not_exist_is_refused_by_the_database(server):
    assert log_in(server, "trusted", no_such_setting="1").fields["C"] == "42704"
