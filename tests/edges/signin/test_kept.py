"""What is kept of a sign-in: in the system's keychain where there is one, and else in a file that its owner alone can read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from sluice.edges.signin import SignInError, forget, recall, remember
from sluice.edges.signin.kept import Kept, place

KEPT = Kept(
    gateway="https://gate.example.com", issuer="https://login.example.com", client_id="sluice-cli", scopes=("openid",),
    resource=None, proof="access_token", token="an access token", expires_at=1.0, refresh="a refresh token",
)  # fmt: skip


class Chain(KeyringBackend):
    """A keychain that holds what it is given."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


class Locked(Chain):
    """One that nobody unlocks: there is no screen."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("nobody to ask")


class Short(Chain):
    """One that cuts long secrets."""

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:20])


class Weak(Chain):
    """One that says of itself that it is no keychain."""

    priority = 0.5  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def secret(text: str) -> bool:
    return KEPT.token in text or KEPT.refresh in text


def test_a_keychain_holds_the_tokens_and_the_file_none() -> None:
    chain = Chain()
    keyring.set_keyring(chain)
    remember(KEPT)
    assert not secret(place().read_text())
    assert secret(str(chain.held))
    found = recall()
    assert found is not None
    assert (found.token, found.refresh, found.gateway) == (KEPT.token, KEPT.refresh, KEPT.gateway)
    assert forget()
    assert (chain.held, recall(), forget()) == ({}, None, False)


@pytest.mark.parametrize("backend", [NoKeyring, Locked, Short, Weak])
def test_without_a_keychain_that_keeps_them_they_are_in_a_file_of_the_owners(backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    remember(KEPT)
    assert stat.S_IMODE(place().stat().st_mode) == 0o600
    assert recall() == KEPT
    assert forget()


def test_a_keychain_that_lost_them_is_said() -> None:
    chain = Chain()
    keyring.set_keyring(chain)
    remember(KEPT)
    chain.held.clear()
    with pytest.raises(SignInError, match="sign in again"):
        recall()
    keyring.set_keyring(NoKeyring())
    with pytest.raises(SignInError, match="sign in again"):
        recall()
    assert forget()


def test_two_homes_of_one_person_do_not_share_a_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set_keyring(Chain())
    remember(KEPT)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert recall() is None
    remember(Kept(**{name: getattr(KEPT, name) for name in KEPT.__struct_fields__} | {"token": "another"}))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = recall()
    assert found is not None
    assert found.token == KEPT.token
