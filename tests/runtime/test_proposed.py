"""Proposed labels are taken up by a gateway at work, and let go when a person says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sluice.classify.columns import Proposal
from sluice.edges.scanning import Proposals
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

POLICIES = """
@id("all-connect") permit (principal, action == Action::"connect", resource);
@id("all-read") permit (principal, action in Action::"read", resource);
"""
LABELS = "labels: {pii: redact}\ncolumns: {club: {public.members.kept: pii}}\n"


@pytest.fixture
def club(postgres: PostgresServer, tmp_path: Path) -> Iterator[RunningGateway]:
    postgres.psql("drop database if exists club")
    postgres.psql("create database club")
    postgres.psql(
        "create table members (id int, contact text, kept text); insert into members values (1, 'a', 'b')", "club"
    )
    config = (
        f"sources: {{club: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: postgres}}}}\n"
        f'users: {{ada: {{groups: [club], scram: "{verifier("pw")}"}}}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {"policies/all.cedar": POLICIES, "labels.yaml": LABELS}
    with RunningGateway(tmp_path / "gateway", config, files=files) as running:
        yield running


def _shown(club: RunningGateway) -> tuple[object, ...] | None:
    with psycopg.connect(club.dsn("ada", "pw", "club")) as connection:
        return connection.execute("select contact, kept from members").fetchone()


def _place(postgres: PostgresServer, column: str) -> tuple[int, int]:
    with psycopg.connect(postgres.dsn("club")) as connection:
        found = connection.execute(
            "select attrelid::int, attnum::int from pg_attribute where attrelid = 'members'::regclass and attname = %s",
            (column,),
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def test_what_is_sure_holds_at_once_and_a_persons_word_takes_it_back(
    club: RunningGateway, postgres: PostgresServer
) -> None:
    assert _shown(club) == ("a", "[redacted]")
    proposals = Proposals(club.audit)
    place = _place(postgres, "contact")
    proposals.put("club", "public.members.contact", place, Proposal("pii.email", 60, ("its name",)))
    proposals.save()
    proposals.put("club", "public.members.contact", place, Proposal("pii.email", 91, ("its values",)))
    proposals.save()
    club.until(lambda: _shown(club) == ("[redacted]", "[redacted]"), "the proposal in effect")
    proposals.judge("club", "public.members.contact", "rejected")
    proposals.save()
    club.until(lambda: _shown(club) == ("a", "[redacted]"), "the rejected proposal gone")


def test_the_label_file_has_the_last_word_on_its_columns_and_a_broken_file_changes_nothing(
    club: RunningGateway, postgres: PostgresServer
) -> None:
    proposals = Proposals(club.audit)
    proposals.put("club", "public.members.kept", _place(postgres, "kept"), Proposal("secret", 99, ("its values",)))
    proposals.put(
        "club", "public.members.contact", _place(postgres, "contact"), Proposal("secret", 99, ("its values",))
    )
    proposals.save()
    club.until(lambda: _shown(club) == (None, "[redacted]"), "the proposals in effect")
    proposals.path.write_text("{")
    club.until(lambda: "could not be read" in club.said.read_text(), "the broken file said")
    assert _shown(club) == (None, "[redacted]")
