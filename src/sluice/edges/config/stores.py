"""Where the control state is kept: requests, approvals, grants, revocations, minted credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from sluice.edges.config.parts import Text
from sluice.edges.secrets import Secret


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file for one machine; a PostgreSQL database for several, which must not be one that Sluice governs."""

    path: Annotated[Path | None, Meta(description="the SQLite file; without it, `control.db` beside the log")] = None
    url: Annotated[
        Text | None,
        Meta(description="a PostgreSQL database instead, as `postgresql://user@host/name`; never with its password"),
    ] = None
    password: Annotated[Secret | None, Meta(description="where the password of that user is")] = None
