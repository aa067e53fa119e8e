"""Who signed in here: at which gateway, with a token that is still good, and what that gets from the gateway."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from sluice.edges.config import load
from sluice.edges.signin import Client, Kept, SignInError, Tokens, alone, recall, remember
from sluice.faces.cli import gateways
from sluice.faces.cli.options import DEFAULT_CONFIG
from sluice.faces.cli.statuses import Failure, Status

Gateway = Annotated[
    str,
    typer.Option(
        "--gateway",
        envvar="SLUICE_GATEWAY",
        help="The gateway's API, as `https://…`. Without it, the one you signed in at, or that of `sluice.yaml` here.",
    ),
]
Authority = Annotated[
    str,
    typer.Option(
        "--ca",
        envvar="SLUICE_CA",
        help="File in PEM with the CAs that prove the gateway's API and the issuer; else the system's do.",
    ),
]
_SPARE_SECONDS = 30.0
"""A token that ends so soon is refreshed first."""


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong in signing in, as a Failure."""
    try:
        yield
    except SignInError as error:
        raise Failure(Status.FAILED if error.over else Status.UNREACHABLE, str(error)) from error
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"what is kept of a sign-in cannot be written: {error}") from error


def address(given: str, kept: Kept | None) -> str:
    """The gateway that is meant. Raises Failure when none is."""
    if given:
        return given.rstrip("/")
    if kept is not None:
        return kept.gateway
    config = Path(os.environ.get("SLUICE_CONFIG", "") or DEFAULT_CONFIG)
    if config.exists():
        return gateways.local(load(config, others=False).admin)
    raise Failure(Status.USAGE, "no gateway is named", "give its address with `--gateway https://…`")


def client_of(kept: Kept) -> Client:
    """The client at the issuer that somebody signed in at. Raises SignInError."""
    return Client(kept.issuer, kept.client_id, kept.scopes, kept.resource, kept.ca or None)


def kept_of(gateway: str, about: dict[str, Any], tokens: Tokens, ca: str = "") -> Kept:
    """What is to be kept of tokens that were just given."""
    proof = str(about["proof"])
    return Kept(
        gateway=gateway, issuer=str(about["issuer"]), client_id=str(about["client_id"]), scopes=tuple(about["scopes"]),
        resource=about["resource"], proof=proof, token=tokens.identity if proof == "id_token" else tokens.access,
        expires_at=tokens.expires_at, refresh=tokens.refresh, ca=ca,
    )  # fmt: skip


def ask(given: str, method: str, path: str, body: object = None) -> Any:
    """What the gateway answers to who signed in (or to `$SLUICE_TOKEN`). Raises Failure."""
    token = os.environ.get("SLUICE_TOKEN", "")
    if token:
        return gateways.ask(
            address(given, None), f"Bearer {token}", method, path, body, os.environ.get("SLUICE_CA", "")
        )
    with told():
        kept = fresh()
    if kept is None:
        raise Failure(Status.FAILED, "you are not signed in", "sign in with `sluice login`")
    where = address(given, kept)
    if where != kept.gateway:
        raise Failure(Status.FAILED, f"you are signed in at {kept.gateway}", f"`sluice login --gateway {where}`")
    return gateways.ask(where, f"Bearer {kept.token}", method, path, body, kept.ca)


def fresh() -> Kept | None:
    """What is kept, its token refreshed if it ends soon. Raises SignInError and OSError."""
    kept = recall()
    if kept is None or not _ends(kept):
        return kept
    with alone():
        # Another command may have refreshed it meanwhile.
        kept = recall()
        if kept is None or not _ends(kept):
            return kept
        if not kept.refresh:
            raise SignInError("your sign-in has ended; sign in again with `sluice login`")
        tokens = client_of(kept).refresh(kept.refresh)
        token = tokens.identity if kept.proof == "id_token" else tokens.access
        renewed = msgspec.structs.replace(kept, token=token, refresh=tokens.refresh, expires_at=tokens.expires_at)
        remember(renewed)
        return renewed


def _ends(kept: Kept) -> bool:
    return bool(kept.expires_at) and kept.expires_at < time.time() + _SPARE_SECONDS
