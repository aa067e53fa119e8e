from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run


def test_each_broken_part_is_named_with_its_line(configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = configured.parent
    assert run("check", "--json").exit_code == 0
    configured.write_text(configured.read_text().replace("# password: $", "password: $"))
    monkeypatch.delenv("SHOP_PASSWORD")
    (folder / "labels.yaml").write_text("labels:\n  pii: blur\n")
    (folder / "policies" / "own.cedar").write_text('@id("x")\npermit (principal, action == Action::"fly", resource);\n')
    (folder / "policies" / "more.cedar").write_text("\npermit (principal, action, resource);\n")
    done = run("check", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)["problems"]
    assert {(Path(each["file"]).name, each["line"]) for each in found} == {
        ("labels.yaml", 2),
        ("own.cedar", 1),
        ("more.cedar", 2),
        ("sources.shop.password", 0),
    }


def test_a_configuration_that_cannot_be_read_ends_with_status_2(configured: Path, run: Run) -> None:
    configured.write_text(configured.read_text() + "limts: {}\nadmn: {}\n")
    done = run("check")
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "unknown key `limts`; did you mean `limits`" in lines[0]
    errors = json.loads(run("check", "--json").stdout)
    assert [each["problem"] for each in errors["errors"]][1] == "unknown key `admn`; did you mean `admin`"
    assert errors["status"] == 2


def test_missing_certificates_and_policies_are_named(configured: Path, run: Run) -> None:
    tls = "    port: 7432\n    tls: {cert: no.crt, key: no.key}\n"
    text = configured.read_text().replace("    port: 7432\n", tls, 1).replace("[policies]", "[nowhere/*.cedar]")
    configured.write_text(text)
    done = run("check")
    assert done.exit_code == 1
    for expected in (
        "`listeners.0.tls.cert` cannot be read",
        "`listeners.0.tls.key` cannot be read",
        "names no policy file",
    ):
        assert expected in done.output


def test_token_keys_that_cannot_be_used_are_named(configured: Path, run: Run) -> None:
    issuers = "".join(f"  - {{issuer: i, audience: a, jwks: {name}}}\n" for name in ("none.json", "bad.json"))
    configured.write_text(configured.read_text() + f"tokens:\n{issuers}")
    (configured.parent / "bad.json").write_text('{"keys": 5}')
    done = run("check", "--json")
    assert done.exit_code == 1
    problems = [each["problem"] for each in json.loads(done.stdout)["problems"]]
    assert len(problems) == 2
    assert problems[0].startswith("`tokens.0` cannot be read")
    assert problems[1].startswith("`tokens.1`: ")


def test_the_configuration_may_come_from_the_environment(
    configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run("check").exit_code == 2
    monkeypatch.setenv("SLUICE_CONFIG", str(configured))
    assert run("check").exit_code == 0
