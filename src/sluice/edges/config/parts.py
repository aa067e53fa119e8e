"""Kinds of values that several parts of the configuration share."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65_535, description="a TCP port")]
Bytes = Annotated[
    int,
    Meta(
        ge=1,
        le=1 << 40,
        description="a size in bytes, or with a unit: `64 KiB`, `1 MiB`",
        extra_json_schema={"pattern": "^[0-9_]+( ?([KMG]i)?B)?$"},
    ),
]
Seconds = Annotated[float, Meta(gt=0, le=86_400, description="seconds")]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Text = Annotated[str, Meta(min_length=1)]
Origin = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\s+]+$")]
Name = Annotated[str, Meta(min_length=1, max_length=63)]


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own and cannot be reached from outside."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
