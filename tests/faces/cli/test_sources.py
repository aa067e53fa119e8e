from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sluice.testing.postgres import PostgresServer

from .conftest import Run

DEBIAN = Path("/usr/lib/postgresql/15/bin")


def test_a_source_that_answers_is_shown_with_its_version(configured: Path, run: Run) -> None:
    done = run("sources", "--json")
    assert done.exit_code == 0
    (found,) = json.loads(done.stdout)
    assert found["reachable"] is True
    assert found["version"].startswith("18.")
    assert (found["role"], found["environment"], found["tls"]) == ("gateway", "production", False)
    assert "18." in run("sources").output


def test_one_that_does_not_answer_ends_with_status_3_after_all_are_tried(configured: Path, run: Run) -> None:
    text = configured.read_text()
    entry = "  gone: {host: 127.0.0.1, port: 1, environment: staging, user: x}\n"
    configured.write_text(text.replace("sources:\n", f"sources:\n{entry}"))
    done = run("sources", "--json")
    assert done.exit_code == 3
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert (found["gone"]["reachable"], found["shop"]["reachable"]) == (False, True)
    assert "cannot be reached" in found["gone"]["error"]


def test_a_password_that_is_not_there_is_an_error_of_that_source(
    configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write_text(configured.read_text().replace("# password: $", "password: $"))
    monkeypatch.delenv("SHOP_PASSWORD")
    done = run("sources")
    assert done.exit_code == 3
    assert "the environment variable `SHOP_PASSWORD` is not set" in done.output


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server with TLS, which the embedded one is built without."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "ca.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    with PostgresServer(binaries=DEBIAN) as server:
        (server.data / "server.crt").write_bytes((tmp_path / "ca.crt").read_bytes())
        (server.data / "server.key").write_bytes(pem)
        owner = server.data.stat()
        for file in ("server.crt", "server.key"):
            os.chown(server.data / file, owner.st_uid, owner.st_gid)
            (server.data / file).chmod(0o600)
        server.psql("create role gateway login")
        server.psql("alter system set ssl = on")
        server.psql("select pg_reload_conf()")
        yield server


@pytest.mark.skipif(not DEBIAN.exists(), reason="needs a PostgreSQL that is built with TLS")
def test_a_server_has_to_prove_who_it_is_where_that_is_asked_for(
    run: Run, tmp_path: Path, encrypted: PostgresServer
) -> None:
    def tried(tls: str) -> tuple[int, dict[str, object]]:
        entry = f"{{host: 127.0.0.1, port: {encrypted.port}, database: postgres, user: gateway, "
        entry += f"environment: test, tls: {tls}}}"
        text = f"sources: {{shop: {entry}}}\nmasking: {{key: {{file: k}}}}\n"
        (tmp_path / "sluice.yaml").write_text(text)
        done = run("sources", "--json")
        return done.exit_code, json.loads(done.stdout)[0]

    status, found = tried("{mode: verify-full, ca: ca.crt}")
    assert (status, found["tls"]) == (0, True), found
    assert tried("{mode: disable}")[1]["tls"] is False
    status, found = tried("{mode: verify-full}")
    assert status == 3
    assert "certificate verify failed" in str(found["error"])
