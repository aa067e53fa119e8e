"""Who keeps the log's checkpoints out of the gateway's reach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

Url = Annotated[
    str, Meta(pattern=r"^https?://[^/\s@]+(/\S*)?$", description="an address, with `https://` or `http://`")
]


class Witness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `file`, `tiles`, `webhook` and `cosigner`."""

    file: Annotated[Path | None, Meta(description="a file, on other storage, that is replaced by each checkpoint")] = (
        None
    )
    tiles: Annotated[
        Path | None,
        Meta(description="a folder that is kept as C2SP tlog-tiles of the log, for any web server to serve"),
    ] = None
    webhook: Annotated[Url | None, Meta(description="an address that each checkpoint is posted to")] = None
    cosigner: Annotated[Url | None, Meta(description="the address of a C2SP tlog-witness; needs `key`")] = None
    key: Annotated[str | None, Meta(description="the cosigner's verifier key, `<name>+<id>+<base64>`")] = None
