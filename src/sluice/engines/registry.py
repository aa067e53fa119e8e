"""All engines, in one visible list."""

from __future__ import annotations

from sluice.engines.engine import Engine
from sluice.engines.postgres.engine import POSTGRES

ENGINES: tuple[Engine, ...] = (POSTGRES,)
