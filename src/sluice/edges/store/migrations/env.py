"""Run by Alembic: migrates on the connection that `Store` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from sluice.edges.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="sluice_schema",
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
