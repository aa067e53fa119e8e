from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sluice.edges.secrets import KINDS, CommandSecret, EnvironmentSecret, FileSecret, Secret, SecretError
from sluice.edges.secrets.secret import MAX_BYTES


def command(code: str, folder: Path) -> CommandSecret:
    return CommandSecret((sys.executable, "-c", code), folder)


def test_each_kind_reads_the_secret_without_its_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(b"canary\r\n")
    monkeypatch.setenv("SLUICE_TEST_SECRET", "canary")
    secrets: list[Secret] = [
        EnvironmentSecret("SLUICE_TEST_SECRET"),
        FileSecret(tmp_path / "secret"),
        command("print('canary')", tmp_path),
    ]
    assert [secret.read() for secret in secrets] == [b"canary"] * len(KINDS)


def test_a_secret_may_be_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\x00\xfe")
    assert FileSecret(tmp_path / "key").read() == b"\xff\x00\xfe"


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    secret = FileSecret(tmp_path / "secret")
    (tmp_path / "secret").write_text("old")
    assert secret.read() == b"old"
    (tmp_path / "secret").write_text("new")
    assert secret.read() == b"new"


def test_what_cannot_be_read_is_an_error_that_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLUICE_TEST_SECRET", raising=False)
    with pytest.raises(SecretError, match="variable `SLUICE_TEST_SECRET` is not set"):
        EnvironmentSecret("SLUICE_TEST_SECRET").read()
    with pytest.raises(SecretError, match=r"cannot be read: No such file"):
        FileSecret(tmp_path / "none").read()
    with pytest.raises(SecretError, match=r"cannot be run: No such file"):
        CommandSecret((str(tmp_path / "none"),), tmp_path).read()


def test_an_empty_or_huge_secret_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_TEST_SECRET", "")
    (tmp_path / "secret").write_text("\n")
    for secret in (EnvironmentSecret("SLUICE_TEST_SECRET"), FileSecret(tmp_path / "secret"), command("", tmp_path)):
        with pytest.raises(SecretError, match="is empty"):
            secret.read()
    (tmp_path / "secret").write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(SecretError, match="holds more than"):
        FileSecret(tmp_path / "secret").read()


def test_a_command_that_fails_shows_neither_its_output_nor_its_arguments(tmp_path: Path) -> None:
    secret = command("import sys; print('canary-out'); sys.stderr.write('canary-err'); sys.exit(3)", tmp_path)
    with pytest.raises(SecretError, match="failed with status 3") as caught:
        secret.read()
    assert "canary" not in str(caught.value) + repr(secret) + repr(caught.value.__context__)


def test_a_command_that_hangs_is_ended_and_what_it_printed_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluice.edges.secrets.command.SECONDS", 0.2)
    with pytest.raises(SecretError, match="took longer than") as caught:
        command("import time; print('canary', flush=True); time.sleep(60)", tmp_path).read()
    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)
