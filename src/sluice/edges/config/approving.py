"""How humans are asked, and how long anybody waits for them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from sluice.edges.config.parts import Count, Seconds, Text


class Approvals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what held statements can cost, and where people find requests."""

    wait: Annotated[Seconds, Meta(description="how long a client waits for an approval, in seconds")] = 600.0
    open: Annotated[Seconds, Meta(description="how long a request can be answered, in seconds")] = 86_400.0
    waiting: Annotated[
        Count, Meta(description="clients of this process that may wait at once; others hear an error")
    ] = 100
    waiting_per_identity: Annotated[Count, Meta(description="of these, clients of one identity")] = 5
    open_per_identity: Annotated[Count, Meta(description="requests of one identity that may be open at once")] = 20
    address: Annotated[
        Text | None, Meta(description="where people find a request: its id is put behind it (`https://…/requests/`)")
    ] = None
