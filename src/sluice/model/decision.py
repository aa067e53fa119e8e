"""What policy answers, and the permit that lets bytes go upstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from sluice.model.columns import ColumnRef

MaskMethod = Literal["null", "redact", "partial", "email", "hash", "pseudonym", "generalize", "scrub"]
Outcome = Literal["allow", "refuse", "hold"]


@dataclass(frozen=True, slots=True)
class Mask:
    """How one output is hidden.

    `method` is one of `MaskMethod`; `params` are its settings as sorted pairs (`partial`: `keep_last`; `generalize`:
    `width` for numbers, `unit` month|year for dates). `labels` are why it is hidden.
    """

    method: MaskMethod
    params: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Obligations:
    """What an allowed statement must still obey; None: not asked for. Times in milliseconds."""

    row_limit: int | None = None
    statement_timeout_ms: int | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was refused, in the words the caller will read. Never holds data values."""

    message: str
    detail: str = ""
    hint: str = ""
    code: str = "42501"


class Cost(NamedTuple):
    """What one row in clear takes from a budget: `values` of a label, shown to `who` (`user:dana`).

    `most` values within `seconds` are let out; what would go over that is masked, or (`cuts`) ends the result.
    """

    who: str
    label: str
    values: int
    most: int
    seconds: int
    cuts: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one statement.

    `masks[i]` hides output i (None: clear); shorter or longer than the real result is a refusal by the session.
    `masks` is None when the statement has no result that the analysis can number.
    `clear_unknown`: a result that the analysis cannot number may leave in clear (else all of it becomes NULL).
    `policies` are the ids that decided, sorted;
    `revealed` and `hidden` are the labels that leave in clear and that are masked.
    `quiet_errors`: error texts may carry a value the caller may not see, so they are withheld.
    """

    outcome: Outcome
    policies: tuple[str, ...] = ()
    masks: tuple[Mask | None, ...] | None = None
    obligations: Obligations = Obligations()
    refusal: Refusal | None = None
    revealed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    quiet_errors: bool = False
    inherits: tuple[tuple[ColumnRef, str], ...] = ()
    """(column, label) pairs a written column takes on once the write commits."""
    clear_unknown: bool = False
    costs: tuple[Cost, ...] = ()
    """What each row takes from budgets; one for each (who, label, seconds)."""
