"""A person is asked for by a value, or by the hash that stands for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from msgspec import structs

from sluice.audit.encode import encode
from sluice.audit.events import Named
from sluice.edges.evidence.subjects import load_or_create_keys
from sluice.edges.sinks.jsonl import JsonLog

from .conftest import Run
from .test_audit import asked, done

ADA = "email=ada@example.com"


@pytest.fixture
def log(tmp_path: Path, run: Run) -> Path:
    run("init")
    (key,) = load_or_create_keys(tmp_path / "subject.keys")
    hashed = key.hashed("ada@example.com").partition(":")[2]
    about = Named(0, ("pii.email",), False, key.id, base64.b64encode(bytes.fromhex(hashed)).decode())
    journal = JsonLog(tmp_path / "audit")
    journal.append(encode(asked(1, "alice")) + encode(structs.replace(done(1), subjects=(about,))))
    journal.append((encode(asked(3, "trainer")) + encode(done(3))).replace(b'"c1', b'"c2'))
    journal.close()
    return tmp_path / "audit"


def test_a_person_is_found_for_certain_or_perhaps(log: Path, run: Run) -> None:
    found = json.loads(run("who-saw", "--subject", ADA, "--json").stdout)
    assert [(one["who"], one["certain"], one["masks"]) for one in found] == [
        ("alice", True, ["email"]),
        ("trainer", False, ["email"]),
    ]
    shown = run("who-saw", "--subject", "pii." + ADA)
    assert "perhaps email" in " ".join(shown.output.split())
    assert "the log cannot tell whom these results were about" in shown.output
    assert "ada@" not in shown.output
    events = json.loads(run("who-saw", "--subject", "email=Bob@example.com", "--events", "--json").stdout)
    assert [(one["id"], one["certain"]) for one in events] == [("c2-3", False)]
    nobody = run("who-saw", "--subject", "email=bob@example.com", "--as", "alice")
    assert "nobody saw data of this person" in nobody.output
    assert "bob@" not in nobody.output


def test_a_hash_asks_as_its_value_does_and_an_added_key_changes_no_answer(log: Path, run: Run, tmp_path: Path) -> None:
    (hashed,) = run("audit", "hash", ADA).output.split()
    assert json.loads(run("who-saw", hashed, "--json").stdout)[0]["who"] == "alice"
    made = json.loads(run("audit", "new-subject-key", "--json").stdout)["key"]
    old, new = json.loads(run("audit", "hash", ADA, "--json").stdout)
    assert (old, new.partition(":")[0]) == (hashed, made)
    assert [one["certain"] for one in json.loads(run("who-saw", "--subject", ADA, "--json").stdout)] == [True, False]
    # Under the new key nothing was hashed yet, so it knows of nobody that they were not seen.
    assert {one["certain"] for one in json.loads(run("who-saw", new, "--json").stdout)} == {False}
    assert str(tmp_path / "subject.keys") in run("audit", "new-subject-key").output.replace("\n", "")


@pytest.mark.parametrize("asked_for", [(), ("pii", "--subject", ADA), ("--subject", "ada"), ("--subject", "email=")])
def test_what_is_no_question_about_a_person_is_refused(log: Path, run: Run, asked_for: tuple[str, ...]) -> None:
    assert run("who-saw", *asked_for).exit_code == 2


def test_a_label_that_identifies_nobody_is_refused_with_those_that_do(log: Path, run: Run, tmp_path: Path) -> None:
    refused = run("who-saw", "--subject", "shoe_size=46")
    assert refused.exit_code == 2
    assert "`pii.email`, `pii.national_id`, `pii.passport`" in " ".join(refused.output.split())
    labels = tmp_path / "labels.yaml"
    labels.write_text(labels.read_text() + "subjects: [pii.phone]\n")
    assert run("audit", "hash", "phone=+1 555-0100").exit_code == 0
    assert run("audit", "hash", ADA).exit_code == 2
    labels.write_text(labels.read_text().replace("[pii.phone]", "[pii.fone]"))
    assert "did you mean `pii.phone`" in " ".join(run("audit", "hash", ADA).output.split())
