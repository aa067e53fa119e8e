"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice.edges.answers.language import QueryError, moment
from sluice.faces.cli.statuses import Failure, Status


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """The moment in `90d`, `2026-01-31` and the like, counted back from `now`. Raises Failure for anything else."""
    try:
        return moment(text, now or datetime.now(UTC))
    except QueryError as error:
        raise Failure(Status.USAGE, str(error)) from error
