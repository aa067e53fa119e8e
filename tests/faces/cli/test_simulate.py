"""Statements that ran through a real gateway, replayed through other policies and labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from .conftest import Run

STATEMENTS = (
    ("sam", "ticket", "select email, phone from customers where id = 7"),
    ("sam", "ticket", "select email, phone from customers where id = 8"),
    ("dana", "analytics", "select plan, count(*) from customers group by plan"),
    ("app", "", "update items set price = price + 0 where id = 3"),
    ("app", "", "drop table no_such_table"),
    ("olga", "incident", "select full_name from staff where id = 1"),
)


@pytest.fixture(scope="module")
def played(gateway: Any) -> Any:
    """The gateway, after the statements have run."""
    for who, purpose, sql in STATEMENTS:
        with gateway.connect(who, purpose) as connection:
            try:
                connection.execute(sql)
            except psycopg.Error as error:
                assert "no_such_table" in sql, error
    return gateway.gateway


def simulated(run: Run, gateway: Any, *arguments: str) -> dict[str, Any]:
    done = run("policy", "simulate", "--config", str(gateway.config), "--since", "1h", "--json", *arguments)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def changed(gateway: Any, folder: Path, old: str, new: str) -> Path:
    """A copy of the policies with one thing otherwise."""
    shutil.copytree(gateway.folder / "policies", folder / "new")
    texts = {path: path.read_text() for path in sorted((folder / "new").glob("*.cedar"))}
    assert sum(text.count(old) for text in texts.values()) >= 1
    for path, text in texts.items():
        path.write_text(text.replace(old, new))
    return folder / "new"


def test_the_same_policies_decide_nothing_otherwise(played: Any, run: Run, tmp_path: Path) -> None:
    found = simulated(run, played, "--policies", str(played.folder / "policies"))
    assert found["differences"] == []
    assert found["statements"] >= len(STATEMENTS)
    assert found["elsewhere"] == 0


def test_what_a_policy_no_longer_shows_is_told_by_caller_and_statement(played: Any, run: Run, tmp_path: Path) -> None:
    new = changed(played, tmp_path, "support-sees-contacts-for-tickets", "renamed")
    text = "".join(path.read_text() for path in sorted(new.glob("*.cedar")))
    assert '@id("renamed")' in text
    assert simulated(run, played, "--policies", str(new))["differences"] == []
    (new / "strict.cedar").write_text(
        '@id("nobody-sees-mail") forbid (principal, action == Action::"reveal", resource in Label::"pii.email");\n'
    )
    ours = [
        one
        for one in simulated(run, played, "--policies", str(new))["differences"]
        if one["statement"] == "select email, phone from customers where id = $1"
    ]
    assert [(one["change"], one["caller"], one["purpose"]) for one in ours] == [("masked", "user:sam", "ticket")]
    assert ours[0]["statements"] >= 2
    assert ours[0]["detail"] == "output 1: clear → email (pii.email)"
    assert "nobody-sees-mail" in ours[0]["after"]
    assert "nobody-sees-mail" not in ours[0]["before"]


def test_what_would_be_refused_or_permitted_is_told(played: Any, run: Run, tmp_path: Path) -> None:
    new = changed(played, tmp_path, '@id("app-works")\npermit (', '@id("app-works")\nforbid (')
    found = simulated(run, played, "--policies", str(new))["differences"]
    ours = {(one["change"], one["detail"]) for one in found if one["statement"].startswith("update items set price")}
    assert ours == {("refused", "allow → refuse")}
    done = run("policy", "simulate", "--config", str(played.config), "--policies", str(new), "--check")
    assert done.exit_code == 1
    assert "allow → refuse" in done.output


def test_other_labels_are_tried_too(played: Any, run: Run, tmp_path: Path) -> None:
    labels = (played.folder / "labels.yaml").read_text()
    other = tmp_path / "labels.yaml"
    other.write_text(
        labels.replace("    public.customers.full_name: pii.name\n", "    public.customers.plan: pii.name\n")
    )
    found = simulated(run, played, "--labels", str(other))["differences"]
    ours = {(one["change"], one["caller"]) for one in found if one["statement"].startswith("select plan, count(*)")}
    assert ours == {("refused", "user:dana")}


def test_without_anything_to_compare_with_it_says_so(played: Any, run: Run) -> None:
    done = run("policy", "simulate", "--config", str(played.config))
    assert done.exit_code == 2
    assert "nothing to compare with" in done.output
