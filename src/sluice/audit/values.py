"""The values nested in events: who, what was touched, what leaves and how. They leave out what has its default."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Caller(Struct, frozen=True, omit_defaults=True):
    """An identity, as the log writes it."""

    kind: str
    name: str
    groups: tuple[str, ...] = ()
    method: str = ""
    on_behalf_of: Caller | None = None


class Peer(Struct, frozen=True, omit_defaults=True):
    """The far end of a connection."""

    address: str
    application: str = ""
    tls: bool = False


class Reach(Struct, frozen=True, omit_defaults=True):
    """A column that reaches an output or a written column, how, and with which labels."""

    column: str
    kind: Literal["value", "aggregate"]
    labels: tuple[str, ...] = ()


class Shaping(Struct, frozen=True, omit_defaults=True):
    """A column that shapes the result without being in it, how, and with which labels."""

    column: str
    kind: Literal["lookup", "join", "filter", "aggregate"]
    labels: tuple[str, ...] = ()


class Shown(Struct, frozen=True, omit_defaults=True):
    """One output: what reaches it and how it leaves: `clear`, a mask method, or `withheld` with the whole statement."""

    name: str
    mask: str
    params: dict[str, str] = {}
    labels: tuple[str, ...] = ()
    flows: tuple[Reach, ...] = ()
    opaque: bool = False


class Landed(Struct, frozen=True, omit_defaults=True):
    """A column that is written and what flows into it."""

    column: str
    flows: tuple[Reach, ...] = ()
    opaque: bool = False


class Found(Struct, frozen=True):
    """What the detectors found in values without a label: in which output, how many of which label, and if they left in clear."""

    output: int
    label: str
    values: int
    shown: bool


class Named(Struct, frozen=True, omit_defaults=True):
    """Whom an output named: keyed hashes of its identifying values, as they left `shown` in clear or masked.

    `values`: the distinct hashes, 8 bytes each, sorted, in base64; `key` says under which key. `more`: there were values that are
    not among them (more than 1024 distinct ones, or of a form that is not read).
    """

    output: int
    labels: tuple[str, ...]
    shown: bool
    key: str
    values: str = ""
    more: bool = False


class Touched(Struct, frozen=True):
    """A relation and what is done to it."""

    table: str
    access: str


class Duties(Struct, frozen=True, omit_defaults=True):
    """What an allowed statement must still obey; times in milliseconds."""

    row_limit: int | None = None
    statement_timeout_ms: int | None = None
    read_only: bool = False


class Refused(Struct, frozen=True, omit_defaults=True):
    """Why a statement was refused or held, in the words the caller read."""

    code: str
    message: str
    detail: str = ""


class Assent(Struct, frozen=True, omit_defaults=True):
    """Somebody who approved, as what, why, and by which channel."""

    by: str
    groups: tuple[str, ...] = ()
    reason: str = ""
    channel: str = ""


class Approved(Struct, frozen=True, omit_defaults=True):
    """The approval that a statement ran under: the request, and who approved it."""

    request: str
    by: tuple[Assent, ...] = ()
