"""The key by which commands sign what they do to a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.audit.note import Signer
from sluice.edges.config import load
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.opening import begun_as
from sluice.faces.cli.statuses import Failure, Status

SigningKey = Annotated[
    Path | None, typer.Option("--signing-key", help="The key that signs the log, instead of the configured one.")
]


def signer_of(folder: Path, key: Path | None, config: Path) -> Signer:
    """Signs as the log in `folder`. LogFailed when the key cannot be read, Failure when the log has no name yet."""
    origin = begun_as(folder)
    if origin is None:
        raise Failure(Status.FAILED, f"the log in `{folder}` has no checkpoint yet")
    return Signer(origin, load_key(key or load(config).audit.signing_key))
