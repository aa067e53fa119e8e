"""The tables of the control state. Times are seconds since the epoch; what is a list or a tree is JSON.

A change of a table is a migration in `migrations/versions`; a test holds this file against what the migrations make.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

feed = Table(
    "sluice_feed",
    METADATA,
    Column("topic", String, primary_key=True),
    Column("version", Integer, nullable=False),
    comment="how often each topic changed; a writer of a topic holds its row",
)

requests = Table(
    "sluice_requests",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("source", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("requester", String, nullable=False),
    Column("parties", JSON, nullable=False),
    Column("purpose", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("needs", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("closes_at", Float, nullable=False),
    Column("decided_at", Float),
    Column("valid_seconds", Float, nullable=False),
    Column("valid_until", Float),
    Column("uses", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Index("sluice_requests_by_digest", "digest", "state"),
    Index("sluice_requests_by_state", "state", "closes_at"),
    comment="held statements and requests for access, from being asked to their end",
)

votes = Table(
    "sluice_votes",
    METADATA,
    Column("request", String, ForeignKey("sluice_requests.id", ondelete="cascade"), nullable=False),
    Column("voter", String, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("verdict", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("channel", String, nullable=False),
    Column("at", Float, nullable=False),
    UniqueConstraint("request", "voter", name="sluice_votes_one_each"),
    comment="who approved or denied a request, once each",
)

grants = Table(
    "sluice_grants",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("source", String, nullable=False),
    Column("role", String, nullable=False),
    Column("request", String),
    Column("reason", Text, nullable=False),
    Column("given_by", JSON, nullable=False),
    Column("starts_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_by", String, nullable=False),
    Index("sluice_grants_by_end", "ends_at"),
    comment="membership of a group for a while, on one source: asked for ahead of time, or by break-glass",
)

reviews = Table(
    "sluice_reviews",
    METADATA,
    Column("grant", String, ForeignKey("sluice_grants.id", ondelete="cascade"), primary_key=True),
    Column("due_at", Float, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Float),
    comment="what somebody else found when they looked at a break-glass afterwards",
)

revocations = Table(
    "sluice_revocations",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_by", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("detail", JSON, nullable=False),
    Index("sluice_revocations_by_subject", "kind", "subject"),
    comment="what is no longer good: an identity, a token, a session, a credential",
)

credentials = Table(
    "sluice_credentials",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("identity", JSON, nullable=False),
    Column("source", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("detail", JSON, nullable=False),
    Index("sluice_credentials_by_expiry", "expires_at"),
    comment="database credentials that Sluice minted; only what checks them, never the secret",
)

spent = Table(
    "sluice_spent",
    METADATA,
    Column("who", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("seconds", Integer, primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("shown", BigInteger, nullable=False),
    Column("most", BigInteger, nullable=False, server_default="0"),
    comment="values of a label shown to each principal, or leased to be, by slots of time, and how many may be; what budgets are counted by",
)

learned = Table(
    "sluice_learned",
    METADATA,
    Column("source", String, primary_key=True),
    Column("oid", BigInteger, primary_key=True),
    Column("attnum", Integer, primary_key=True),
    Column("label", String, primary_key=True),
    comment="labels that columns took on by writes, by the table's oid and the column's number in it",
)

outbox = Table(
    "sluice_outbox",
    METADATA,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_until", Float, nullable=False),
    Column("done_at", Float),
    Column("error", Text, nullable=False),
    Index("sluice_outbox_by_next", "done_at", "next_at"),
    comment="what is still to be told to people, until it was",
)
