from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import Run


def findings(run: Run) -> list[tuple[str, str, str]]:
    done = run("doctor", "--json")
    assert done.exit_code in (0, 1), done.output
    found = json.loads(done.stdout)
    assert found["ok"] == (done.exit_code == 0)
    return [(each["mark"], each["about"], each["text"]) for each in found["findings"]]


def marks(run: Run, about: str, text: str = "") -> list[str]:
    return [mark for mark, whom, what in findings(run) if about in whom and text in what]


def as_role(config: Path, role: str) -> None:
    config.write_text(config.read_text().replace("user: gateway", f"user: {role}"))


def certificate(folder: Path, days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "server.key").chmod(0o600)


def test_a_sound_set_up_passes_and_names_the_roles_that_could_go_around(configured: Path, run: Run) -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "the role `gateway` has no special power" in done.output
    assert "may log in to it around the gateway: `boss`, `peeker`, `postgres`, `reporting`" in done.output
    assert "its clock agrees" in done.output


def test_every_special_power_of_the_upstream_role_is_named(configured: Path, run: Run) -> None:
    as_role(configured, "boss")
    assert marks(run, "source shop", "alter it to") == ["fail", "fail", "warn", "warn", "warn"]


def test_a_role_that_reads_everything_by_membership_is_named(configured: Path, run: Run) -> None:
    as_role(configured, "peeker")
    assert marks(run, "source shop", "`pg_read_all_data`") == ["warn"]


def test_a_database_that_does_not_answer_fails(configured: Path, run: Run) -> None:
    configured.write_text(configured.read_text().replace("port: ", "port: 1 # ", 3))
    text = configured.read_text().replace("port: 1 # 7432", "port: 7432").replace("port: 1 # 7433", "port: 7433")
    configured.write_text(text)
    assert marks(run, "source shop", "cannot be reached") == ["fail"]


@pytest.mark.parametrize("key", ["short", "a" * 64, "00" * 32, "0123456789abcdef" * 1])
def test_a_masking_key_that_could_be_guessed_fails(configured: Path, run: Run, key: str) -> None:
    (configured.parent / "masking.key").write_text(key)
    assert marks(run, "masking key") == ["fail"]


def test_files_that_others_can_read_or_change_fail(configured: Path, run: Run) -> None:
    assert marks(run, "file permissions") == ["ok"]
    (configured.parent / "masking.key").chmod(0o644)
    (configured.parent / "users.yaml").chmod(0o640)
    (configured.parent / "labels.yaml").chmod(0o666)
    (configured.parent / "policies" / "dba.cedar").chmod(0o664)
    (configured.parent / "audit").mkdir(mode=0o755)
    assert marks(run, "masking.key") == marks(run, "users_file") == marks(run, "audit.path") == ["fail"]
    assert marks(run, "labels", "change") == marks(run, "policies", "change") == ["fail"]


def test_every_fail_open_setting_is_listed(configured: Path, run: Run) -> None:
    assert marks(run, "fail-open") == ["ok"]
    text = configured.read_text().replace("  address: 127.0.0.1\n  port: 7433", "  address: 0.0.0.0\n  port: 7433")
    configured.write_text(text.replace("# durability: synced", "durability: buffered #"))
    assert marks(run, "fail-open setting") == ["warn", "warn"]


@pytest.mark.parametrize(("days", "mark"), [(400, "ok"), (10, "warn"), (-1, "fail")])
def test_a_certificate_that_runs_out_is_named_in_time(configured: Path, run: Run, days: int, mark: str) -> None:
    certificate(configured.parent, days)
    tls = "    port: 7432\n    tls: {cert: server.crt, key: server.key}\n"
    configured.write_text(configured.read_text().replace("    port: 7432\n", tls, 1))
    assert marks(run, "listener 0") == [mark]
    certificate(configured.parent / "policies", days)
    (configured.parent / "policies" / "server.key").rename(configured.parent / "server.key")
    assert marks(run, "listener 0", "cannot be used") == ["fail"]


def test_what_check_would_find_is_found_here_too(configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (configured.parent / "policies" / "own.cedar").write_text("permit (principal, action, resource);")
    (configured.parent / "masking.key").unlink()
    assert marks(run, "configuration", "own.cedar") == ["fail"]
    assert marks(run, "configuration", "masking.key") == ["fail"]


def test_an_agent_that_may_state_any_purpose_is_named(configured: Path, run: Run) -> None:
    run("users", "add", "bot", "--kind", "agent", "--no-password")
    assert marks(run, "user bot") == ["warn"]
