"""Why a proof was not accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejected:
    """A proof that proves nothing. `reason` is for the log and never for the client."""

    reason: str
