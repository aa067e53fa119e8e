"""How many values of a label each principal was shown: what budgets are counted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "sluice_spent",
        sa.Column("who", sa.String, primary_key=True),
        sa.Column("label", sa.String, primary_key=True),
        sa.Column("seconds", sa.Integer, primary_key=True),
        sa.Column("slot", sa.BigInteger, primary_key=True),
        sa.Column("shown", sa.BigInteger, nullable=False),
    )
