"""The documents hold: their commands do what they show, their snippets load, their links lead somewhere."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from oidc import OidcProvider
from reading import FIRST, ROOT, Block, Shell, blocks, commands, pages

from sluice.edges.config import load
from sluice.faces.demo.stage import Stage
from sluice.faces.demo.tour import STEPS, ask
from sluice.policy.labels import load_labels
from sluice.policy.load import check
from sluice.testing.gateway import starter_policies, verifier

DEMO = "docs/tutorial/first-masked-query.md"
SIGN_IN_PAGE = "docs/how-to/sign-in.md"
TLS_PAGE = "docs/how-to/use-tls-and-client-certificates.md"

NOT_RUN = {
    "make demo": "tests/faces/demo runs the tour",
    "make test": "it is what runs this test",
    "make quick": "a part of what runs this test",
    "make lint": "scripts/check runs it before the tests",
    "make bench": "takes many minutes and a quiet machine",
    "make setup": "what made the environment that runs this test",
    "make docs": "writes into the tree; `test_the_reference_is_up_to_date` compares instead",
}
"""Commands of the documents that no test here runs, and why."""

LANGUAGES = {
    "sh": "settings and commands of the reader's own machine",
    "sql": "for the database's owner, not for the gateway",
    "ini": "units of systemd",
    "dockerfile": "an image, for a machine with a container engine",
    "text": "to look at",
    "python": "sketches of code",
    "diff": "what a change looks like",
    "json": "what a file or a line looks like",
}
"""Blocks that are shown and not checked, and why."""

CHECKED = {"console", "yaml", "cedar"}


def _with_commands() -> list[str]:
    return [page for page in pages() if page not in (FIRST, DEMO, SIGN_IN_PAGE) and any(_commands(page))]


def _commands(page: str) -> list[str]:
    found = [command.text for block in blocks(page) if block.language == "console" for command in commands(block)]
    return [text for text in found if text not in NOT_RUN]


def _snippets(language: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page) if block.language == language]


def _place(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_first_page_does_what_it_shows(begun: tuple[Shell, list[str]]) -> None:
    _, wrong = begun
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("page", _with_commands())
def test_a_page_does_what_it_shows(page: str, going_on: Shell) -> None:
    if page == TLS_PAGE and "not compiled in" in going_on.run("psql 'host=127.0.0.1 port=1 sslmode=require'")[1]:
        pytest.skip("the only psql here was built without TLS")
    wrong = going_on.follow(page, frozenset(NOT_RUN))
    assert not wrong, "\n\n".join([*wrong, (going_on.folder / "gateway.log").read_text()[-2000:]])


def test_the_page_of_signing_in_does_what_it_shows(going_on: Shell, oidc: OidcProvider, browser: Path) -> None:
    going_on.ports["https://login.example.com"] = oidc.issuer
    going_on.run(f"export BROWSER={browser}")
    wrong = going_on.follow(SIGN_IN_PAGE, frozenset(NOT_RUN))
    assert not wrong, "\n\n".join([*wrong, (going_on.folder / "gateway.log").read_text()[-2000:]])


def test_every_command_that_is_not_run_stands_in_some_document() -> None:
    said = {command.text for block in _snippets("console") for command in commands(block)}
    assert set(NOT_RUN) <= said


def test_every_block_is_of_a_kind_that_is_known() -> None:
    unknown = [
        _place(block) for page in pages() for block in blocks(page) if block.language not in LANGUAGES.keys() | CHECKED
    ]
    assert unknown == []


@pytest.mark.parametrize("block", _snippets("cedar"), ids=_place)
def test_policies_in_the_documents_load(block: Block) -> None:
    assert not check({"policies/snippet.cedar": block.text})


@pytest.mark.parametrize("block", _snippets("yaml"), ids=_place)
def test_yaml_in_the_documents_loads(block: Block, tmp_path: Path) -> None:
    if "labels" in block.words:
        assert load_labels(block.text).labels
        return
    whole = {
        "sources": {"shop": {"host": "127.0.0.1", "environment": "production", "user": "gateway"}},
        "masking": {"key": {"file": "masking.key"}},
        **yaml.load(_with_verifiers(block.text), Loader=yaml.BaseLoader),
    }
    for name in re.findall(r"[\w/-]+\.(?:pem|crt|key|json|yaml)", block.text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("users: {}\n" if path.suffix == ".yaml" else secrets.token_hex(32))
    (tmp_path / "sluice.yaml").write_text(yaml.safe_dump(whole))
    assert load(tmp_path / "sluice.yaml").sources


def _with_verifiers(text: str) -> str:
    return text.replace("SCRAM-SHA-256$…", verifier("a password"))


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    broken = []
    for target in (one or other for one, other in found):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_every_page_of_docs_is_reached_from_its_index(page: str) -> None:
    if not page.startswith("docs/") or page == "docs/README.md":
        return
    index = (ROOT / "docs/README.md").read_text()
    assert f"({page.removeprefix('docs/')})" in index


def test_the_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/reference/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/**/*.svg")), ids=lambda path: path.name)
def test_pictures_are_whole_and_show_in_light_and_dark(path: Path) -> None:
    text = path.read_text()
    assert "prefers-color-scheme: dark" in text
    assert "<title>" in text
    assert "href=" not in text, "a picture refers to nothing outside it"


def test_what_the_documents_say_of_files_is_there() -> None:
    missing = []
    for page in pages():
        if page == "CHANGELOG.md":
            continue
        for path in re.findall(r"`((?:src|tests|kernel|docs|benchmarks|scripts)/[\w./-]+)`", (ROOT / page).read_text()):
            if not (ROOT / path).exists():
                missing.append(f"{page}: {path}")
    assert missing == []


def test_the_starter_policies_the_documents_name_exist() -> None:
    known = set(re.findall(r'@id\("([^"]+)"\)', "".join(starter_policies().values())))
    own = {one for page in pages() for block in blocks(page) for one in re.findall(r'@id\("([^"]+)"\)', block.text)}
    for page in pages():
        for block in blocks(page):
            if block.language == "console":
                said = set(re.findall(r"policy `([\w-]+)`", block.text))
                assert said <= known | own, _place(block)


def test_the_readme_shows_what_the_tour_shows(stage: Stage) -> None:
    shown = next(block.text for block in blocks("README.md") if block.language == "text")
    customers, drop = STEPS[0].sql, STEPS[-1].sql
    assert shown.startswith(customers)
    for number, visitor in enumerate(stage.visitors):
        _, row, _ = ask(stage, visitor, customers).rows
        # The made-up names are others under another masking key, and so in every demo.
        name = str(row[1]) if number == 0 else ""
        said = shown.splitlines()[2 + 2 * number]
        assert f"{row[0]} | {name}" in said
        assert said.endswith(" | ".join(str(value) for value in row[2:]))
    assert f"{drop}\nERROR:  {ask(stage, stage.visitors[2], drop).error}" in shown


def test_the_tutorial_does_what_it_shows(demo: Shell, stage: Stage) -> None:
    wrong = demo.follow(DEMO, frozenset(NOT_RUN))
    assert not wrong, "\n\n".join([*wrong, stage.gateway.said.read_text()[-2000:]])


def test_the_tools_the_documents_use_are_here() -> None:
    assert all(shutil.which(tool) for tool in ("bash", "curl"))
