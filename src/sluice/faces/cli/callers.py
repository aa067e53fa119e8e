"""Who a command stands in for: an identity as the configuration describes it, or as a token would."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

from sluice.edges.config import Config
from sluice.faces.cli.statuses import Failure, Status
from sluice.model.identity import Identity, Kind

KINDS = ("user", "service", "agent")


def caller(config: Config, name: str, groups: list[str], kind: str, on_behalf_of: str) -> Identity:
    """The identity of that name; `groups` and `kind` are for one that only tokens know. Failure when it is nobody."""
    identity = _known(config, name) or _told(name, groups, kind)
    if not on_behalf_of:
        return identity
    user = _known(config, on_behalf_of)
    if user is None:
        advice = "add it to the users to say what it may do"
        raise Failure(Status.USAGE, f"there is no user `{on_behalf_of}` in the configuration", advice)
    return replace(identity, on_behalf_of=user)


def _known(config: Config, name: str) -> Identity | None:
    user = config.users.get(name)
    if user is None:
        return None
    if user.disabled:
        raise Failure(Status.FAILED, f"the user `{name}` is disabled and cannot log in")
    return Identity(
        kind=user.kind,
        name=name,
        groups=frozenset(user.groups),
        method="scram" if user.scram else "certificate" if user.certificates else "none",
        authenticated_at=time.time(),
        purposes=None if user.purposes is None else frozenset(user.purposes),
        default_purpose=user.default_purpose,
    )


def _told(name: str, groups: list[str], kind: str) -> Identity:
    if not groups:
        advice = "for one that logs in by token say its `--group`s (and `--kind`)"
        raise Failure(Status.USAGE, f"there is no user `{name}` in the configuration", advice)
    return Identity(cast("Kind", kind), name, frozenset(groups), method="token", authenticated_at=time.time())
