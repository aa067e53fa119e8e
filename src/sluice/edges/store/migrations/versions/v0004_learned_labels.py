"""Labels that columns took on by writes, for all nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "sluice_learned",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("oid", sa.BigInteger, primary_key=True),
        sa.Column("attnum", sa.Integer, primary_key=True),
        sa.Column("label", sa.String, primary_key=True),
    )
