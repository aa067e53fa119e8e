from __future__ import annotations

import json
from pathlib import Path

from sluice.edges.config import load
from sluice.policy.labels import load_labels
from sluice.testing.postgres import PostgresServer

from .conftest import Run


def test_what_init_writes_is_a_configuration_that_passes_the_check(
    configured: Path, run: Run, server: PostgresServer
) -> None:
    checked = run("check")
    assert checked.exit_code == 0, checked.output
    source = load(configured).sources["shop"]
    assert (source.host, source.port, source.user, source.database) == ("127.0.0.1", server.port, "gateway", "shop")


def test_labels_are_suggested_by_the_names_of_columns_and_the_file_stays_valid(configured: Path) -> None:
    text = (configured.parent / "labels.yaml").read_text()
    assert '"public.customers.email": pii.email' in text
    assert '"public.contacts.email": pii.email' in text
    assert '"public.Odd Table.api_key": secret' in text
    assert "public.plain" not in text
    assert "public.customers.note" not in text
    book = load_labels(text)
    assert any(each.source == "shop" and each.labels == {"pii.national_id"} for each in book.assignments)


def test_without_a_database_it_writes_a_configuration_to_fill_in(run: Run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "x")
    assert run("init").exit_code == 0
    assert load(tmp_path / "sluice.yaml").sources["shop"].environment == "production"
    assert run("check").exit_code == 0


def test_keys_and_users_are_private_and_never_replaced(run: Run, tmp_path: Path) -> None:
    assert run("init").exit_code == 0
    key = (tmp_path / "masking.key").read_text()
    assert len(bytes.fromhex(key)) == 32
    for name in ("masking.key", "users.yaml"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert run("init", "--force").exit_code == 0
    assert (tmp_path / "masking.key").read_text() == key


def test_files_that_exist_are_not_replaced_unless_forced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("mine")
    refused = run("init")
    assert refused.exit_code == 1
    assert "labels.yaml" in refused.output
    assert (tmp_path / "labels.yaml").read_text() == "mine"
    assert not (tmp_path / "sluice.yaml").exists()


def test_a_password_in_the_url_is_used_and_not_written_down(run: Run, tmp_path: Path, server: PostgresServer) -> None:
    done = run("init", "--database-url", f"postgres://gateway:canary-9f31@{server.host}:{server.port}/shop")
    assert done.exit_code == 0
    assert "export SHOP_PASSWORD" in done.output
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "canary" not in written + done.output
    assert "password: ${SHOP_PASSWORD}" in written


def test_a_url_that_is_none_is_refused_without_repeating_it(run: Run) -> None:
    for url in ("postgres://u:canary-9f31@[bad/x", "canary-9f31", "postgres://u:canary-9f31@h"):
        done = run("init", "--database-url", url)
        assert done.exit_code == 2
        assert "canary" not in done.output


def test_a_database_that_does_not_answer_ends_with_status_3_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    done = run("init", "--database-url", "postgres://u@127.0.0.1:1/shop", "--json")
    assert done.exit_code == 3
    assert "cannot be read" in json.loads(done.stdout)["errors"][0]["problem"]
    assert list(tmp_path.iterdir()) == []


def test_json_lists_what_was_written_and_suggested(run: Run, server: PostgresServer) -> None:
    done = run("init", "--json", "--database-url", f"postgres://gateway@{server.host}:{server.port}/shop")
    found = json.loads(done.stdout)
    assert any(path.endswith("sluice.yaml") for path in found["written"])
    assert {"column": "public.customers.ssn", "label": "pii.national_id"} in found["suggested"]
