"""Signing in at an identity provider, and the database credentials that are minted after it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sluice.edges.config.parts import Port, Seconds, Text


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people sign in (`sluice login`), and how long what they get is good. The issuer has to be one of `tokens`."""

    issuer: Annotated[Text, Meta(description="the issuer people sign in at, as in `tokens`")]
    client_id: Annotated[Text, Meta(description="Sluice's public client there: PKCE, redirects to loopback, no secret")]
    scopes: Annotated[
        tuple[Text, ...],
        Meta(
            min_length=1,
            description="scopes to ask for; `offline_access` for one that lasts, where the issuer wants it",
        ),
    ] = ("openid",)
    resource: Annotated[
        Text | None, Meta(description="resource the access token is to be for (RFC 8707), where the issuer wants one")
    ] = None
    proof: Annotated[
        Literal["access_token", "id_token"],
        Meta(description="which token proves people here; `id_token` (audience: the client) where the other is no JWT"),
    ] = "access_token"
    host: Annotated[
        Text | None, Meta(description="where clients reach the database port; without it, the first listener's address")
    ] = None
    port: Annotated[Port | None, Meta(description="that port; without it, the first listener's")] = None
    credential_seconds: Annotated[
        Seconds, Meta(description="how long a minted database credential lasts at most, in seconds")
    ] = 3_600.0
