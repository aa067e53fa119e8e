"""What is asked of humans about one statement, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """So many members of this group have to approve."""

    group: str
    count: int


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who approved: `user:olga`, by which groups, why, and on which channel."""

    name: str
    groups: tuple[str, ...]
    reason: str
    channel: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Leave by humans for one statement. `needs` are what they met. An empty `request`: foreseen, not given."""

    request: str
    needs: tuple[Need, ...] = ()
    approvers: tuple[Approver, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """A statement that waits for humans: what an approval is bound to, and what they are shown.

    `digest` covers the exact text, its parameters and all that its meaning hangs on. `text` is as the log writes it, so
    literals that meet labelled columns are left out; `parameters` likewise. `probe` is the text to estimate rows by (empty:
    none can be), under `search_path`. `valid_seconds` is how long an approval holds, `uses` how often.
    """

    digest: str
    event_id: str
    purpose: str
    needs: tuple[Need, ...]
    policies: tuple[str, ...]
    why: str
    valid_seconds: float
    uses: int
    text: str
    parameters: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    functions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    search_path: tuple[str, ...] = ()
    probe: str = ""
    reason: str = ""
    """Why, in the caller's words."""

    @property
    def whom(self) -> str:
        """Who has to approve, in words."""
        return " and ".join(f"{need.count} of `{need.group}`" for need in self.needs)
