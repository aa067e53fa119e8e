"""The governed databases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sluice.edges.config.parts import Name, Port, Seconds, Text, is_loopback
from sluice.edges.secrets import Secret

TlsMode = Literal["verify-full", "verify-ca", "require", "disable"]
Durability = Literal["buffered", "flushed", "synced"]


class SourceTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS towards a database."""

    mode: Annotated[
        TlsMode | None,
        Meta(
            description="`verify-full`: certificate and host name are checked (default for hosts other than loopback); "
            "`verify-ca`: the certificate alone; `require`: encrypted, but with anybody; `disable`: in clear"
        ),
    ] = None
    ca: Annotated[Path | None, Meta(description="CA in PEM; without it, the system's")] = None
    cert: Annotated[Path | None, Meta(description="client certificate in PEM")] = None
    key: Annotated[Path | None, Meta(description="its private key in PEM")] = None


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One governed database. Its name is the database that clients name."""

    engine: Annotated[Literal["postgres"], Meta(description="which protocol it speaks")] = "postgres"
    host: Annotated[Text | None, Meta(description="host name or IP address")] = None
    port: Port = 5432
    socket: Annotated[Path | None, Meta(description="folder of its unix socket, instead of `host`")] = None
    database: Annotated[Text | None, Meta(description="its name on the server; without it, the source's")] = None
    environment: Annotated[Name, Meta(description="`production`, `staging`, …: policies refer to it")]
    user: Annotated[Name, Meta(description="role to log in as; neither superuser nor BYPASSRLS")]
    password: Annotated[Secret | None, Meta(description="where the role's password is")] = None
    tls: Annotated[SourceTls, Meta(description="TLS towards the database")] = SourceTls()
    connect_timeout: Seconds = 10.0
    durability: Annotated[
        Durability,
        Meta(
            description="how safe an event is before its statement goes upstream: `buffered`: the system has it; "
            "`flushed`: the same, and forced to the medium on the audit timer; `synced`: on the medium"
        ),
    ] = "flushed"
    detection: Annotated[
        Literal["on", "off"],
        Meta(description="whether values of columns without a label are looked through on their way to clients"),
    ] = "on"
    scan: Annotated[
        Literal["on", "off"],
        Meta(description="whether the gateway looks into its new columns by itself; `off`: only `sluice scan` does"),
    ] = "on"
    plain_functions: Annotated[
        tuple[Name, ...],
        Meta(description="functions, as `schema.name`, that only compute on their arguments; you vouch for it"),
    ] = ()
    plain_extensions: Annotated[
        tuple[Name, ...],
        Meta(description="extensions whose functions, operators, casts and types only compute; you vouch for it"),
    ] = ()

    @property
    def vouched(self) -> frozenset[str]:
        """All that is declared plain: `schema.name` of functions, `extension NAME`."""
        return frozenset((*self.plain_functions, *(f"extension {name}" for name in self.plain_extensions)))

    @property
    def tls_mode(self) -> TlsMode:
        """The mode in force: as given, else `verify-full` unless the database is on this machine."""
        if self.tls.mode is not None:
            return self.tls.mode
        return "disable" if self.local else "verify-full"

    @property
    def local(self) -> bool:
        """Whether the way to the database stays on this machine."""
        return self.socket is not None or is_loopback(self.host or "")
