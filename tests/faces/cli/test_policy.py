from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.testing.postgres import PostgresServer

from .conftest import Run


def test_the_starter_policies_pass(configured: Path, run: Run) -> None:
    done = run("policy", "check", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["policies"] > 10


def test_what_is_wrong_is_named_for_every_file(configured: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("\npermit (principal, action, resource);")
    (tmp_path / "b.cedar").write_text('@id("b") permit (')
    done = run("policy", "check", "a.cedar", "b.cedar")
    assert done.exit_code == 1
    assert "a.cedar:2: " in done.output
    assert "b.cedar:1: " in done.output
    assert run("policy", "check", "none.cedar").exit_code == 2


@pytest.fixture
def people(configured: Path, run: Run) -> Path:
    for arguments in (
        ("alice", "--group", "support", "--purpose", "ticket", "--default-purpose", "ticket"),
        ("dana", "--group", "data-science"),
        ("trainer", "--kind", "agent", "--group", "training", "--purpose", "fine-tuning"),
    ):
        assert run("users", "add", "--no-password", *arguments).exit_code == 0
    return configured


def explained(run: Run, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = run("policy", "explain", "--json", *arguments)
    assert done.exit_code in (0, 1), done.output
    return done.exit_code, json.loads(done.stdout)


def test_explain_follows_columns_through_the_real_catalog_and_says_how_each_leaves(people: Path, run: Run) -> None:
    sql = "select c.email, upper(k.ssn) as s, k.id from contacts c join customers k on k.id = c.id where c.id = 1"
    status, found = explained(run, "--as", "alice", "--source", "shop", sql)
    assert status == 0
    analysis, decision = found["analysis"], found["decision"]
    assert analysis["confidence"] == "exact"
    assert {each["table"] for each in analysis["tables"]} >= {"public.contacts", "public.customers"}
    flows = {each["name"]: {flow["column"] for flow in each["flows"]} for each in analysis["outputs"]}
    assert "public.customers.email" in flows["email"]
    assert flows["s"] == {"public.customers.ssn"}
    assert [mask and mask["method"] for mask in decision["masks"]] == [None, "null", None]
    assert "support-sees-contacts-for-tickets" in {each["id"] for each in decision["policies"]}


def test_the_purpose_changes_the_answer(people: Path, run: Run) -> None:
    config = people.parent / "users.yaml"
    config.write_text(config.read_text().replace("purposes: [ticket]", "purposes: [ticket, audit]"))
    _, for_ticket = explained(run, "--as", "alice", "select email from customers")
    _, for_audit = explained(run, "--as", "alice", "--purpose", "audit", "select email from customers")
    assert for_ticket["decision"]["masks"] == [None]
    assert for_audit["decision"]["masks"][0]["method"] == "email"
    other = run("policy", "explain", "--as", "alice", "--purpose", "fine-tuning", "select 1")
    assert other.exit_code == 1
    assert "is not among those `alice` may state" in other.output


def test_an_agent_gets_what_both_may_and_a_drop_is_refused(people: Path, run: Run) -> None:
    arguments = ("--as", "trainer", "--on-behalf-of", "dana", "--purpose", "fine-tuning")
    status, found = explained(run, *arguments, "select email, full_name, id from customers")
    assert status == 0
    assert [bool(mask) for mask in found["decision"]["masks"]] == [True, True, False]
    assert {each["principal"] for each in found["questions"]} == {'Agent::"trainer"', 'User::"dana"'}
    status, found = explained(run, *arguments, "drop table customers")
    assert (status, found["decision"]["outcome"]) == (1, "refuse")
    shown = run("policy", "explain", *arguments, "drop table customers")
    assert "decision: refuse" in shown.output
    assert found["decision"]["refusal"]["message"] in shown.output


def test_nothing_that_is_explained_is_run(people: Path, run: Run, server: PostgresServer) -> None:
    before = server.psql("select count(*) from pg_class", "shop")
    run("policy", "explain", "--as", "dana", "create table made as select * from customers")
    run("policy", "explain", "--as", "dana", "drop table plain")
    assert server.psql("select count(*) from pg_class", "shop") == before


def test_text_that_cannot_be_understood_is_refused_and_says_why(people: Path, run: Run) -> None:
    for sql in ("selec 1", "do $$ begin perform 1; end $$", "select nobody_knows(email) from customers"):
        status, found = explained(run, "--as", "alice", sql)
        assert (status, found["analysis"]["confidence"]) == (1, "opaque"), sql
        assert found["analysis"]["reasons"]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--as", "nobody", "select 1"), 2, "there is no user `nobody`"),
        (("--as", "alice", "--source", "none", "select 1"), 2, "`--source` takes one of `shop`"),
        (("--as", "alice", "select 1; select 2"), 2, "holds 2 statements"),
        (("--as", "alice", ""), 2, "holds 0 statements"),
        (("--as", "x", "--group", "strangers", "select 1"), 1, "may not connect to `shop`"),
    ],
)
def test_what_cannot_be_asked_is_told(
    people: Path, run: Run, arguments: tuple[str, ...], status: int, text: str
) -> None:
    done = run("policy", "explain", *arguments)
    assert done.exit_code == status, done.output
    assert text in done.output


def test_labels_that_columns_took_on_count(people: Path, run: Run, server: PostgresServer) -> None:
    oid = int(server.psql("select 'public.plain'::regclass::oid", "shop"))
    (people.parent / "audit").mkdir(mode=0o700)
    (people.parent / "audit" / "learned-labels.json").write_text(json.dumps({"shop": [[oid, 2, ["pii.email"]]]}))
    _, found = explained(run, "--as", "dana", "select amount from plain")
    assert found["analysis"]["outputs"][0]["flows"][0]["labels"] == ["pii.email"]
    assert found["decision"]["masks"][0] is not None


def test_a_source_that_does_not_answer_ends_with_status_3(people: Path, run: Run) -> None:
    entry = "  gone: {host: 127.0.0.1, port: 1, environment: staging, user: x}\n"
    people.write_text(people.read_text().replace("sources:\n", f"sources:\n{entry}"))
    assert run("policy", "explain", "--as", "alice", "--source", "gone", "select 1").exit_code == 3


def test_secrets_of_the_system_catalogs_are_labelled_without_being_named(people: Path, run: Run) -> None:
    _, found = explained(run, "--as", "dana", "select rolname, rolpassword from pg_authid")
    labels = [flow["labels"] for each in found["analysis"]["outputs"] for flow in each["flows"]]
    assert labels == [[], ["secret.password_hash"]]
    assert found["decision"]["masks"][1]["method"] == "null"


def test_what_an_agent_sends_is_told_and_refused_in_the_starter_set(people: Path, run: Run) -> None:
    key = "AKIA" + "ZYXWVUTS98765432"
    sql = f"select id from customers where full_name = E'\\x41{key[1:]}'"
    arguments = ("--as", "trainer", "--on-behalf-of", "dana", "--purpose", "fine-tuning")
    status, found = explained(run, *arguments, sql)
    assert found["analysis"]["literals"] == ["secret.api_key"]
    assert status == 1
    assert "agents-send-no-secrets" in [each["id"] for each in found["decision"]["policies"]]
    assert "its literals hold secret.api_key" in run("policy", "explain", *arguments, sql).output
    assert explained(run, "--as", "alice", sql.replace(key[1:], "nne"))[1]["analysis"]["literals"] == []
