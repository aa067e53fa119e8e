"""Reads and checks a configuration file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from sluice.edges.config.config import Config, UsersFile
from sluice.edges.config.errors import ConfigError, together
from sluice.edges.config.people import User
from sluice.edges.config.reader import Reader
from sluice.edges.config.rules import check_users, check_whole
from sluice.edges.config.tree import compose

S = TypeVar("S", bound=Struct)

_WRITES: Mapping[type[Struct], str] = {
    Config: "write one with `sluice init`",
    UsersFile: "`sluice users add` writes one",
}


def load(path: Path, environment: Mapping[str, str] | None = None, *, others: bool = True) -> Config:
    """The configuration in the file, with the users of `users_file`; raises ConfigError.

    Paths in it come back absolute. Secrets are not read, only where they are. `environment`: instead of the process's;
    `others` False: without the users of `users_file`, which then need not exist.
    """
    reader, config = _read(path, Config, os.environ if environment is None else environment)
    check_whole(config, reader)
    if reader.errors:
        raise together(reader.errors)
    if config.users_file is None or not others:
        return config
    further = load_users(config.users_file, environment)
    both = sorted(config.users.keys() & further.keys())
    if both:
        reader.fail(
            ("users", both[0]), f"the user `{both[0]}` is also in `{config.users_file}`", "expected it in one place"
        )
    config = msgspec.structs.replace(config, users={**config.users, **further})
    check_whole(config, reader)
    if reader.errors:
        raise together(reader.errors)
    return config


def load_users(path: Path, environment: Mapping[str, str] | None = None) -> dict[str, User]:
    """The users in a file of their own; raises ConfigError."""
    reader, found = _read(path, UsersFile, os.environ if environment is None else environment)
    check_users(found.users, reader)
    if reader.errors:
        raise together(reader.errors)
    return found.users


def _read(path: Path, kind: type[S], environment: Mapping[str, str]) -> tuple[Reader, S]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(str(path), 0, "is not UTF-8 text") from None
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        advice = _WRITES[kind] if missing else ""
        raise ConfigError(str(path), 0, f"cannot be read: {error.strerror}", advice) from error
    reader = Reader(str(path), path.absolute().parent, environment)
    return reader, reader.read(kind, compose(text, str(path)))
