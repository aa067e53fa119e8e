"""`sluice scan` and `sluice labels` against a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.faces.cli.conftest import Run

from sluice.edges.scanning import Proposals
from sluice.testing.postgres import PostgresServer

TABLES = """
create schema scanned;
create table scanned.people (id int primary key, mail_to text unique, remark text, score int, "Born On" date);
insert into scanned.people select n, 'user' || n || '@example.com', 'likes blue', n, date '1980-01-01' + n from generate_series(1, 300) n;
create table scanned.posts (who text references scanned.people (mail_to), body text, data jsonb);
insert into scanned.posts select 'user' || n || '@example.com', 'call me on +44 20 7946 09' || n, '{"k": ["pay 4242424242424242"]}'
    from generate_series(10, 60) n;
create table scanned.kept (email text);
grant usage on schema scanned to gateway;
grant select on all tables in schema scanned to gateway;
"""


@pytest.fixture(scope="module")
def scanned(server: PostgresServer) -> None:
    server.psql(TABLES, "shop")


def _listed(run: Run) -> dict[str, Any]:
    return {entry["column"]: entry for entry in json.loads(run("labels", "list", "--json").output)}


def test_a_scan_labels_what_it_finds_and_shows_no_value(scanned: None, configured: Path, run: Run) -> None:
    done = run("scan", "shop")
    assert done.exit_code == 0, done.output
    assert "@example.com" not in done.output and "4242" not in done.output
    found = _listed(run)
    assert found["scanned.people.mail_to"]["label"] == "pii.email" and found["scanned.people.mail_to"]["in_effect"]
    assert found["scanned.posts.who"]["label"] == "pii.email"
    assert found["scanned.people.Born On"]["label"] == "pii.birth_date"
    assert found["scanned.posts.body"]["label"] == found["scanned.posts.data"]["label"] == "pii.free_text"
    assert "pci.pan at data.k[]" in found["scanned.posts.data"]["evidence"][0]
    assert "scanned.people.remark" not in found and "scanned.people.score" not in found


def test_columns_that_a_person_labelled_are_left_alone(scanned: None, configured: Path, run: Run) -> None:
    run("scan", "shop")
    assert "scanned.kept.email" not in _listed(run), "the label file's pattern names it"


def test_a_persons_word_outlives_another_scan(scanned: None, configured: Path, run: Run) -> None:
    run("scan", "shop")
    assert run("labels", "reject", "shop", "scanned.posts.body").exit_code == 0
    assert run("labels", "confirm", "shop", "scanned.people.mail_to", "--label", "pii.contact").exit_code == 0
    run("scan", "shop")
    found = _listed(run)
    assert found["scanned.posts.body"]["verdict"] == "rejected" and not found["scanned.posts.body"]["in_effect"]
    assert found["scanned.people.mail_to"]["label"] == "pii.contact" and found["scanned.people.mail_to"]["in_effect"]


def test_a_scan_that_was_broken_off_goes_on_and_forgets_its_place_at_the_end(
    scanned: None, configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("scan", "shop")
    folder = next(configured.parent.rglob("proposed-labels.json")).parent
    done = {(entry.oid) for entry in Proposals(folder) if entry.column.startswith("scanned.posts")}
    part = folder / "scan-shop.part"
    part.write_text(json.dumps({"done": sorted(done), "found": {"scanned.posts.body": ["pii.note", 91, ["kept"]]}}))
    assert run("scan", "shop").exit_code == 0
    assert _listed(run)["scanned.posts.body"]["label"] == "pii.note"
    assert not part.exists()


def test_what_nobody_looked_into_is_listed_until_a_scan_has(
    scanned: None, configured: Path, run: Run, server: PostgresServer
) -> None:
    server.psql("create table scanned.hollow (words text); grant select on scanned.hollow to gateway", "shop")
    before = {one["column"] for one in json.loads(run("labels", "unknown", "shop", "--json").output)}
    assert {"scanned.people.remark", "scanned.posts.body", "scanned.hollow.words"} <= before
    assert "scanned.people.score" not in before and "scanned.kept.email" not in before
    assert "hold no value" in run("scan", "shop").output
    after = {one["column"] for one in json.loads(run("labels", "unknown", "shop", "--json").output)}
    assert "scanned.hollow.words" in after and not after & {"scanned.people.remark", "scanned.posts.body"}
    shown = run("labels", "unknown", "shop")
    assert "not looked into" in shown.output and "are unknown" in shown.output


def test_what_is_not_there_is_said(configured: Path, run: Run) -> None:
    assert run("scan", "nowhere").exit_code == 2
    assert run("labels", "reject", "shop", "a.b.c").exit_code == 2
    assert "sluice scan" in run("labels", "list").output
