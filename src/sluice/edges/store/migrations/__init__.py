"""Alembic's folder: `env.py` is run by it, `versions` holds one file a change of the tables."""
