from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from sluice.edges.config import load
from sluice.edges.config.load import load_users
from sluice.testing.postgres import PostgresServer

from .conftest import Run


@pytest.fixture
def config(run: Run, tmp_path: Path) -> Path:
    run("init")
    return tmp_path / "sluice.yaml"


def test_a_user_is_added_with_a_verifier_and_the_password_is_nowhere(run: Run, config: Path) -> None:
    done = run(
        "users", "add", "alice", "--group", "support", "--purpose", "ticket", "--password-stdin", stdin="canary\n"
    )
    assert done.exit_code == 0, done.output
    user = load(config).users["alice"]
    assert (user.groups, user.purposes, user.kind) == (("support",), ("ticket",), "user")
    assert user.scram is not None
    files = "".join(path.read_text() for path in config.parent.rglob("*") if path.is_file())
    assert "canary" not in files + done.output + repr(user)
    assert user.scram.text not in repr(user)


def test_the_verifier_is_one_that_postgresql_itself_takes(run: Run, config: Path, tmp_path: Path) -> None:
    run("users", "add", "alice", "--password-stdin", stdin="pÄss wörd\n")
    scram = load(config).users["alice"].scram
    assert scram is not None
    with PostgresServer(hba=("local all all trust", "host all all 127.0.0.1/32 scram-sha-256")) as server:
        server.psql(f"create role alice login password '{scram.text}'")
        assert server.psql("select rolpassword from pg_authid where rolname = 'alice'").strip() == scram.text
        dsn = server.dsn(user="alice")
        with psycopg.connect(dsn, password="pÄss wörd") as connection:
            assert connection.execute("select current_user").fetchone() == ("alice",)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(dsn, password="other")


def test_comments_order_and_hand_written_entries_survive_an_edit(run: Run, config: Path) -> None:
    path = config.parent / "users.yaml"
    before = (
        "# top\nusers:\n    # about bob\n    bob:   # the builder\n        groups: [a,\n          b]\n    ann: {}\n\n"
        "    # about eve\n    eve:\n        kind: service\n# bottom\n"
    )
    path.write_text(before)
    path.chmod(0o640)
    assert run("users", "add", "zoe", "--no-password", "--kind", "agent").exit_code == 0
    assert path.read_text() == before.replace("# bottom", "    zoe:\n      kind: agent\n# bottom")
    assert path.stat().st_mode & 0o777 == 0o640
    assert run("users", "remove", "zoe").exit_code == 0
    assert path.read_text() == before
    assert run("users", "remove", "bob").exit_code == 0
    assert "bob:" not in path.read_text()
    assert "# top" in path.read_text()
    assert "# about eve" in path.read_text()
    for name in ("ann", "eve"):
        assert run("users", "remove", name).exit_code == 0
    assert load_users(path) == {}
    assert run("users", "add", "new", "--no-password").exit_code == 0
    assert list(load_users(path)) == ["new"]


@pytest.mark.parametrize("text", ["users: {a: {}}\n", "users: {}\n", "---\nusers:\n  a: {}\n...\n", "users:\n  a: |\n"])
def test_a_file_that_cannot_be_edited_safely_is_left_as_it_was(run: Run, config: Path, text: str) -> None:
    path = config.parent / "users.yaml"
    path.write_text(text)
    done = run("users", "add", "bob", "--no-password")
    if done.exit_code == 0:
        assert "bob" in load_users(path)
    else:
        assert path.read_text() == text
    assert [each.name for each in path.parent.glob(".users*")] == []


@pytest.mark.parametrize("name", ["null", "yes", "1234", "a b", 'a"b', "spiffe://x/y", "ünï", "-", "a: b", "#x"])
def test_any_name_comes_back_as_it_was_given(run: Run, config: Path, name: str) -> None:
    done = run("users", "add", "--no-password", "--group", name, "--", name)
    assert done.exit_code == 0, done.output
    assert load(config).users[name].groups == (name,)


def test_a_user_that_exists_is_not_added_again_and_one_that_does_not_is_not_removed(run: Run, config: Path) -> None:
    assert run("users", "add", "alice", "--no-password").exit_code == 0
    again = run("users", "add", "alice", "--no-password")
    assert again.exit_code == 1
    assert "exists already" in again.output
    assert run("users", "remove", "nobody").exit_code == 1


def test_without_a_terminal_the_password_is_not_waited_for(run: Run, config: Path) -> None:
    done = run("users", "add", "alice", stdin="x\n")
    assert done.exit_code == 2
    assert "--password-stdin" in done.output
    assert run("users", "add", "alice", "--password-stdin", stdin="\n").exit_code == 2
    assert "alice" not in (config.parent / "users.yaml").read_text()


def test_the_list_shows_how_each_proves_who_they_are_but_no_verifier(run: Run, config: Path, monkeypatch) -> None:
    run("users", "add", "alice", "--password-stdin", stdin="pw\n")
    run("users", "add", "bot", "--kind", "agent", "--no-password")
    listed = json.loads(run("users", "list", "--json").stdout)
    assert [(each["name"], each["proof"]) for each in listed] == [("alice", ["password"]), ("bot", [])]
    assert "SCRAM" not in run("users", "list").output + run("users", "list", "--json").output


def test_a_configuration_without_a_users_file_says_how_to_name_one(run: Run, config: Path) -> None:
    config.write_text(config.read_text().replace("users_file: users.yaml", ""))
    done = run("users", "add", "alice", "--no-password")
    assert done.exit_code == 2
    assert "add `users_file: users.yaml`" in done.output
