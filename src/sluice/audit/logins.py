"""The events of credentials and of the identity provider: what was minted, what ended, who logged out."""

from __future__ import annotations

from msgspec import Struct

from sluice.audit.values import Caller


class CredentialMinted(Struct, frozen=True, tag_field="event", tag="credential-minted"):
    """Somebody signed in was given a database credential: good for one source and one purpose, until `expires`."""

    id: str
    time: str
    credential: str
    identity: Caller
    source: str
    purpose: str
    expires: str
    address: str


class CredentialEnded(Struct, frozen=True, tag_field="event", tag="credential-ended"):
    """A database credential was ended before its time, by somebody or by a logout at the identity provider."""

    id: str
    time: str
    credential: str
    identity: str
    source: str
    by: str


class LoggedOut(Struct, frozen=True, tag_field="event", tag="logged-out"):
    """The identity provider said that somebody logged out; `subject` or `session` (or both) say who and where."""

    id: str
    time: str
    issuer: str
    subject: str
    session: str
    token: str
