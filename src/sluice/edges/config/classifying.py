"""Finding out what columns hold, and what holds until that is known."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Classification(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns that nobody has labelled."""

    unclassified: Annotated[
        Literal["unknown", "clear"],
        Meta(
            description="what columns are that may hold text and that nobody has labelled or looked into: labelled "
            "`unknown`, or `clear`: as if they held nothing"
        ),
    ] = "unknown"
    automatic: Annotated[
        Literal["on", "off"],
        Meta(description="whether the gateway looks into new columns by itself, as `sluice scan` does"),
    ] = "on"
