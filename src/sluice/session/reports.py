"""Which new values of its parameters the server may report to a client.

Code of others (a trigger, a function in a view) may put what it has read into a setting, and the server tells the client of it.
So a parameter that can hold any text is passed on only where the statements that the report is due to ran no code; what a
rollback or the end of a transaction brings back must have been passed on before.
Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sluice.session.memory import Bounded
from sluice.sql.span import Confidence, Span

KEPT = 64

FEW_WORDS: Final = frozenset(
    {
        "client_encoding", "datestyle", "default_transaction_read_only", "in_hot_standby", "integer_datetimes", "intervalstyle",
        "is_superuser", "server_encoding", "server_version", "standard_conforming_strings",
    }
)  # fmt: skip
"""Parameters with a handful of values each; a driver goes wrong without them. Of any other, nobody knows what it may hold."""

_TURNING_BACK: Final = frozenset({"commit", "rollback", "rollback-to", "discard"})


class Reports:
    """What one client has heard of the server's parameters."""

    __slots__ = ("_heard", "_start", "since")

    def __init__(self, start: Mapping[str, str]) -> None:
        """`start`: the parameters as the login reported them."""
        self._start = start
        self._heard: Bounded[tuple[str, str], bool] = Bounded(KEPT)
        self.since: list[Span] = []
        """What has ended since the server last said that it is ready, and is no longer under way."""

    def may_pass(self, name: str, value: str, running: Iterable[Span]) -> bool:
        """Whether the client may hear this; `running`: what is under way besides `since`."""
        if name.lower() in FEW_WORDS or self._start.get(name) == value:
            return True
        spans = (*self.since, *running)
        if not spans or any(_runs_code(span) for span in spans):
            return False
        turned_back = any(effect.kind in _TURNING_BACK for span in spans for effect in span.effects)
        if turned_back and self._heard.get((name, value)) is None:
            return False
        self._heard.keep((name, value), True)
        return True


def _runs_code(span: Span) -> bool:
    return span.runs_code or bool(span.functions) or span.confidence is Confidence.OPAQUE
