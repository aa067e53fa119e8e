"""The control state as it began: requests and votes, grants and reviews, revocations, credentials, the outbox, the feed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    _asked()
    _given()
    _told()


def _asked() -> None:
    op.create_table(
        "sluice_requests",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("requester", sa.String, nullable=False),
        sa.Column("parties", sa.JSON, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("needs", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("closes_at", sa.Float, nullable=False),
        sa.Column("decided_at", sa.Float),
        sa.Column("valid_seconds", sa.Float, nullable=False),
        sa.Column("valid_until", sa.Float),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
    )
    op.create_index("sluice_requests_by_digest", "sluice_requests", ["digest", "state"])
    op.create_index("sluice_requests_by_state", "sluice_requests", ["state", "closes_at"])
    op.create_table(
        "sluice_votes",
        sa.Column("request", sa.String, sa.ForeignKey("sluice_requests.id", ondelete="cascade"), nullable=False),
        sa.Column("voter", sa.String, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.UniqueConstraint("request", "voter", name="sluice_votes_one_each"),
    )


def _given() -> None:
    op.create_table(
        "sluice_grants",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("request", sa.String),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_by", sa.JSON, nullable=False),
        sa.Column("starts_at", sa.Float, nullable=False),
        sa.Column("ends_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("ended_by", sa.String, nullable=False),
    )
    op.create_index("sluice_grants_by_end", "sluice_grants", ["ends_at"])
    op.create_table(
        "sluice_reviews",
        sa.Column("grant", sa.String, sa.ForeignKey("sluice_grants.id", ondelete="cascade"), primary_key=True),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("reviewer", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.Float),
    )
    op.create_table(
        "sluice_revocations",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_by", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("until", sa.Float),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("sluice_revocations_by_subject", "sluice_revocations", ["kind", "subject"])
    op.create_table(
        "sluice_credentials",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("identity", sa.JSON, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("verifier", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("sluice_credentials_by_expiry", "sluice_credentials", ["expires_at"])


def _told() -> None:
    op.create_table(
        "sluice_feed",
        sa.Column("topic", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "sluice_outbox",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_until", sa.Float, nullable=False),
        sa.Column("done_at", sa.Float),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("sluice_outbox_by_next", "sluice_outbox", ["done_at", "next_at"])
