"""Exit statuses, the same for every command."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Status(IntEnum):
    """What a command ends with; `MEANINGS` says what each means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    FAULT = 4


MEANINGS: Mapping[Status, str] = {
    Status.OK: "it did what it was asked",
    Status.FAILED: "a check failed, or a statement would be refused or held",
    Status.USAGE: "the command line, or a configuration, label or policy file, is wrong",
    Status.UNREACHABLE: "a database, file or secret could not be reached",
    Status.FAULT: "a fault of Sluice's own: please report it",
}


class Failure(Exception):
    """Ends a command: the text for its user, the status, and what to try next."""

    def __init__(self, status: Status, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem}; {advice}" if advice else problem)
        self.status = status
        self.problem = problem
        self.advice = advice
