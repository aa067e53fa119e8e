"""Who may log in, and by what proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sluice.edges.config.parts import Name, Text
from sluice.engines.postgres import scram

LEAST_ITERATIONS = 4096
_DIGEST = 32
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Verifier:
    """A SCRAM-SHA-256 verifier as PostgreSQL writes it. Not the password, yet nothing to print either.

    Source: https://www.postgresql.org/docs/current/catalog-pg-authid.html
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """Raises ValueError for anything else."""
        parsed = scram.Verifier.parse(text)
        sizes = (len(parsed.stored_key), len(parsed.server_key))
        if parsed.iterations < LEAST_ITERATIONS or not parsed.salt or sizes != (_DIGEST, _DIGEST):
            raise ValueError("not a SCRAM-SHA-256 verifier")
        self.text = text

    def __repr__(self) -> str:
        return "Verifier(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verifier) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class User(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One identity that may log in."""

    kind: Annotated[Literal["user", "service", "agent"], Meta(description="a person, a program, or an AI agent")] = (
        "user"
    )
    groups: Annotated[tuple[Name, ...], Meta(description="groups that policies refer to")] = ()
    scram: Annotated[
        Verifier | None, Meta(description="password verifier, made by `sluice users add`; never the password")
    ] = None
    certificates: Annotated[
        tuple[str, ...], Meta(description="client certificates that prove this identity: a common name or a SPIFFE URI")
    ] = ()
    purposes: Annotated[
        tuple[Name, ...] | None, Meta(description="purposes that may be stated; without it, any that policies know")
    ] = None
    default_purpose: Annotated[str, Meta(max_length=63, description="purpose where none is stated")] = ""
    disabled: Annotated[bool, Meta(description="refuse this identity without forgetting it")] = False


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose tokens (JWT, given as the password) are accepted. Keys by one of `discover`, `jwks_url`, `jwks`, `public_key`."""

    issuer: Annotated[str, Meta(min_length=1, description="the `iss` claim, exactly")]
    audience: Annotated[str, Meta(min_length=1, description="what the `aud` claim must hold")]
    discover: Annotated[
        bool, Meta(description="find the keys by OpenID Connect discovery at the issuer, and follow their rotation")
    ] = False
    jwks_url: Annotated[
        Text | None, Meta(description="fetch the JSON Web Key Set from here, and follow its rotation")
    ] = None
    ca: Annotated[
        Path | None, Meta(description="CA in PEM that proves the issuer's server, where the system's do not")
    ] = None
    jwks: Annotated[Path | None, Meta(description="file with a JSON Web Key Set")] = None
    public_key: Annotated[Path | None, Meta(description="file with one public key in PEM")] = None
    algorithms: Annotated[
        tuple[Algorithm, ...], Meta(min_length=1, description="signatures accepted; symmetric ones never are")
    ] = ("RS256", "ES256", "EdDSA")
    kind: Annotated[
        Literal["user", "service"], Meta(description="what its tokens stand for: people, or programs (workloads)")
    ] = "user"
    require: Annotated[dict[str, str], Meta(description="claims that must be there with just this value")] = {}
    name_claim: Annotated[str, Meta(min_length=1, description="claim that names the identity")] = "sub"
    groups_claim: Annotated[
        str, Meta(min_length=1, description="claim with the groups; `a.b` also finds `b` inside of `a`")
    ] = "groups"
    group_names: Annotated[
        dict[str, tuple[Name, ...]] | None,
        Meta(
            description="groups that the issuer's groups stand for; without it they keep their names, with it no others count"
        ),
    ] = None
    purpose_claim: Annotated[str, Meta(min_length=1, description="claim that fixes the purpose")] = "purpose"
    leeway: Annotated[float, Meta(ge=0, le=300, description="seconds by which clocks may differ")] = 30.0
