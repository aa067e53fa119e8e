"""Where clients connect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from sluice.edges.config.parts import Port, is_loopback


class ListenerTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS towards clients."""

    cert: Annotated[Path, Meta(description="certificate chain in PEM, the gateway's own first")]
    key: Annotated[Path, Meta(description="private key in PEM; readable by the gateway alone")]
    client_ca: Annotated[Path | None, Meta(description="CA in PEM whose client certificates are accepted")] = None
    required: Annotated[bool, Meta(description="refuse clients that do not ask for TLS")] = True


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address clients connect to."""

    address: Annotated[str, Meta(min_length=1, description="IP address or host name to listen on")] = "127.0.0.1"
    port: Port = 7432
    tls: Annotated[ListenerTls | None, Meta(description="TLS towards clients")] = None
    allow_cleartext: Annotated[
        bool,
        Meta(description="let an address other than loopback do without TLS; rows then cross the network in clear"),
    ] = False

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.address)
