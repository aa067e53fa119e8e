from __future__ import annotations

from pathlib import Path

import pytest

from sluice.edges.config import Config, load
from sluice.engines.postgres import scram
from sluice.faces.cli.callers import Claims, caller, purpose
from sluice.faces.cli.statuses import Failure, Status

TEXT = f"""\
sources: {{shop: {{host: 127.0.0.1, environment: production, user: gateway}}}}
masking: {{key: {{file: masking.key}}}}
users:
  alice:
    groups: [support]
    purposes: [ticket]
    default_purpose: ticket
    scram: {scram.Verifier.make("pw", b"0123456789abcdef")}
  dana: {{groups: [data-science], purposes: [analytics, fine-tuning]}}
  trainer: {{kind: agent, groups: [training], purposes: [fine-tuning]}}
  gone: {{disabled: true}}
"""
TRAINING = frozenset({"training"})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "sluice.yaml").write_text(TEXT)
    return load(tmp_path / "sluice.yaml")


def test_a_user_with_a_password_is_what_the_configuration_says(config: Config) -> None:
    alice = caller(config, "alice", Claims())
    assert (alice.display, alice.groups, alice.purposes, alice.method) == (
        "user:alice",
        {"support"},
        {"ticket"},
        "scram",
    )
    assert purpose(alice, "") == "ticket"


def test_options_cannot_widen_a_user_with_a_password(config: Config) -> None:
    for claims in (Claims(groups=frozenset({"dba"})), Claims(behalf="dana")):
        with pytest.raises(Failure, match="logs in by password") as caught:
            caller(config, "alice", claims)
        assert caught.value.status == Status.USAGE


def test_an_agent_acts_for_a_user_within_the_purposes_of_both(config: Config) -> None:
    trainer = caller(config, "trainer", Claims(behalf="dana"))
    assert trainer.display == "agent:trainer for user:dana"
    assert trainer.purposes == {"fine-tuning"}
    assert trainer.on_behalf_of is not None
    assert trainer.on_behalf_of.groups == {"data-science"}


def test_one_that_only_tokens_know_is_what_the_token_would_say(config: Config) -> None:
    claims = Claims("agent", TRAINING, "eve", frozenset({"support"}))
    bot = caller(config, "bot", claims)
    assert (bot.display, bot.groups) == ("agent:bot for user:eve", TRAINING)
    assert bot.on_behalf_of is not None
    assert bot.on_behalf_of.groups == {"support"}


@pytest.mark.parametrize(
    ("name", "claims", "status"),
    [
        ("nobody", Claims(), Status.USAGE),
        ("gone", Claims(), Status.FAILED),
        ("trainer", Claims(behalf="gone"), Status.FAILED),
        ("trainer", Claims(behalf="alice"), Status.FAILED),
    ],
)
def test_whoever_could_not_log_in_is_refused(config: Config, name: str, claims: Claims, status: Status) -> None:
    with pytest.raises(Failure) as caught:
        caller(config, name, claims)
    assert caught.value.status == status


def test_a_purpose_outside_those_of_the_identity_is_refused(config: Config) -> None:
    with pytest.raises(Failure, match="purpose `analytics` is not among those `alice` may state"):
        purpose(caller(config, "alice", Claims()), "analytics")
