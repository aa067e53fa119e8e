"""The whole configuration, as the rest of Sluice sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field

from sluice.edges.config.approving import Approvals
from sluice.edges.config.classifying import Classification
from sluice.edges.config.listeners import Listener
from sluice.edges.config.parts import Bytes, Count, Origin, Port, Seconds
from sluice.edges.config.people import Issuer, User
from sluice.edges.config.signing_in import Login
from sluice.edges.config.sources import Source
from sluice.edges.config.stores import StoreSettings
from sluice.edges.config.witnesses import Witness
from sluice.edges.secrets import Secret


class Admin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where `/healthz` and `/metrics` are served without a login, and the API with one; all without TLS."""

    address: Annotated[str, Meta(min_length=1, description="IP address or host name; keep it on loopback")] = (
        "127.0.0.1"
    )
    port: Port = 7433


class Audit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log of who asked what and what they saw."""

    path: Annotated[Path, Meta(description="folder of the log (`audit`); one gateway a folder")] = field(
        default_factory=lambda: Path("audit")
    )
    fsync_ms: Annotated[int, Meta(ge=1, le=60_000, description="milliseconds between forcing events to the medium")] = (
        200
    )
    signing_key: Annotated[
        Path, Meta(description="file of the key that signs checkpoints (`audit.key`); made when there is none")
    ] = field(default_factory=lambda: Path("audit.key"))
    origin: Annotated[
        Origin | None,
        Meta(description="the log's name in its checkpoints, like `example.com/sluice`; without it, one is drawn"),
    ] = None
    witnesses: Annotated[
        tuple[Witness, ...], Meta(description="who is given the log's checkpoints, out of the gateway's reach")
    ] = ()
    witness_seconds: Annotated[Seconds, Meta(description="seconds between checkpoints handed to witnesses")] = 10.0
    seal: Annotated[bool, Meta(description="whether files of the log that grow no more are compressed")] = True
    sealing_key: Annotated[
        Path | None,
        Meta(
            description="file of the key that encrypts them and the columns for questions (64 hexadecimal digits); made when there is none"
        ),
    ] = None
    subject_keys: Annotated[
        Path,
        Meta(
            description="file of the keys that identifying values are hashed with (`subject.keys`); made when there is none"
        ),
    ] = field(default_factory=lambda: Path("subject.keys"))
    segment_bytes: Annotated[Bytes, Meta(description="a file of the log is followed by the next at this size")] = (
        256 << 20
    )


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what one client can cost."""

    statement_bytes: Annotated[Bytes, Meta(description="longest statement text")] = 1 << 20
    frame_bytes: Annotated[Bytes, Meta(description="longest message of a client")] = 64 << 20
    window_bytes: Annotated[Bytes, Meta(description="most that is buffered, each direction of a connection")] = 1 << 20
    row_bytes: Annotated[Bytes, Meta(description="longest row of a result that is masked")] = 64 << 20
    login_seconds: Annotated[Seconds, Meta(description="time to complete a login, in seconds")] = 10.0
    session_seconds: Annotated[
        Seconds,
        Meta(description="longest that a session lasts before who is behind it has to prove it again, in seconds"),
    ] = 604_800.0
    connections: Annotated[Count, Meta(description="clients at once")] = 1_000
    auth_failures_per_minute_per_address: Annotated[Count, Meta(description="failed logins from one address")] = 60
    auth_failures_per_minute_per_user: Annotated[Count, Meta(description="failed logins for one user name")] = 20


class Masking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the masks `hash` and `pseudonym` are made with."""

    key: Annotated[
        Secret, Meta(description="where the key is: 32 random bytes or more; whoever has it can link values")
    ]


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `sluice.yaml`. Relative paths begin at its folder."""

    # Defaults that are or hold paths are made by factories: a JSON Schema cannot hold a path.

    listeners: Annotated[tuple[Listener, ...], Meta(min_length=1, description="where clients connect")] = (Listener(),)
    admin: Annotated[Admin, Meta(description="where health and metrics are served")] = Admin()
    sources: Annotated[dict[str, Source], Meta(min_length=1, description="the governed databases, by name")]
    users: Annotated[dict[str, User], Meta(description="who may log in, by name")] = {}
    users_file: Annotated[Path | None, Meta(description="further users, kept by `sluice users`")] = None
    tokens: Annotated[tuple[Issuer, ...], Meta(description="whose tokens are accepted as passwords")] = ()
    login: Annotated[Login | None, Meta(description="signing in, and minted database credentials")] = None
    labels: Annotated[Path, Meta(description="the label file (`labels.yaml`)")] = field(
        default_factory=lambda: Path("labels.yaml")
    )
    policies: Annotated[
        tuple[Path, ...],
        Meta(min_length=1, description="policy files: paths, folders (their `*.cedar`) or globs (`policies`)"),
    ] = field(default_factory=lambda: (Path("policies"),))
    audit: Annotated[Audit, Meta(description="the log")] = field(default_factory=Audit)
    store: Annotated[StoreSettings, Meta(description="where control state is kept: requests, grants, revocations")] = (
        field(default_factory=StoreSettings)
    )
    approvals: Annotated[Approvals, Meta(description="asking humans")] = Approvals()
    classification: Annotated[Classification, Meta(description="columns that nobody has labelled")] = Classification()
    limits: Annotated[Limits, Meta(description="bounds on what one client can cost")] = Limits()
    masking: Annotated[Masking, Meta(description="how values are masked")]


class UsersFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file named by `users_file`."""

    users: Annotated[dict[str, User], Meta(description="who may log in, by name")] = {}
