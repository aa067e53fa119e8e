"""Exit statuses, the same for every command."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a command ends with."""

    OK = 0
    """It did what it was asked."""
    FAILED = 1
    """A check failed, or a statement would be refused."""
    USAGE = 2
    """The command line or a configuration, label or policy file is wrong."""
    UNREACHABLE = 3
    """A database, file or secret could not be reached."""


class Failure(Exception):
    """Ends a command: the text for its user, the status, and what to try next."""

    def __init__(self, status: Status, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem}; {advice}" if advice else problem)
        self.status = status
        self.problem = problem
        self.advice = advice
