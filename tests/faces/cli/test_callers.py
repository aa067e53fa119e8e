from __future__ import annotations

from pathlib import Path

import pytest

from sluice.edges.config import Config, load
from sluice.faces.cli.callers import caller
from sluice.faces.cli.statuses import Failure, Status

TEXT = """\
sources: {shop: {host: 127.0.0.1, environment: production, user: gateway}}
masking: {key: {file: masking.key}}
users:
  alice: {groups: [support], purposes: [ticket], default_purpose: ticket}
  trainer: {kind: agent, groups: [training]}
  gone: {disabled: true}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "sluice.yaml").write_text(TEXT)
    return load(tmp_path / "sluice.yaml")


def test_a_user_of_the_configuration_comes_with_all_that_it_may(config: Config) -> None:
    alice = caller(config, "alice", [], "user", "")
    assert (alice.display, alice.groups, alice.purposes) == ("user:alice", {"support"}, {"ticket"})
    assert alice.default_purpose == "ticket"
    assert caller(config, "trainer", [], "user", "").purposes is None


def test_options_cannot_widen_a_user_of_the_configuration(config: Config) -> None:
    alice = caller(config, "alice", ["dba"], "service", "")
    assert (alice.kind, alice.groups) == ("user", {"support"})


def test_an_agent_acts_for_a_user(config: Config) -> None:
    assert caller(config, "trainer", [], "user", "alice").display == "agent:trainer for user:alice"
    assert caller(config, "bot", ["training"], "agent", "alice").display == "agent:bot for user:alice"


@pytest.mark.parametrize(
    ("name", "groups", "behalf", "status"),
    [
        ("nobody", [], "", Status.USAGE),
        ("trainer", [], "nobody", Status.USAGE),
        ("gone", [], "", Status.FAILED),
        ("trainer", [], "gone", Status.FAILED),
    ],
)
def test_nobody_and_disabled_users_are_refused(
    config: Config, name: str, groups: list[str], behalf: str, status: Status
) -> None:
    with pytest.raises(Failure) as caught:
        caller(config, name, groups, "user", behalf)
    assert caught.value.status == status
