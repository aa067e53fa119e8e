"""What is kept between commands of one who signed in: a file in their own configuration folder that nobody else can read.

Of the tokens only the refresh token is kept, which is worth nothing without the issuer, and the access token while it lasts: in
the system's keychain where there is one, and else in that file.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from sluice.edges.signin import keychain
from sluice.edges.signin.flows import SignInError

_NAME = "login.json"


class Kept(Struct, frozen=True, kw_only=True):
    """One sign-in: at which gateway, by which client, and what proves it. `expires_at` is of `token`.

    `ca`: file with the CAs that prove gateway and issuer, where the system's do not. `keychain`: the tokens are there.
    """

    gateway: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    resource: str | None
    proof: str
    token: str
    expires_at: float
    refresh: str
    ca: str = ""
    keychain: bool = False


def place() -> Path:
    """The file: `$XDG_CONFIG_HOME/sluice/login.json`, by default in `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "sluice" / _NAME


def remember(kept: Kept) -> Path:
    """Writes it in one step, readable by its owner alone; the file. Raises OSError."""
    path = place()
    taken = keychain.put(_name(kept.gateway), json.dumps([kept.token, kept.refresh]))
    if taken:
        kept = msgspec.structs.replace(kept, token="", refresh="", keychain=True)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made anew with a name of its own: what somebody laid there before is replaced, and never written through.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".login-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def recall() -> Kept | None:
    """What is kept; None when nothing is. Raises SignInError for a file that others can read, or that is none of ours."""
    path = place()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SignInError(f"{path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise SignInError(f"{path} can be read by others; remove it (`sluice logout`) and sign in again")
        try:
            return _whole(msgspec.json.decode(file.read(), type=Kept))
        except msgspec.MsgspecError as error:
            raise SignInError(f"{path} is not what it should be; remove it and sign in again") from error


def _whole(kept: Kept) -> Kept:
    if not kept.keychain:
        return kept
    found = keychain.get(_name(kept.gateway))
    if found is None:
        raise SignInError(
            "the keychain does not give your sign-in back; unlock it, or sign in again with `sluice login`"
        )
    token, refresh = msgspec.json.decode(found, type=tuple[str, str])
    return msgspec.structs.replace(kept, token=token, refresh=refresh, keychain=False)


def _name(gateway: str) -> str:
    """A sign-in's name in the keychain, which one person's homes share."""
    return f"{gateway} ({place()})"


def forget() -> bool:
    """Removes it, also from the keychain; whether anything was there."""
    try:
        kept = msgspec.json.decode(place().read_bytes(), type=Kept)
        if kept.keychain:
            keychain.drop(_name(kept.gateway))
    except (OSError, msgspec.MsgspecError):
        # Whatever it is, it goes.
        pass
    try:
        place().unlink()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def alone() -> Iterator[None]:
    """Keeps other commands of the same person waiting: two that refresh at once would look like a thief to the issuer. OSError."""
    path = place().with_name("login.lock")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
