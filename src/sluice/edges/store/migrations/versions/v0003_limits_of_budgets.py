"""How much each budget allows, beside what was spent of it, so that people can be shown both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; what was counted before says 0."""
    op.add_column("sluice_spent", sa.Column("most", sa.BigInteger, nullable=False, server_default="0"))
